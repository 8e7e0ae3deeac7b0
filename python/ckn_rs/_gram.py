"""What every function that returns a kernel matrix does: check, allocate, run the core."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ckn_rs import _core
from ckn_rs._arrays import (
    Floats,
    as_images,
    as_norms,
    as_output,
    as_thread_count,
    check_apart,
    check_same_shape,
    for_core,
    result_dtype,
)
from ckn_rs._progress import progress_bar
from ckn_rs._verbose import report


class Norms(NamedTuple):
    """What the caller knows of one set's patch norms."""

    norms: ArrayLike | None = None
    inverses: ArrayLike | None = None


def gram(
    ims1: ArrayLike,
    ims2: ArrayLike | None,
    norms1: Norms,
    norms2: Norms,
    layers: list[dict[str, Any]],
    ntk: bool,
    *,
    return_ckn: bool = False,
    verbose: bool = False,
    dtype: DTypeLike | None = None,
    n_threads: int | None = None,
    progress: bool = False,
    out: Floats | None = None,
    out_ckn: Floats | None = None,
) -> tuple[Floats, Floats | None]:
    """The matrix and, of an NTK with ``return_ckn``, the CKN's from the same pass.

    Parameters and errors are those of :func:`ckn_rs.compute_kernel_matrix`.
    """
    images1 = as_images(ims1, "ims1")
    images2 = images1 if ims2 is None else as_images(ims2, "ims2")
    _, h, w, c = images1.shape
    check_same_shape("ims1", (h, w, c), "ims2", images2.shape[1:])
    dtype = result_dtype(dtype, images1, images2)
    n_threads, ntk = as_thread_count(n_threads), bool(ntk)
    columns = len(layers) * h * w

    if ims2 is None:
        _check_one_set(norms1, norms2)
        norms2 = Norms()
    n1, n_inv1 = _norms_for_core("1", norms1, (len(images1), columns), dtype)
    n2, n_inv2 = _norms_for_core("2", norms2, (len(images2), columns), dtype)

    shape = (len(images1), len(images2))
    matrix = as_output(out, "out", shape, dtype)
    ckn = as_output(out_ckn, "out_ckn", shape, dtype) if return_ckn else None
    images1 = for_core(images1, dtype)
    images2 = images1 if ims2 is None else for_core(images2, dtype)
    read = (images1, images2, n1, n2, n_inv1, n_inv2)
    check_apart("out", out, ckn, *read)
    check_apart("out_ckn", out_ckn, *read)

    if verbose or 0 in shape:  # the core checks the model too, but is not run for no pairs
        geometry = _core.geometry(layers, (h, w, c), ntk)
        if verbose:
            report(geometry)
    if 0 not in shape:
        n, m = shape
        pairs = n * (n + 1) // 2 if ims2 is None else n * m
        with progress_bar(progress, pairs, "pairs") as callback:
            _core.gram(
                images1,
                None if ims2 is None else images2,
                layers,
                ntk,
                matrix,
                out_ckn=ckn,
                norms1=n1,
                norms2=n2,
                norms_inv1=n_inv1,
                norms_inv2=n_inv2,
                n_threads=n_threads,
                progress=callback,
            )
    return matrix, ckn


def _norms_for_core(
    which: str, given: Norms, shape: tuple[int, int], dtype: np.dtype[Any]
) -> tuple[Floats | None, Floats | None]:
    """Norms and inverses of set ``which``, "1" or "2"."""
    if given.norms is None and given.inverses is not None:
        raise ValueError(f"norms_inv{which} is of use only together with norms{which}")
    names = (f"norms{which}", f"norms_inv{which}")
    norms, inverses = (
        None if values is None else as_norms(values, name, shape, dtype)
        for name, values in zip(names, given, strict=True)
    )
    return norms, inverses


def _check_one_set(norms1: Norms, norms2: Norms) -> None:
    """Without ``ims2`` the second set's norms are the first's; others are a mistake."""
    for name, first, second in zip(("norms", "norms_inv"), norms1, norms2, strict=True):
        if second is None or second is first:
            continue
        if first is None or not np.array_equal(first, second):
            raise ValueError(f"{name}2 is of use only together with ims2")
