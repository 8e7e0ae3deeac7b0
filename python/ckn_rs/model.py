"""The typed model: :class:`Layer` and :class:`Model`, interchangeable with the original's dicts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeAlias, overload

import numpy as np

from ckn_rs import _core
from ckn_rs._table import text_table


@dataclass(frozen=True, repr=False)
class Layer:
    """One layer: patches, a patch kernel on them, and pooling.

    A layer is a plain record; its values are checked when a :class:`Model` is made of it, or when
    it is passed to a function.

    Parameters
    ----------
    npatch : int
        Side of the square patch, in positions.
    subsampling : int
        Stride of the pooling.
    poolfactor : int, optional
        Width of the pooling window, in the pooling's own sense. None is ``subsampling``.
    kernel : {'exp', 'relu', 'linear', 'poly2', 'poly3', 'poly4', 'square'}, optional
        The patch kernel. None is ``'relu'`` for the NTK and ``'exp'`` otherwise. With patch norms
        ``n``, ``n'`` and cosine ``u``: ``exp`` is ``n n' exp((u-1)/sigma^2)`` [1]_, ``relu`` the
        arc-cosine kernel of order 1, ``n n' (sqrt(1-u^2) + u (pi - arccos u))/pi`` [2]_,
        ``linear`` ``sigma n n' u``, ``poly2`` to ``poly4`` ``n n' u^d``, ``square`` ``(n n' u)^2``.
    sigma : float
        The patch kernel's parameter, above 0.
    pooling : {'gaussian', 'average', 'strided'}
        ``gaussian`` weighs position ``i`` by ``exp(-i^2/poolfactor^2)``, ``|i| <= poolfactor``;
        ``average`` is a mean over ``poolfactor`` positions; ``strided`` takes one position.

    References
    ----------
    .. [1] J. Mairal, "End-to-End Kernel Learning with Supervised Convolutional Kernel Networks",
       arXiv:1605.06265, 2016.
    .. [2] Y. Cho and L. K. Saul, "Kernel Methods for Deep Learning", NIPS, 2009.

    Examples
    --------
    >>> Layer(npatch=3, subsampling=2, kernel="exp", sigma=0.6)
    Layer(npatch=3, subsampling=2, kernel='exp', sigma=0.6)
    """

    npatch: int
    subsampling: int
    poolfactor: int | None = None
    kernel: str | None = None
    sigma: float = 1.0
    pooling: str = "gaussian"

    def to_dict(self) -> dict[str, Any]:
        """The layer as the original writes it; a value of None is left out.

        Examples
        --------
        >>> Layer(3, 2).to_dict()
        {'npatch': 3, 'subsampling': 2, 'sigma': 1.0, 'pooling': 'gaussian'}
        """
        values = {field.name: _plain(getattr(self, field.name)) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    def __repr__(self) -> str:
        # Only what differs from the defaults (the required fields have none): easier to read.
        named = ((f, getattr(self, f.name)) for f in fields(self))
        shown = ", ".join(f"{f.name}={value!r}" for f, value in named if value != f.default)
        return f"Layer({shown})"


class Model(Sequence[Layer]):
    """An immutable sequence of layers, the first one reading pixels.

    Parameters
    ----------
    layers : iterable of Layer or of dicts
        At least one.

    Raises
    ------
    TypeError, ValueError
        If a layer has a key, a type or a value that no model has; the message names the layer and
        what would be right. Whether the layers fit an image is only known with its shape: see
        :meth:`describe`.

    Examples
    --------
    >>> model = Model([Layer(3, 2, kernel="exp", sigma=0.6), {"npatch": 3, "subsampling": 5}])
    >>> model
    Model([
        Layer(npatch=3, subsampling=2, kernel='exp', sigma=0.6),
        Layer(npatch=3, subsampling=5),
    ])
    >>> len(model), model[1].subsampling
    (2, 5)
    """

    __slots__ = ("_layers",)

    def __init__(self, layers: Iterable[Layer | Mapping[str, Any]]) -> None:
        dicts = as_dicts(layers)
        _core.resolve_layers(dicts, False)
        self._layers = tuple(
            Layer(**{key: _plain(value) for key, value in layer.items()}) for layer in dicts
        )

    @classmethod
    def from_dicts(cls, dicts: Iterable[Mapping[str, Any]]) -> Model:
        """A model of the original's list of dicts."""
        return cls(dicts)

    def to_dicts(self) -> list[dict[str, Any]]:
        """The original's list of dicts; a value of None is left out.

        Examples
        --------
        >>> Model([Layer(3, 2, kernel="relu")]).to_dicts()
        [{'npatch': 3, 'subsampling': 2, 'kernel': 'relu', 'sigma': 1.0, 'pooling': 'gaussian'}]
        """
        return [layer.to_dict() for layer in self._layers]

    @classmethod
    def from_json(cls, text: str) -> Model:
        """Read ``{"layers": [...]}`` or the bare list, one object a layer.

        Raises
        ------
        ValueError, TypeError
            If this is not JSON, or not a model.

        Examples
        --------
        >>> Model.from_json('[{"npatch": 3, "subsampling": 2}]')
        Model([
            Layer(npatch=3, subsampling=2),
        ])
        """
        try:
            value = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"model: not JSON: {error}") from None
        if isinstance(value, dict):
            if set(value) != {"layers"}:
                raise ValueError(f'model: the one key must be "layers", got {sorted(value)}')
            value = value["layers"]
        return cls(value)

    def to_json(self) -> str:
        """``{"layers": [...]}``, indented."""
        return json.dumps({"layers": self.to_dicts()}, indent=2) + "\n"

    @classmethod
    def from_toml(cls, text: str) -> Model:
        """Read one ``[[layers]]`` table a layer, with the dicts' keys.

        Raises
        ------
        ValueError, TypeError
            If this is not TOML, or not a model.

        Examples
        --------
        >>> Model.from_toml('''
        ... [[layers]]
        ... npatch = 3
        ... subsampling = 2
        ... ''')
        Model([
            Layer(npatch=3, subsampling=2),
        ])
        """
        return cls(_core.layers_from_toml(text))

    def to_toml(self) -> str:
        """One ``[[layers]]`` table a layer; a value of None is left out."""
        return _core.layers_to_toml(self.to_dicts())

    @classmethod
    def load(cls, path: str | Path) -> Model:
        """Read a ``.json`` or ``.toml`` file.

        Raises
        ------
        ValueError, TypeError
            If the name ends otherwise, or the file does not hold a model.
        OSError
            If the file cannot be read.
        """
        suffix = _suffix(path)
        text = Path(path).read_text(encoding="utf-8")
        return cls.from_toml(text) if suffix == ".toml" else cls.from_json(text)

    def save(self, path: str | Path) -> None:
        """Write a ``.json`` or ``.toml`` file.

        Raises
        ------
        ValueError
            If the name ends otherwise.
        OSError
            If the file cannot be written.
        """
        text = self.to_toml() if _suffix(path) == ".toml" else self.to_json()
        Path(path).write_text(text, encoding="utf-8")

    def describe(self, shape: tuple[int, int, int], ntk: bool = False) -> str:
        """A table of every layer's geometry for images of this shape.

        Parameters
        ----------
        shape : (int, int, int)
            ``(h, w, c)`` of an image.
        ntk : bool
            Which kernel a layer without one gets: ``relu`` for the NTK, else ``exp``.

        Returns
        -------
        str
            One line a layer: the sizes of the map it reads and of the one it leaves, the positions
            at which it needs a patch (``sites``), and the pooling's weights along one axis
            (``taps``).

        Raises
        ------
        ValueError
            If a layer does not fit, or leaves no positions.

        Examples
        --------
        >>> model = Model([Layer(3, 2, kernel="exp", sigma=0.6), Layer(3, 5, sigma=0.6)])
        >>> print(model.describe((32, 32, 3)))
        CKN of images 32x32x3
        layer  input  patch  kernel          pooling     output  sites  taps
        0      32x32  3x3    exp, sigma 0.6  gaussian 2  15x15   32x32  5
        1      15x15  3x3    exp, sigma 0.6  gaussian 5  2x2     15x15  11
        """
        rows: list[tuple[object, ...]] = [
            ("layer", "input", "patch", "kernel", "pooling", "output", "sites", "taps")
        ]
        for index, plan in enumerate(_core.geometry(self.to_dicts(), shape, bool(ntk))):
            layer = Layer(**{field.name: plan[field.name] for field in fields(Layer)})
            before, after, at = (_size(plan[key]) for key in ("input", "output", "sites"))
            rows.append((index, before, *_cells(layer), after, at, plan["window"]))
        return f"{'NTK' if ntk else 'CKN'} of images {_size(shape)}\n{text_table(rows)}"

    def __str__(self) -> str:
        rows = [(i, *_cells(layer)) for i, layer in enumerate(self._layers)]
        return text_table([("layer", "patch", "kernel", "pooling"), *rows])

    def __repr__(self) -> str:
        return "Model([\n" + "".join(f"    {layer!r},\n" for layer in self._layers) + "])"

    def __len__(self) -> int:
        return len(self._layers)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self._layers)

    @overload
    def __getitem__(self, index: int) -> Layer: ...
    @overload
    def __getitem__(self, index: slice) -> Model: ...
    def __getitem__(self, index: int | slice) -> Layer | Model:
        return Model(self._layers[index]) if isinstance(index, slice) else self._layers[index]

    def __eq__(self, other: object) -> bool:
        return self._layers == other._layers if isinstance(other, Model) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._layers)

    def __reduce__(self) -> tuple[type[Model], tuple[tuple[Layer, ...]]]:
        return Model, (self._layers,)


ModelLike: TypeAlias = Model | Sequence[Layer | Mapping[str, Any]] | Sequence[Mapping[str, Any]]
"""What every function takes as ``model``."""

NOT_LAYERS = (str, bytes, Mapping, Layer)
"""What can be iterated over, but gives no layers."""


def as_dicts(model: object) -> list[dict[str, Any]]:
    """A model in any of its forms as the core takes it; the core checks what the dicts hold.

    Raises
    ------
    TypeError
        If this is not a sequence of layers.
    """
    if isinstance(model, Model):
        return model.to_dicts()
    if isinstance(model, NOT_LAYERS) or not isinstance(model, Iterable):
        raise TypeError(
            "model must be a ckn_rs.Model or a list with one dict a layer, such as "
            '[{"npatch": 3, "subsampling": 2, "kernel": "exp", "sigma": 0.6}], '
            f"got {'None' if model is None else type(model).__name__}"
        )
    return [_as_dict(index, layer) for index, layer in enumerate(model)]


def _as_dict(index: int, layer: object) -> dict[str, Any]:
    if isinstance(layer, dict):  # the usual case, at a tenth of the cost of the next two
        return layer
    if isinstance(layer, Layer):
        return layer.to_dict()
    if isinstance(layer, Mapping):
        return dict(layer)
    raise TypeError(f"model: layer {index} must be a dict or a Layer, got {type(layer).__name__}")


def _plain(value: Any) -> Any:
    """A NumPy scalar as a Python one, which is as good and can be written to a file."""
    return value.item() if isinstance(value, np.generic) else value


def _cells(layer: Layer) -> tuple[str, str, str]:
    """Patch, kernel and pooling in words."""
    sigma = "" if layer.sigma == 1 else f", sigma {layer.sigma:g}"
    factor = layer.poolfactor
    width = "" if factor in (None, layer.subsampling) else f", poolfactor {factor}"
    return (
        f"{layer.npatch}x{layer.npatch}",
        f"{layer.kernel or 'exp (NTK: relu)'}{sigma}",
        f"{layer.pooling} {layer.subsampling}{width}",
    )


def _size(lengths: Sequence[int]) -> str:
    return "x".join(map(str, lengths))


def _suffix(path: str | Path) -> str:
    suffix = Path(path).suffix.lower()
    if suffix not in (".json", ".toml"):
        raise ValueError(f"model: the file name must end in .json or .toml, got {str(path)!r}")
    return suffix
