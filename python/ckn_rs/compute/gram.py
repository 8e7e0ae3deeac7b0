"""What every function that returns a kernel matrix does: check, allocate, run the core."""

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ckn_rs import _core
from ckn_rs._support.arrays import (
    Floats,
    as_images,
    as_norms,
    as_outputs,
    check_apart,
    check_same_shape,
    for_core,
    result_dtype,
)
from ckn_rs._support.options import as_flag, as_ntk, as_thread_count
from ckn_rs._support.progress import progress_bar
from ckn_rs._support.verbose import report
from ckn_rs.compute.normalize import Own, normalize as normalize_matrix
from ckn_rs.compute.of_pairs import self_kernels
from ckn_rs.model import ModelLike, as_spec

Pair: TypeAlias = tuple[Floats, Floats]


class Norms(NamedTuple):
    """What the caller knows of one set's patch norms."""

    norms: ArrayLike | None = None
    inverses: ArrayLike | None = None


class _Wanted(NamedTuple):
    """What is to be computed."""

    words: dict[str, Any]
    ntk: bool
    ckn: bool
    """The CKN beside the NTK."""
    derivatives: int
    """How many, beside the CKN."""
    gradient: bool
    n_threads: int | None

    def shapes(self, n: int, m: int) -> list[tuple[int, ...]]:
        """Shapes of the one result, or of the two."""
        gradient = [(n, m, self.derivatives)] * self.gradient
        return [(n, m), *[(n, m)] * self.ckn, *gradient]


class _Set(NamedTuple):
    """Images as the core takes them, with what is known of their norms."""

    images: Floats
    norms: Floats | None
    inverses: Floats | None


def gram(
    ims1: ArrayLike,
    ims2: ArrayLike | None,
    norms1: Norms,
    norms2: Norms,
    model: ModelLike | None,
    ntk: object,
    *,
    normalize: bool = False,
    eval_gradient: bool = False,
    verbose: bool = False,
    dtype: DTypeLike | None = None,
    n_threads: int | None = None,
    progress: bool = False,
    out: object = None,
) -> Floats | Pair:
    """The matrix; the NTK's and the CKN's; or the matrix and its derivatives.

    Parameters and errors are those of :func:`ckn_rs.compute_kernel_matrix`.
    """
    wanted = _wanted(model, ntk, eval_gradient, n_threads)
    unit = as_flag(normalize, "normalize")
    images1 = as_images(ims1, "ims1")
    images2 = images1 if ims2 is None else as_images(ims2, "ims2")
    _, h, w, c = images1.shape
    check_same_shape("ims1", (h, w, c), "ims2", images2.shape[1:])
    dtype = result_dtype(dtype, images1, images2)
    if ims2 is None:
        _check_one_set(norms1, norms2)
        norms2 = Norms()
    columns = len(wanted.words["layers"]) * h * w
    first = _set_for_core("1", images1, norms1, columns, dtype)
    second = None if ims2 is None else _set_for_core("2", images2, norms2, columns, dtype)

    n, m = len(images1), len(images2)
    contents = "the kernel and its gradient" if wanted.gradient else "the NTK and the CKN"
    outputs = as_outputs(out, contents, wanted.shapes(n, m), dtype)
    check_apart(outputs, *first, *(second or ()))

    if verbose or 0 in (n, m):  # the core checks the model too, but is not run for no pairs
        geometry = _core.geometry(wanted.words, (h, w, c), wanted.ntk)
        if verbose:
            report(wanted.words, geometry)
    if 0 not in (n, m):
        _run(first, second, wanted, outputs, progress)
        if unit:
            _normalize(first, second, wanted, outputs)
    return outputs[0] if len(outputs) == 1 else (outputs[0], outputs[1])


def _wanted(model: object, ntk: object, eval_gradient: object, n_threads: object) -> _Wanted:
    words = as_spec(model)
    kind, gradient = as_ntk(ntk), as_flag(eval_gradient, "eval_gradient")
    derivatives = 0
    if gradient:
        if kind:
            raise ValueError(
                "eval_gradient=True gives the gradient of the CKN; with ntk there is none: leave "
                "one of them out"
            )
        layers = _core.resolve_model(words, False)["layers"]
        derivatives = sum("sigma" in _core.KERNEL_PARAMETERS[layer["kernel"]] for layer in layers)
    threads = as_thread_count(n_threads)
    return _Wanted(words, bool(kind), kind == "both", derivatives, gradient, threads)


def _run(
    first: _Set, second: _Set | None, wanted: _Wanted, outputs: list[Floats], progress: bool
) -> None:
    n = len(first.images)
    pairs = n * (n + 1) // 2 if second is None else n * len(second.images)
    images2, norms2, inverses2 = second or (None, None, None)
    with progress_bar(progress, pairs, "pairs") as callback:
        _core.gram(
            first.images,
            images2,
            wanted.words,
            wanted.ntk,
            outputs[0],
            out_ckn=outputs[1] if wanted.ckn else None,
            out_gradient=outputs[1] if wanted.derivatives else None,
            norms1=first.norms,
            norms2=norms2,
            norms_inv1=first.inverses,
            norms_inv2=inverses2,
            n_threads=wanted.n_threads,
            progress=callback,
        )


def _normalize(first: _Set, second: _Set | None, wanted: _Wanted, outputs: list[Floats]) -> None:
    """Each kernel by its own diagonal: that of one set is there, that of two is computed."""
    if second is None:
        each = np.arange(len(first.images))
        diagonals = [[output[each, each] for output in outputs]] * 2
    else:
        diagonals = [
            self_kernels(
                one.images,
                wanted.words,
                wanted.ntk,
                ckn=wanted.ckn,
                derivatives=wanted.derivatives,
                n_threads=wanted.n_threads,
            )
            for one in (first, second)
        ]
    if wanted.gradient:
        left, right = (Own.of(*own) for own in diagonals)
        normalize_matrix(outputs[0], left, right, outputs[1])
        return
    for K, left, right in zip(outputs, *diagonals, strict=True):
        normalize_matrix(K, Own.of(left), Own.of(right))


def _set_for_core(
    which: str, images: Floats, given: Norms, columns: int, dtype: np.dtype[Any]
) -> _Set:
    """Set ``which``, "1" or "2"."""
    if given.norms is None and given.inverses is not None:
        raise ValueError(f"norms_inv{which} is of use only together with norms{which}")
    names = (f"norms{which}", f"norms_inv{which}")
    shape = (len(images), columns)
    norms, inverses = (
        None if values is None else as_norms(values, name, shape, dtype)
        for name, values in zip(names, given, strict=True)
    )
    return _Set(for_core(images, dtype), norms, inverses)


def _check_one_set(norms1: Norms, norms2: Norms) -> None:
    """Without ``ims2`` the second set's norms are the first's; others are a mistake."""
    for name, first, second in zip(("norms", "norms_inv"), norms1, norms2, strict=True):
        if second is None or second is first:
            continue
        if first is None or not np.array_equal(first, second):
            raise ValueError(f"{name}2 is of use only together with ims2")
