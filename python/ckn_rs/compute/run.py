"""Calls of a plan: Gram matrices, kernels of listed pairs, and patch norms."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ckn_rs._support.arrays import Floats
from ckn_rs._support.progress import progress_bar
from ckn_rs.compute.augment import AnyPlan
from ckn_rs.compute.operands import ImageSet

Indices: TypeAlias = NDArray[np.intp]


def result_shapes(plan: AnyPlan, *shape: int) -> list[tuple[int, ...]]:
    """Shapes of the plan's results, where an array of kernels has ``shape``.

    A plan of kind "both" has two arrays of kernels. One with gradients has kernels, and their
    derivatives with one more axis.
    """
    gradient = (*shape, plan.gradients)
    beside = {"both": [shape], "gradient": [gradient], "ntk_gradient": [gradient]}
    return [shape, *beside.get(plan.kind, [])]


def fill_gram(
    plan: AnyPlan,
    sets: list[ImageSet],
    outputs: list[Floats],
    *,
    n_threads: int | None = None,
    progress: bool = False,
) -> None:
    """Write the Gram matrix of the one set, or of the two sets, to ``outputs``."""
    n, m = len(sets[0].images), len(sets[-1].images)
    if 0 in (n, m):
        return
    second = sets[1] if len(sets) > 1 else None
    pairs = n * (n + 1) // 2 if second is None else n * m
    with progress_bar(progress, pairs, "pairs") as callback:
        plan.gram(sets[0], second, outputs, n_threads=n_threads, progress=callback)


def kernels_of_pairs(
    plan: AnyPlan,
    images: Floats,
    left: Indices,
    right: Indices,
    *,
    n_threads: int | None = None,
) -> list[Floats]:
    """The kernel of ``images[left[k]]`` and ``images[right[k]]`` for each ``k``.

    The results are in the order of :func:`result_shapes`, and have its shapes.
    """
    outputs: list[Floats] = [
        np.empty(shape, images.dtype) for shape in result_shapes(plan, len(left))
    ]
    if len(left):
        plan.pairs(images, left, right, outputs, n_threads=n_threads)
    return outputs


def self_kernels(plan: AnyPlan, images: Floats, *, n_threads: int | None = None) -> list[Floats]:
    """The kernel of each image with itself."""
    each = np.arange(len(images))
    return kernels_of_pairs(plan, images, each, each, n_threads=n_threads)


def patch_norms(
    plan: AnyPlan, images: Floats, *, n_threads: int | None = None, progress: bool = False
) -> Floats:
    """Patch norms of images, of shape ``(n, plan.norms_len)``."""
    norms = np.zeros((len(images), plan.norms_len), images.dtype)
    if len(images):
        with progress_bar(progress, len(images), "images") as callback:
            plan.norms(images, norms, n_threads=n_threads, progress=callback)
    return norms
