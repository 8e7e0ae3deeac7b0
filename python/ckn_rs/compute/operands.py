"""The images of a Gram matrix, their norms and the parameters of a gradient, checked for a plan."""

from collections.abc import Iterable, Set
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ckn_rs._support.arrays import Floats, as_images, as_norms, check_same_shape, for_core
from ckn_rs.compute.augment import AnyPlan

PARAMETERS = ("sigma", "weight_std", "bias_std")
"""What a gradient may be with respect to."""

NORM_FLOOR = 1e-6
"""Where a kernel divides by a patch norm, a smaller norm counts as this one."""


class GivenNorms(NamedTuple):
    """Patch norms of one set of images and their inverses, as the caller gave them."""

    norms: ArrayLike | None = None
    inverses: ArrayLike | None = None


class ImageSet(NamedTuple):
    """Images as a plan takes them, and their patch norms if these are known."""

    images: Floats
    norms: Floats | None = None


class Operands(NamedTuple):
    """The images of a Gram matrix: two sets, or one set that is used twice."""

    first: Floats
    second: Floats | None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        _, h, w, c = self.first.shape
        return h, w, c

    @property
    def sets(self) -> list[Floats]:
        """The one set, or the two."""
        return [self.first] if self.second is None else [self.first, self.second]


def as_operands(ims1: ArrayLike, ims2: ArrayLike | None) -> Operands:
    """Images ``(n, h, w, c)`` and ``(m, h, w, c)``; None stands for ``ims1`` again.

    Raises
    ------
    TypeError, ValueError
        If they are not images of one shape.
    """
    operands = Operands(as_images(ims1, "ims1"), None if ims2 is None else as_images(ims2, "ims2"))
    check_same_shape("ims1", operands.shape, "ims2", operands.sets[-1].shape[1:])
    return operands


def as_parameters(wrt: object) -> list[str]:
    """The names of the parameters of a gradient; one name stands for itself.

    Raises
    ------
    TypeError, ValueError
        If these are not some of :data:`PARAMETERS`, each once.

    Examples
    --------
    >>> as_parameters("sigma"), as_parameters(("bias_std", "sigma"))
    (['sigma'], ['bias_std', 'sigma'])
    """
    wanted = "wrt must be one or several of " + ", ".join(map(repr, PARAMETERS))
    if not isinstance(wrt, Iterable) or isinstance(wrt, bytes):
        raise TypeError(f"{wanted}, got {wrt!r}")
    if isinstance(wrt, Set):
        raise TypeError(f"{wanted}, in a list: derivatives come in its order, got {wrt!r}")
    names = [wrt] if isinstance(wrt, str) else list(wrt)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"{wanted}, got {name!r}")
        if name not in PARAMETERS:
            raise ValueError(f"{wanted}, got {name!r}")
        if names.count(name) > 1:
            raise ValueError(f"{wanted}, got {name!r} twice")
    return list(map(str, names))


def with_norms(
    plan: AnyPlan,
    operands: Operands,
    given1: GivenNorms,
    given2: GivenNorms,
    dtype: np.dtype[Any],
) -> list[ImageSet]:
    """The one set, or the two, each with the norms that the caller gave.

    Without a second set of images, its norms are norms of the first one.

    Raises
    ------
    TypeError, ValueError
        If norms are not those of the images, as far as can be told without computing them.
    """
    first, second = operands.sets[0], operands.sets[-1]
    norms1, inverses1 = _arrays("1", plan, len(first), given1, dtype)
    norms2, inverses2 = _arrays("2", plan, len(second), given2, dtype)
    if operands.second is None:
        if norms1 is None:
            norms1 = norms2
        elif norms2 is not None and not np.array_equal(norms1, norms2):
            raise ValueError("norms2 must be equal to norms1 if there is no ims2")
        norms2 = norms1
    # The engine needs no inverses. They are compared with the norms here, and go no further.
    _check_inverses(norms1, inverses1, "ims1: norms_inv1")
    _check_inverses(norms2, inverses2, f"ims{len(operands.sets)}: norms_inv2")
    known = [norms1, norms2][: len(operands.sets)]
    return [
        ImageSet(for_core(images, dtype), norms)
        for images, norms in zip(operands.sets, known, strict=True)
    ]


def _arrays(
    which: str, plan: AnyPlan, n: int, given: GivenNorms, dtype: np.dtype[Any]
) -> list[Floats | None]:
    """The norms of a set of ``n`` images and their inverses, each None if it is not given."""
    names, shape = (f"norms{which}", f"norms_inv{which}"), (n, plan.norms_len)
    return [
        None if values is None else as_norms(values, name, shape, dtype)
        for values, name in zip(given, names, strict=True)
    ]


def _check_inverses(norms: Floats | None, inverses: Floats | None, name: str) -> None:
    if norms is None or inverses is None:
        return
    expected = 1 / np.maximum(norms, norms.dtype.type(NORM_FLOOR))
    allowed = 1e-3 * np.maximum(expected, inverses) + 1e-6
    if ((norms > 0) & (abs(inverses - expected) > allowed)).any():
        raise ValueError(f"{name} must be 1 / max(norms, 1e-6), as compute_norms gives them")
