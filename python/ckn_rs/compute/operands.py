"""Sets of images on their way into a plan: checked, in one dtype, with the norms that are known."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ckn_rs import _core
from ckn_rs._support.arrays import Floats, as_images, as_norms, check_same_shape, for_core

NORM_FLOOR = 1e-6
"""A patch norm below this counts as this where the kernel divides by it."""


class GivenNorms(NamedTuple):
    """Patch norms of one set of images, as the caller gave them."""

    norms: ArrayLike | None = None
    inverses: ArrayLike | None = None


class ImageSet(NamedTuple):
    """Images as a plan takes them, with their patch norms where these are known."""

    images: Floats
    norms: Floats | None = None


class Operands(NamedTuple):
    """The images of a matrix: of two sets, or of one set twice."""

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
    """Images ``(n, h, w, c)`` and ``(m, h, w, c)``; None is ``ims1`` again.

    Raises
    ------
    TypeError, ValueError
        If these are not images of one shape.
    """
    operands = Operands(as_images(ims1, "ims1"), None if ims2 is None else as_images(ims2, "ims2"))
    check_same_shape("ims1", operands.shape, "ims2", operands.sets[-1].shape[1:])
    return operands


def with_norms(
    plan: _core.Plan,
    operands: Operands,
    given1: GivenNorms,
    given2: GivenNorms,
    dtype: np.dtype[Any],
) -> list[ImageSet]:
    """The one set or the two, each with the norms that the caller gave.

    The engine needs no inverses. They are checked here and go no further.

    Raises
    ------
    TypeError, ValueError
        If norms are not those of the images, as far as can be told without computing them.
    """
    if operands.second is None:
        _check_one_set(given1, given2)
    each = zip(("1", "2"), operands.sets, (given1, given2), strict=False)
    return [_as_image_set(which, plan, array, given, dtype) for which, array, given in each]


def _as_image_set(
    which: str, plan: _core.Plan, images: Floats, given: GivenNorms, dtype: np.dtype[Any]
) -> ImageSet:
    norms = None
    if given.norms is not None:
        shape = (len(images), plan.norms_len)
        norms = as_norms(given.norms, f"norms{which}", shape, dtype)
        if given.inverses is not None:
            inverses = as_norms(given.inverses, f"norms_inv{which}", shape, dtype)
            _check_inverses(norms, inverses, f"ims{which}")
    elif given.inverses is not None:
        raise ValueError(f"norms_inv{which} is of use only together with norms{which}")
    return ImageSet(for_core(images, dtype), norms)


def _check_one_set(given1: GivenNorms, given2: GivenNorms) -> None:
    """Without ``ims2`` the second set's norms are the first's; others are a mistake."""
    for name, first, second in zip(("norms", "norms_inv"), given1, given2, strict=True):
        if second is None or second is first:
            continue
        if first is None or not np.array_equal(first, second):
            raise ValueError(f"{name}2 is of use only together with ims2")


def _check_inverses(norms: Floats, inverses: Floats, name: str) -> None:
    if not np.isfinite(inverses).all():
        raise ValueError(
            "norms_inv contain NaN or infinite values; use those that compute_norms gives"
        )
    expected = 1 / np.maximum(norms, norms.dtype.type(NORM_FLOOR))
    allowed = 1e-3 * np.maximum(expected, inverses) + 1e-6
    if ((norms > 0) & (abs(inverses - expected) > allowed)).any():
        raise ValueError(
            f"{name}: norms_inv must be 1 / max(norms, 1e-6), as compute_norms gives them"
        )
