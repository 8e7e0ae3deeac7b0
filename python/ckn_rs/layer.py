"""The layers of a model, as typed records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeAlias

import numpy as np

from ckn_rs._support.html_table import html_table
from ckn_rs._support.options import whole

Lengths: TypeAlias = int | tuple[int, int]
"""A number of positions along both axes, or one along rows and one along columns."""

Pooling: TypeAlias = str | Sequence[float] | tuple[str | Sequence[float], str | Sequence[float]]
"""A pooling, by its name or its weights: one for both axes, or one for rows and one for columns."""

INTEGERS = ("npatch", "subsampling", "poolfactor", "stride", "dilation", "degree", "shortcut")
"""The fields of a layer that are integers."""


@dataclass(frozen=True, repr=False)
class Layer:
    """One layer: patches, a patch kernel on them, and pooling.

    A layer is a plain record. Its values are checked when a :class:`Model` is made of it, or when
    it is passed to a function. Lists and arrays in it become tuples, and NumPy scalars become
    Python scalars. Where an integer is wanted, a whole float from 1 to 9e15, such as 3.0, becomes
    one.

    Parameters
    ----------
    npatch : int or (int, int)
        Rows and columns of a patch, in positions. Here and below a pair is ``(rows, columns)``.
    subsampling : int or (int, int), optional
        Stride of the pooling. It may be left out only if the pooling has none.
    poolfactor : int or (int, int), optional
        Width ``f`` of the pooling window, by the formulas below. None is ``subsampling``.
    kernel : str, optional
        The patch kernel, one of those below. None is ``'relu'`` for the NTK, else ``'exp'``.
    sigma : float
        A number above 0: ``s`` in the formulas of the kernels below.
    pooling : str, or sequence of float, or a pair of these
        How positions are pooled along one axis. With ``s`` for ``subsampling`` and ``f`` for
        ``poolfactor``, output ``P`` is

        - ``'gaussian'``: positions ``s P .. s P + 2 f``, weighted by ``exp(-i^2/f^2)`` with
          ``i = -f .. f`` [1]_;
        - ``'average'``: the sum of positions ``s P .. s P + f - 1``, divided by ``f``;
        - ``'strided'``: position ``s (P + 1)``;
        - ``'global'``: the mean of all positions;
        - ``'none'``: position ``P``;
        - a sequence of numbers: positions ``s P, s P + 1, ..``, weighted by these numbers.

        The far edge cuts a window, which may be wider than the map: positions outside are left out,
        and the other weights do not change. So an average of a window that is cut is still divided
        by ``f``. The weights of a window of ``10**9`` positions or more are so small that kernels
        may underflow to 0 in float32.
    padding : {'same', 'valid', 'circular'}
        Treatment of the edge. With ``'same'`` there is a patch around every position, and
        positions beyond the edge are left out of it; it may be wider than the map. With
        ``'valid'`` no patch reaches beyond the edge. With ``'circular'`` a patch that reaches
        beyond it goes on at the opposite edge.
    stride, dilation : int or (int, int)
        Steps in positions: ``stride`` from one patch to the next, ``dilation`` from one position
        of a patch to the next.
    a, b : float, optional
        Slopes of ``'abrelu'`` below and above 0; ``b`` is 1 by default.
    degree : int, optional
        The degree of ``'poly'``, up to 64.
    offset : float, optional
        The offset ``t`` of ``'poly'``: 0 or above, by default 0.
    homogeneous : bool, optional
        Whether ``'poly'`` and ``'series'`` are functions of the cosine (the default), or of the
        inner product.
    coefficients : sequence of float, optional
        The coefficients ``c`` of ``'series'``: up to 64 numbers, 0 or above.
    weight_std : float
        The standard deviation of the layer's weights, above 0. A cosine is divided by norms of at
        least 1e-6, so that scales which make all norms smaller change more than a factor.
    bias_std : float
        The standard deviation of the layer's biases, 0 or above.
    shortcut : int
        The number of layers of the block that ends here, if the map before the block is added to
        this layer's map; :class:`ckn_rs.Residual` writes it. 0 for none.

    Notes
    -----
    The inner product of two patches is ``weight_std^2 s / fan + bias_std^2``, where ``s`` is the
    sum of the map below over the positions of a patch. It is that of patches of norms ``n`` and
    ``n'``. ``fan`` is 1, or what the model's convention divides by: see :class:`Model`. The NTK
    trains the biases, too.

    With ``n`` and ``n'`` the norms of two patches, ``S`` their inner product, ``u = S/(n n')``
    their cosine, ``k0(u) = (pi - arccos u)/pi`` and
    ``k1(u) = (sqrt(1-u^2) + u (pi - arccos u))/pi``, the patch kernels are

    - ``exp``: ``n n' exp((u-1)/s^2)`` [2]_;
    - ``relu``: ``n n' k1(u)``, the arc-cosine kernel of order 1 [3]_;
    - ``step``: ``k0(u)``, that of order 0 [3]_; it has no NTK;
    - ``arccos2``: ``(n n')^2 (3 u sqrt(1-u^2)/pi + (1 + 2 u^2) k0(u))``, that of order 2 [3]_;
    - ``abrelu``: ``n n' ((a-b)^2 k1(u) + 2 a b u)``, of the activation
      ``a min(x, 0) + b max(x, 0)``;
    - ``erf``: ``(2/pi) arcsin(2 C/sqrt((1 + 2 A)(1 + 2 B)))`` [4]_;
    - ``gelu``: ``((C^2 + A B D^2)/(P D) + C arcsin(C/sqrt(P)))/(2 pi) + C/4`` [5]_;
    - ``sin`` and ``cos``: ``exp(-(A+B)/2) sinh(C)`` and ``exp(-(A+B)/2) cosh(C)``, whose sum is the
      Gaussian kernel of random features [6]_;
    - ``rbf``, also called ``gaussian``: ``exp(-(n^2 + n'^2 - 2 S)/(2 s^2))``;
    - ``linear``: ``n n' s u``;
    - ``poly2``, ``poly3``, ``poly4``: ``n n' u^2``, ``n n' u^3``, ``n n' u^4`` [7]_;
    - ``square``: ``(n n' u)^2``;
    - ``poly``: ``n n' (u + t)^degree``, or, not homogeneous, ``(S + t)^degree``;
    - ``series``: ``n n' sum_k c[k] u^k``, or, not homogeneous, ``sum_k c[k] S^k``,

    where ``A = s^2 n^2``, ``B = s^2 n'^2``, ``C = s^2 S``, ``P = (1 + A)(1 + B)`` and
    ``D = sqrt(P - C^2)``. With ``w ~ N(0, I)``, ``relu``, ``step``, ``arccos2`` and ``abrelu`` are
    ``2 E[phi(w.x) phi(w.y)]`` of an activation ``phi``; with ``w ~ N(0, s^2 I)``, ``erf``,
    ``gelu``, ``sin`` and ``cos`` are ``E[phi(w.x) phi(w.y)]``, with ``phi`` the function of that
    name.

    References
    ----------
    .. [1] A. Bietti and J. Mairal, "Group Invariance, Stability to Deformations, and Complexity of
       Deep Convolutional Representations", JMLR 20(25), 2019.
    .. [2] J. Mairal, "End-to-End Kernel Learning with Supervised Convolutional Kernel Networks",
       arXiv:1605.06265, 2016.
    .. [3] Y. Cho and L. K. Saul, "Kernel Methods for Deep Learning", NIPS, 2009.
    .. [4] C. K. I. Williams, "Computing with Infinite Networks", NIPS, 1997.
    .. [5] R. Tsuchida, T. Pearce, C. van der Heide, F. Roosta and M. Gallagher, "Avoiding Kernel
       Fixed Points: Computing with ELU and GELU Infinite Networks", AAAI, 2021.
    .. [6] A. Rahimi and B. Recht, "Random Features for Large-Scale Kernel Machines", NIPS, 2007.
    .. [7] A. Bietti, "Approximation and Learning with Deep Convolutional Models: a Kernel
       Perspective", ICLR, 2022.

    Examples
    --------
    >>> Layer(npatch=3, subsampling=2, kernel="exp", sigma=0.6)
    Layer(npatch=3, subsampling=2, kernel='exp', sigma=0.6)

    Patches of one row and five columns, two positions apart, and no pooling of rows:

    >>> Layer((1, 5), (1, 2), pooling=("none", "average"), stride=2)
    Layer(npatch=(1, 5), subsampling=(1, 2), pooling=('none', 'average'), stride=2)

    The leaky ReLU, and weights as those of a binomial filter:

    >>> leaky = Layer(3, 2, kernel="abrelu", a=0.1, pooling=[0.25, 0.5, 0.25])
    >>> leaky.pooling
    (0.25, 0.5, 0.25)

    Weights and biases of other standard deviations:

    >>> Layer(3, pooling="none", kernel="erf", weight_std=1.4, bias_std=0.1)
    Layer(npatch=3, kernel='erf', pooling='none', weight_std=1.4, bias_std=0.1)
    """

    npatch: Lengths
    subsampling: Lengths | None = None
    poolfactor: Lengths | None = None
    kernel: str | None = None
    sigma: float = 1.0
    pooling: Pooling = "gaussian"
    padding: str = "same"
    stride: Lengths = 1
    dilation: Lengths = 1
    a: float | None = None
    b: float | None = None
    degree: int | None = None
    offset: float | None = None
    homogeneous: bool | None = None
    coefficients: Sequence[float] | None = None
    weight_std: float = 1.0
    bias_std: float = 0.0
    shortcut: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = frozen(getattr(self, field.name))
            if field.name in INTEGERS:
                value = _whole(value)
            object.__setattr__(self, field.name, value)

    def to_dict(self) -> dict[str, Any]:
        """The layer as a dict, with the keys of the original.

        A value of None is left out. A key that the original does not have is left out if it has its
        default. Tuples become lists.

        Examples
        --------
        >>> Layer(3, 2).to_dict()
        {'npatch': 3, 'subsampling': 2, 'sigma': 1.0, 'pooling': 'gaussian'}
        >>> Layer((3, 5), pooling="none", stride=2).to_dict()
        {'npatch': [3, 5], 'sigma': 1.0, 'pooling': 'none', 'stride': 2}
        """
        named = ((field, getattr(self, field.name)) for field in fields(self))
        return {
            field.name: _thawed(value)
            for field, value in named
            if value is not None
            and (field.name in ("sigma", "pooling") or not _same(value, field.default))
        }

    def __repr__(self) -> str:
        return f"Layer({', '.join(f'{name}={value!r}' for name, value in _said(self))})"

    def _repr_html_(self) -> str:
        return html_table(list(zip(*_said(self), strict=True)))


@dataclass(frozen=True, repr=False)
class Dense:
    """The dense layer in which a network ends, with the scales of its weights and its bias.

    It turns the readout ``R`` of the CKN, and that of the NTK, into
    ``weight_std^2 R + bias_std^2``. The NTK's own readout counts the training of this layer
    already, and that of the bias comes with its square. Values are checked when a :class:`Model` is
    made.

    Parameters
    ----------
    weight_std : float
        The standard deviation of the weights, above 0.
    bias_std : float
        The standard deviation of the bias, 0 or above.

    Examples
    --------
    >>> from ckn_rs import Dense, Layer, Model
    >>> Model([Layer(3, 2, kernel="relu")], dense=Dense(weight_std=1.4, bias_std=0.1))
    Model([
        Layer(npatch=3, subsampling=2, kernel='relu'),
    ], dense=Dense(weight_std=1.4, bias_std=0.1))
    """

    weight_std: float = 1.0
    bias_std: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            object.__setattr__(self, field.name, frozen(getattr(self, field.name)))

    def to_dict(self) -> dict[str, Any]:
        """Both scales, as a dict.

        Examples
        --------
        >>> Dense(weight_std=1.4).to_dict()
        {'weight_std': 1.4, 'bias_std': 0.0}
        """
        return asdict(self)

    def __repr__(self) -> str:
        return f"Dense({', '.join(f'{name}={value!r}' for name, value in _said(self))})"


def _said(record: Layer | Dense) -> list[tuple[str, Any]]:
    """Values that are not the default; the others would make it hard to read."""
    named = ((field, getattr(record, field.name)) for field in fields(record))
    return [(field.name, value) for field, value in named if not _same(value, field.default)]


def frozen(value: Any) -> Any:
    """A value of Python scalars and tuples, which can be hashed and written to a file."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    return tuple(map(frozen, value)) if isinstance(value, list | tuple) else value


def _whole(value: Any) -> Any:
    """Whole floats as integers, also in a pair. The core refuses other floats."""
    return tuple(map(whole, value)) if isinstance(value, tuple) else whole(value)


def _thawed(value: Any) -> Any:
    return [_thawed(item) for item in value] if isinstance(value, tuple) else value


def _same(value: Any, default: Any) -> bool:
    """Whether both are equal and of one type: ``True`` is not 1, but a mistake to report."""
    return type(value) is type(default) and bool(value == default)
