"""The Gram matrix of two sets of images, a block at a time, where the whole is never needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from ckn_rs._support.arrays import Floats, check_finite
from ckn_rs._support.images import Images, blocks
from ckn_rs._support.progress import progress_bar
from ckn_rs.compute.augment import AnyPlan
from ckn_rs.compute.normalize import SelfKernels, normalize as normalize_matrix
from ckn_rs.compute.operands import ImageSet
from ckn_rs.compute.run import patch_norms, self_kernels

ROWS, COLUMNS = 1000, 2000
"""The most images of a block. Norms of the rows are computed once for each block of columns: with
2,000 of these they take a small share of the time, even for the models with the fastest pairs."""

BYTES = 1 << 25
"""How many bytes the images and norms of a block of rows may have; twice as many of columns."""


def gram_blocks(
    plan: AnyPlan,
    first: Images,
    second: Images,
    dtype: np.dtype[Any],
    *,
    normalize: bool = False,
    n_threads: int | None = None,
    progress: bool = False,
) -> Iterator[tuple[slice, slice, Floats]]:
    """The Gram matrix of two sets, with the bits of :func:`ckn_rs.compute_kernel_matrix`.

    All blocks of some columns come one after the other, from the first row to the last. Images are
    read, and norms computed, when a block needs them.

    Parameters
    ----------
    plan : Plan
        The model, of kind "ckn" or "ntk", on images of this shape.
    first, second : Images
        Images of the rows and of the columns.
    dtype : dtype
        float32 or float64.
    normalize, n_threads, progress
        As for :func:`ckn_rs.compute_kernel_matrix`; the bar is that of the whole matrix.

    Yields
    ------
    rows, columns : slice
        The place of the block.
    K : ndarray of shape (rows, columns)
        The block.

    Raises
    ------
    ValueError
        If images are not finite.
    """
    h, w, c = plan.shape
    most = max(1, BYTES // ((h * w * c + plan.norms_len) * dtype.itemsize))
    load = partial(_load, plan, dtype=dtype, normalize=normalize, n_threads=n_threads)
    with progress_bar(progress, len(first) * len(second), "pairs") as callback:
        done = 0
        for columns in blocks(len(second), min(COLUMNS, 2 * most)):
            right, right_kernels = load(second, columns)
            for rows in blocks(len(first), min(ROWS, most)):
                left, left_kernels = load(first, rows)
                K: Floats = np.empty((len(left.images), len(right.images)), dtype)
                report = None if callback is None else _from(callback, done)
                plan.gram(left, right, [K], n_threads=n_threads, progress=report)
                if left_kernels is not None and right_kernels is not None:
                    normalize_matrix(K, left_kernels, right_kernels)
                yield rows, columns, K
                done += K.size


def _load(
    plan: AnyPlan,
    images: Images,
    part: slice,
    *,
    dtype: np.dtype[Any],
    normalize: bool,
    n_threads: int | None,
) -> tuple[ImageSet, SelfKernels | None]:
    """Some images with their norms and, to normalize, their kernels with themselves."""
    block = images.block(part, dtype)
    check_finite(block, images.name, part.start)
    operand = ImageSet(block, patch_norms(plan, block, n_threads=n_threads))
    if not normalize:
        return operand, None
    (diagonal,) = self_kernels(plan, block, n_threads=n_threads)
    return operand, SelfKernels.of(diagonal)


def _from(callback: Callable[[int], object], begin: int) -> Callable[[int], object]:
    """A callback that counts from ``begin``."""
    return lambda done: callback(begin + done)
