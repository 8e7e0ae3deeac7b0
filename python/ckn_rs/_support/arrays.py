"""Arrays before they go to the core: their shape, dtype and memory layout are checked here."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ckn_rs._support.options import check_lengths

Floats = NDArray[np.floating[Any]]

SINGLE = np.dtype(np.float32)
DOUBLE = np.dtype(np.float64)


def as_reals(values: ArrayLike, name: str, hint: str = "") -> NDArray[Any]:
    """Real numbers as an array, in their own dtype.

    An array of Python objects, such as a column of a table often is, has the dtype that NumPy
    finds for a list of these objects. ``hint`` says in the error message what to do.

    Raises
    ------
    TypeError
        If ``values`` are not real numbers, or are rows of different lengths.
    """
    try:
        array = np.asarray(values)
        if array.dtype == object:
            array = np.asarray(array.tolist())
    except ValueError as error:
        raise TypeError(f"{name} cannot be made an array of numbers: {error}") from None
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}{hint}")
    return array


def as_images(values: ArrayLike, name: str) -> Floats:
    """Images as a float32 or float64 array of shape ``(n, h, w, c)``; ``n`` may be 0.

    Raises
    ------
    TypeError
        If ``values`` are not real numbers, or are rows of different lengths.
    ValueError
        If the shape is not that of images.
    """
    images = _as_floating(values, name)
    if images.ndim != 4:
        raise ValueError(
            f"{name} must have shape (n, h, w, c), got {images.shape}; add a missing channel axis "
            "with X[..., None], and the axis n of a single image with X[None]"
        )
    check_lengths(images.shape[1:], name)
    return images


def as_images_or_rows(
    values: ArrayLike, name: str, image_shape: tuple[int, int, int] | None
) -> Floats:
    """Images ``(n, h, w, c)``, given as such or as rows ``(n, h*w*c)`` of ``image_shape``.

    Estimators of scikit-learn take tables with a row for each image.

    Raises
    ------
    TypeError
        If ``values`` are not real numbers, are rows of different lengths, or are a sparse matrix.
    ValueError
        If there are rows without ``image_shape``, or the shape is another.
    """
    if hasattr(values, "toarray"):
        raise TypeError(f"{name} must be a dense array, as {name}.toarray() makes of a sparse one")
    array = _as_floating(values, name)
    if array.ndim == 2:
        if image_shape is None:
            raise ValueError(
                f"{name} has shape {array.shape}, a row for each image; say which shape the images "
                "have, such as image_shape=(28, 28, 1)"
            )
        pixels = math.prod(image_shape)
        if array.shape[1] != pixels:
            raise ValueError(
                f"{name} has {array.shape[1]} columns, but an image of image_shape {image_shape} "
                f"has {pixels} numbers"
            )
        array = array.reshape(len(array), *image_shape)
    images = as_images(array, name)
    if image_shape not in (None, images.shape[1:]):
        raise ValueError(
            f"{name} has images of shape {images.shape[1:]}, but image_shape is {image_shape}"
        )
    return images


def as_image(values: ArrayLike, name: str) -> Floats:
    """One image as a float32 or float64 array of shape ``(h, w, c)``.

    Raises
    ------
    TypeError
        If ``values`` are not real numbers, or are rows of different lengths.
    ValueError
        If the shape is not that of one image, or there is a NaN or an infinity. (The core would
        find those too, but its message would give a number instead of the argument's name.)
    """
    image = _as_floating(values, name)
    if image.ndim != 3:
        raise ValueError(
            f"{name} must have shape (h, w, c), got {image.shape}; add a missing channel axis "
            "with X[..., None]"
        )
    check_lengths(image.shape, name)
    if not np.isfinite(image).all():
        raise ValueError(f"{name} contains NaN or infinite values")
    return image


def check_finite(images: Floats, name: str, first: int = 0) -> None:
    """Raise a ValueError if an image has a NaN or an infinity.

    The core finds those too. This function is for images that the core would give a wrong name or
    number: those of several arguments, which it takes as one set, and a part of a set. ``first`` is
    the number of the first image.
    """
    for index, image in enumerate(images, first):
        if not np.isfinite(image).all():
            raise ValueError(f"{name}: image {index} contains NaN or infinite values")


def check_same_shape(
    name1: str, shape1: tuple[int, ...], name2: str, shape2: tuple[int, ...]
) -> None:
    """Raise a ValueError unless the images ``(h, w, c)`` of both arguments have one shape."""
    if shape1 != shape2:
        raise ValueError(
            f"the images of {name1} and {name2} must have one shape (h, w, c), "
            f"got {shape1} and {shape2}"
        )


def as_one_set(sets: Sequence[Floats], dtype: DTypeLike | None) -> Floats:
    """Several sets of images of one shape, one after the other, as the core takes them.

    ``dtype`` is float64 by default.

    Raises
    ------
    TypeError
        If ``dtype`` is neither float32 nor float64.
    """
    n, shape = sum(len(images) for images in sets), sets[0].shape[1:]
    # By default `concatenate` would keep the memory layout of arrays in Fortran order.
    out = np.empty((n, *shape), result_dtype(DOUBLE if dtype is None else dtype))
    return np.concatenate(sets, out=out)


def as_norms(values: ArrayLike, name: str, shape: tuple[int, int], dtype: np.dtype[Any]) -> Floats:
    """Norms, or their inverses, of shape ``(N, L*h*w)``, as :func:`ckn_rs.compute_norms` has them.

    Another shape with the same entries in the same order will do, such as ``(N, L, h, w)``.

    Raises
    ------
    TypeError
        If ``values`` are not real numbers, or are rows of different lengths.
    ValueError
        If there are more or fewer than ``N*L*h*w`` of them, or there is a NaN or an infinity.
    """
    norms = _as_floating(values, name)
    if norms.size != math.prod(shape):
        raise ValueError(
            f"{name} must have shape (N, L*h*w) = {shape}, as compute_norms returns for these "
            f"images and this model, got {norms.shape}"
        )
    norms = for_core(norms.reshape(shape), dtype)
    if not np.isfinite(norms).all():
        raise ValueError(
            f"{name} contains NaN or infinite values; use those that compute_norms gives"
        )
    return norms


def as_output(out: object, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Floats:
    """An array to write results to: ``out`` if it fits, or a new array if ``out`` is None.

    ``out`` may have any strides, and be of a subclass of ndarray, such as a memory map.

    Raises
    ------
    TypeError
        If ``out`` is not an array of this dtype.
    ValueError
        If ``out`` has another shape or cannot be written to.
    """
    if out is None:
        return np.empty(shape, dtype)
    if not isinstance(out, np.ndarray) or out.dtype != dtype:
        raise TypeError(f"{name} must be a NumPy array of dtype {dtype}, got {_kind(out)}")
    if out.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {out.shape}")
    if not out.flags.behaved:
        raise ValueError(f"{name} must be writable and aligned")
    return out


def as_outputs(
    out: object, contents: str, shapes: Sequence[tuple[int, ...]], dtype: np.dtype[Any]
) -> list[Floats]:
    """The arrays to write one result or two to: one array for one result, a pair for two.

    ``contents`` names the two results, for the error message.

    Raises
    ------
    TypeError, ValueError
        As for :func:`as_output`, and if ``out`` is a pair for one result, or no pair for two.
    """
    if len(shapes) == 1:
        if isinstance(out, tuple):
            raise TypeError("out must be one array, since one is returned, got a tuple")
        return [as_output(out, "out", shapes[0], dtype)]
    if out is None:
        out = (None,) * len(shapes)
    if not isinstance(out, tuple) or len(out) != len(shapes):
        raise TypeError(f"out must be a pair of arrays, for {contents}, got {_kind(out)}")
    each = enumerate(zip(out, shapes, strict=True))
    return [as_output(one, f"out[{index}]", shape, dtype) for index, (one, shape) in each]


def check_apart(outputs: Sequence[Floats], *others: Floats | None) -> None:
    """Raise a ValueError if an output shares memory with another output or with an input."""
    for index, output in enumerate(outputs):
        beside = (*outputs[:index], *others)
        if any(np.may_share_memory(output, x) for x in beside if x is not None):
            name = "out" if len(outputs) == 1 else f"out[{index}]"
            raise ValueError(f"{name} must not share memory with another argument")


def result_dtype(dtype: DTypeLike | None, *arrays: Floats) -> np.dtype[Any]:
    """The dtype to compute in: ``dtype`` if given, else the widest dtype of the arrays.

    Raises
    ------
    TypeError
        If ``dtype`` is neither float32 nor float64.
    """
    if dtype is None:
        return np.result_type(*arrays)
    wanted = np.dtype(dtype)
    if wanted not in (SINGLE, DOUBLE):
        raise TypeError(f"dtype must be float32 or float64, got {wanted}")
    return wanted


def for_core(array: Floats, dtype: np.dtype[Any]) -> Floats:
    """The array with this dtype, C-contiguous and aligned, as the core takes it.

    It is copied only if it is not so already.
    """
    return np.require(array, dtype, ["C", "A"])


def _as_floating(values: ArrayLike, name: str) -> Floats:
    """Real numbers in floating point: float64 for float64 and wider types, float32 for others."""
    array = as_reals(values, name)
    wide = array.dtype.kind == "f" and array.dtype.itemsize >= DOUBLE.itemsize
    return array.astype(DOUBLE if wide else SINGLE, copy=False)


def _kind(value: object) -> str:
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}"
    return f"dtype {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__
