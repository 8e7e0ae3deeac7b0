"""The steps that all functions for Gram matrices share: check, allocate, compute, normalize."""

import numpy as np
from numpy.typing import DTypeLike

from ckn_rs import _core
from ckn_rs._support.arrays import Floats, as_outputs, check_apart, result_dtype
from ckn_rs._support.options import as_flag, as_thread_count, as_verbosity
from ckn_rs.compute.augment import AnyPlan, augmented
from ckn_rs.compute.normalize import SelfKernels, normalize as normalize_matrix
from ckn_rs.compute.operands import GivenNorms, ImageSet, Operands, with_norms
from ckn_rs.compute.run import fill_gram, result_shapes, self_kernels
from ckn_rs.compute.verbose import report

CONTENTS = {
    "both": "the NTK and the CKN",
    "gradient": "the kernel and its gradient",
    "ntk_gradient": "the NTK and its gradient",
}
"""The two results of a plan that has two, for error messages."""


def gram(
    plan: _core.Plan,
    operands: Operands,
    norms1: GivenNorms,
    norms2: GivenNorms,
    *,
    verbose: bool = False,
    dtype: DTypeLike | None = None,
    n_threads: int | None = None,
    progress: bool = False,
    out: object = None,
    normalize: bool = False,
    augment: object = None,
) -> list[Floats]:
    """One Gram matrix, or two results if the plan's kind has two.

    The options and the errors are those of :func:`ckn_rs.compute_kernel_matrix`.
    """
    averaged = augmented(plan, augment)
    unit, threads = as_flag(normalize, "normalize"), as_thread_count(n_threads)
    shown, verbosity = as_flag(progress, "progress"), as_verbosity(verbose)
    computed_in = result_dtype(dtype, *operands.sets)
    sets = with_norms(plan, operands, norms1, norms2, computed_in)
    shapes = result_shapes(plan, len(sets[0].images), len(sets[-1].images))
    outputs = as_outputs(out, CONTENTS.get(plan.kind, ""), shapes, computed_in)
    check_apart(outputs, *(array for each in sets for array in each))
    if verbosity:
        report(plan)
    fill_gram(averaged, sets, outputs, n_threads=threads, progress=shown)
    if unit:
        _normalize(averaged, sets, outputs, threads)
    return outputs


def _normalize(
    plan: AnyPlan, sets: list[ImageSet], outputs: list[Floats], n_threads: int | None
) -> None:
    """Normalize each matrix by the kernels of the images with themselves.

    For one set of images these are on the matrix's diagonal; for two sets they are computed.
    """
    if len(sets) == 1:
        each = np.arange(len(sets[0].images))
        diagonals = [[output[each, each] for output in outputs]] * 2
    else:
        diagonals = [self_kernels(plan, one.images, n_threads=n_threads) for one in sets]
    if plan.kind in ("gradient", "ntk_gradient"):
        left, right = (SelfKernels.of(*each) for each in diagonals)
        normalize_matrix(outputs[0], left, right, outputs[1])
        return
    for K, left_diagonal, right_diagonal in zip(outputs, *diagonals, strict=True):
        normalize_matrix(K, SelfKernels.of(left_diagonal), SelfKernels.of(right_diagonal))
