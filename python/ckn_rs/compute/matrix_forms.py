"""The original's two other functions for matrices: of images whose norms are unknown, or known."""

from typing import Literal, overload

from numpy.typing import ArrayLike, DTypeLike

from ckn_rs._support.arrays import Floats
from ckn_rs._support.options import Ntk
from ckn_rs.compute.gram import Norms, Pair, gram
from ckn_rs.compute.matrix import Some
from ckn_rs.model import ModelLike


# What is returned: as for compute_kernel_matrix.
# fmt: off
@overload
def compute_kernel_matrix_all(
    ims1: ArrayLike, ims2: Some = None, model: ModelLike | None = None,
    ntk: bool = False, verbose: bool = False, *, dtype: DTypeLike | None = None,
    n_threads: int | None = None, progress: bool = False, out: Floats | None = None,
    normalize: bool = False, eval_gradient: Literal[False] = False,
) -> Floats: ...
@overload
def compute_kernel_matrix_all(
    ims1: ArrayLike, ims2: Some = None, model: ModelLike | None = None, *,
    ntk: Literal["both"], verbose: bool = False, dtype: DTypeLike | None = None,
    n_threads: int | None = None, progress: bool = False, out: Pair | None = None,
    normalize: bool = False, eval_gradient: Literal[False] = False,
) -> Pair: ...
@overload
def compute_kernel_matrix_all(
    ims1: ArrayLike, ims2: Some, model: ModelLike | None,
    ntk: Literal["both"], verbose: bool = False, *, dtype: DTypeLike | None = None,
    n_threads: int | None = None, progress: bool = False, out: Pair | None = None,
    normalize: bool = False, eval_gradient: Literal[False] = False,
) -> Pair: ...
@overload
def compute_kernel_matrix_all(
    ims1: ArrayLike, ims2: Some = None, model: ModelLike | None = None,
    ntk: Literal[False] = False, verbose: bool = False, *, dtype: DTypeLike | None = None,
    n_threads: int | None = None, progress: bool = False, out: Pair | None = None,
    normalize: bool = False, eval_gradient: Literal[True],
) -> Pair: ...
@overload
def compute_kernel_matrix_all(
    ims1: ArrayLike, ims2: Some = None, model: ModelLike | None = None,
    ntk: Ntk = False, verbose: bool = False, *, dtype: DTypeLike | None = None,
    n_threads: int | None = None, progress: bool = False, out: Floats | Pair | None = None,
    normalize: bool = False, eval_gradient: bool = False,
) -> Floats | Pair: ...
# fmt: on
def compute_kernel_matrix_all(
    ims1: ArrayLike,
    ims2: ArrayLike | None = None,
    model: ModelLike | None = None,
    ntk: Ntk = False,
    verbose: bool = False,
    *,
    dtype: DTypeLike | None = None,
    n_threads: int | None = None,
    progress: bool = False,
    out: Floats | Pair | None = None,
    normalize: bool = False,
    eval_gradient: bool = False,
) -> Floats | Pair:
    """:func:`ckn_rs.compute_kernel_matrix` of images whose norms are not known yet.

    Parameters and results are those of :func:`compute_kernel_matrix`.

    Examples
    --------
    >>> import numpy as np
    >>> from ckn_rs import compute_kernel_matrix_all
    >>> X = np.random.default_rng(0).random((4, 8, 8, 1))
    >>> compute_kernel_matrix_all(X, X[:2], [{"npatch": 3, "subsampling": 2}]).shape
    (4, 2)
    """
    return gram(
        ims1,
        ims2,
        Norms(),
        Norms(),
        model,
        ntk,
        normalize=normalize,
        eval_gradient=eval_gradient,
        verbose=verbose,
        dtype=dtype,
        n_threads=n_threads,
        progress=progress,
        out=out,
    )


# fmt: off
@overload
def compute_kernel_matrix_norms(
    ims1: ArrayLike, ims2: Some, norms1: Some, norms2: Some, norms_inv1: Some, norms_inv2: Some,
    model: ModelLike | None = None,
    ntk: bool = False, verbose: bool = False, *, dtype: DTypeLike | None = None,
    n_threads: int | None = None, progress: bool = False, out: Floats | None = None,
    normalize: bool = False, eval_gradient: Literal[False] = False,
) -> Floats: ...
@overload
def compute_kernel_matrix_norms(
    ims1: ArrayLike, ims2: Some, norms1: Some, norms2: Some, norms_inv1: Some, norms_inv2: Some,
    model: ModelLike | None = None, *,
    ntk: Literal["both"], verbose: bool = False, dtype: DTypeLike | None = None,
    n_threads: int | None = None, progress: bool = False, out: Pair | None = None,
    normalize: bool = False, eval_gradient: Literal[False] = False,
) -> Pair: ...
@overload
def compute_kernel_matrix_norms(
    ims1: ArrayLike, ims2: Some, norms1: Some, norms2: Some, norms_inv1: Some, norms_inv2: Some,
    model: ModelLike | None,
    ntk: Literal["both"], verbose: bool = False, *, dtype: DTypeLike | None = None,
    n_threads: int | None = None, progress: bool = False, out: Pair | None = None,
    normalize: bool = False, eval_gradient: Literal[False] = False,
) -> Pair: ...
@overload
def compute_kernel_matrix_norms(
    ims1: ArrayLike, ims2: Some, norms1: Some, norms2: Some, norms_inv1: Some, norms_inv2: Some,
    model: ModelLike | None = None,
    ntk: Literal[False] = False, verbose: bool = False, *, dtype: DTypeLike | None = None,
    n_threads: int | None = None, progress: bool = False, out: Pair | None = None,
    normalize: bool = False, eval_gradient: Literal[True],
) -> Pair: ...
@overload
def compute_kernel_matrix_norms(
    ims1: ArrayLike, ims2: Some, norms1: Some, norms2: Some, norms_inv1: Some, norms_inv2: Some,
    model: ModelLike | None = None,
    ntk: Ntk = False, verbose: bool = False, *, dtype: DTypeLike | None = None,
    n_threads: int | None = None, progress: bool = False, out: Floats | Pair | None = None,
    normalize: bool = False, eval_gradient: bool = False,
) -> Floats | Pair: ...
# fmt: on
def compute_kernel_matrix_norms(
    ims1: ArrayLike,
    ims2: ArrayLike | None,
    norms1: ArrayLike | None,
    norms2: ArrayLike | None,
    norms_inv1: ArrayLike | None,
    norms_inv2: ArrayLike | None,
    model: ModelLike | None = None,
    ntk: Ntk = False,
    verbose: bool = False,
    *,
    dtype: DTypeLike | None = None,
    n_threads: int | None = None,
    progress: bool = False,
    out: Floats | Pair | None = None,
    normalize: bool = False,
    eval_gradient: bool = False,
) -> Floats | Pair:
    """:func:`compute_kernel_matrix` of images whose norms are known.

    Parameters and results are those of :func:`compute_kernel_matrix`.

    Examples
    --------
    >>> import numpy as np
    >>> from ckn_rs import compute_kernel_matrix_norms, compute_norms
    >>> X = np.random.default_rng(0).random((4, 8, 8, 1))
    >>> model = [{"npatch": 3, "subsampling": 2}]
    >>> n, n_inv = compute_norms(X, model)
    >>> compute_kernel_matrix_norms(X, X[:2], n, n[:2], n_inv, n_inv[:2], model).shape
    (4, 2)
    """
    return gram(
        ims1,
        ims2,
        Norms(norms1, norms_inv1),
        Norms(norms2, norms_inv2),
        model,
        ntk,
        normalize=normalize,
        eval_gradient=eval_gradient,
        verbose=verbose,
        dtype=dtype,
        n_threads=n_threads,
        progress=progress,
        out=out,
    )
