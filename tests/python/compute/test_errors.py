"""Every mistake gives one clear sentence, as a TypeError or a ValueError, and changes nothing."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import cases
import ckn_rs
from ckn_rs import (
    CKNKernel,
    Model,
    compute_diagonal,
    compute_dist_to_ref,
    compute_distances,
    compute_kernel,
    compute_kernel_matrix,
    compute_norms,
)
from messages import ANY, check_message

X = cases.images(4, (8, 8, 1))


def bad_value(where: tuple[int, ...], value: float) -> cases.Floats:
    images = X.copy()
    images[where] = value
    return images


def matrix_of_class(**flags: Any) -> object:
    kernel = CKNKernel((8, 8, 1), cases.RELU)
    return kernel.compute_kernel_matrix(X, None, None, None, None, None, **flags)


N, N_INV = compute_norms(X, cases.EXP)

ARGUMENTS: dict[str, tuple[Callable[..., object], type[Exception], list[str]]] = {
    "no channel axis": (
        lambda **k: compute_kernel_matrix(X[..., 0], model=cases.EXP, **k),
        ValueError, ["ims1", "(n, h, w, c)", "(4, 8, 8)", "X[..., None]"]),
    "one image": (
        lambda **k: compute_kernel_matrix(X, X[0], model=cases.EXP, **k),
        ValueError, ["ims2", "(n, h, w, c)", "X[None]"]),
    "a number": (
        lambda **k: compute_kernel_matrix(3.0, model=cases.EXP, **k),
        ValueError, ["ims1", "(n, h, w, c)", "()"]),
    "no channels": (
        lambda **k: compute_kernel_matrix(X[..., :0], model=cases.EXP, **k),
        ValueError, ["ims1", "at least 1", "(8, 8, 0)"]),
    "no rows": (
        lambda **k: compute_kernel_matrix(X[:, :0], model=cases.EXP, **k),
        ValueError, ["ims1", "at least 1", "(0, 8, 1)"]),
    "two shapes": (
        lambda **k: compute_kernel_matrix(X, X[:, :, 1:], model=cases.EXP, **k),
        ValueError, ["ims1", "ims2", "(8, 8, 1)", "(8, 7, 1)"]),
    "complex": (
        lambda **k: compute_kernel_matrix(X + 1j, model=cases.EXP, **k),
        TypeError, ["ims1", "real", "complex128"]),
    "text": (
        lambda **k: compute_kernel_matrix("images.npy", model=cases.EXP, **k),
        TypeError, ["ims1", "real"]),
    "ragged": (
        lambda **k: compute_kernel_matrix([[1.0, 2.0], [3.0]], model=cases.EXP, **k),
        TypeError, ["ims1", "array"]),
    "objects": (
        lambda **k: compute_kernel_matrix(np.full(X.shape, None), model=cases.EXP, **k),
        TypeError, ["ims1", "real", "object"]),
    "text in objects": (
        lambda **k: compute_kernel_matrix(X.astype(str).astype(object), model=cases.EXP, **k),
        TypeError, ["ims1", "real"]),
    "nan": (
        lambda **k: compute_kernel_matrix(bad_value((2, 1, 1, 0), np.nan), model=cases.EXP, **k),
        ValueError, ["image 2", "NaN"]),
    "inf in the second": (
        lambda **k: compute_kernel_matrix(X, bad_value((3, 0, 7, 0), np.inf), model=cases.EXP, **k),
        ValueError, ["image 3", "infinit"]),
    "nan beside norms": (
        lambda **k: compute_kernel_matrix(
            X, bad_value((1, 0, 0, 0), np.nan), N, N, N_INV, N_INV, cases.EXP, **k),
        ValueError, ["image 1", "NaN"]),
    "norms of other images": (
        lambda **k: compute_kernel_matrix(X, X, N[:3], N, N_INV, N_INV, cases.EXP, **k),
        ValueError, ["norms1", "(N, L*h*w)", "(4, 128)", "(3, 128)"]),
    "norms of another model": (
        lambda **k: compute_kernel_matrix(X, X, N, N, N_INV, N_INV[:, :64], cases.EXP, **k),
        ValueError, ["norms_inv2", "(N, L*h*w)", "(4, 128)", "(4, 64)"]),
    "norms in another order": (
        lambda **k: compute_kernel_matrix(X, X, N[::-1], N, model=cases.EXP, **k),
        ValueError, ["ims1", "image 0", "norms", "compute_norms"]),
    "norms of larger images": (
        lambda **k: compute_kernel_matrix(X, X, N, 2 * N, model=cases.EXP, **k),
        ValueError, ["ims2", "image 0", "norms", "compute_norms"]),
    "inverses of smaller norms": (
        lambda **k: compute_kernel_matrix(X, X, N, N, 2 * N_INV, N_INV, cases.EXP, **k),
        ValueError, ["ims1", "norms_inv", "1 / max(norms, 1e-6)"]),
    "norms of one axis": (
        lambda **k: compute_kernel_matrix(X, X, N[0], N, model=cases.EXP, **k),
        ValueError, ["norms1", "(N, L*h*w)", "(128,)"]),
    "norms transposed": (
        lambda **k: compute_kernel_matrix(X, X, N.T, N, model=cases.EXP, **k),
        ValueError, ["ims1", "image 0", "norms", "compute_norms"]),
    "inverses transposed": (
        lambda **k: compute_kernel_matrix(X, X, N, N, N_INV.T, N_INV, cases.EXP, **k),
        ValueError, ["ims1", "norms_inv", "1 / max(norms, 1e-6)"]),
    "norms of one set, other images'": (
        lambda **k: compute_kernel_matrix(X, norms2=N[::-1], model=cases.EXP, **k),
        ValueError, ["image 0", "norms", "compute_norms"]),
    "norms of a second set that is not": (
        lambda **k: compute_kernel_matrix(X, None, N, 2 * N, model=cases.EXP, **k),
        ValueError, ["norms2", "norms1", "ims2"]),
    "inverses of one set that are not": (
        lambda **k: compute_kernel_matrix(X, None, N, None, None, 2 * N_INV, cases.EXP, **k),
        ValueError, ["ims1: norms_inv2", "1 / max(norms, 1e-6)"]),
    "inverses of one set, norms as the second": (
        lambda **k: compute_kernel_matrix(X, None, None, N, 2 * N_INV, None, cases.EXP, **k),
        ValueError, ["ims1: norms_inv1", "1 / max(norms, 1e-6)"]),
    "inverses of the second set": (
        lambda **k: compute_kernel_matrix(X, X, N, N, N_INV, 2 * N_INV, cases.EXP, **k),
        ValueError, ["ims2: norms_inv2", "1 / max(norms, 1e-6)"]),
    "inverses alone, text": (
        lambda **k: compute_kernel_matrix(X, norms_inv1="rubbish", model=cases.EXP, **k),
        TypeError, ["norms_inv1", "real"]),
    "inverses alone, of another model": (
        lambda **k: compute_kernel_matrix(X, norms_inv2=N_INV[:, :64], model=cases.EXP, **k),
        ValueError, ["norms_inv2", "(N, L*h*w)", "(4, 128)", "(4, 64)"]),
    "inverses alone, nan": (
        lambda **k: compute_kernel_matrix(X, X, norms_inv2=np.nan * N, model=cases.EXP, **k),
        ValueError, ["norms_inv2 contains NaN"]),
    "norms nan": (
        lambda **k: compute_kernel_matrix(X, X, N, np.nan * N, model=cases.EXP, **k),
        ValueError, ["norms2 contains NaN", "compute_norms"]),
    "norms infinite": (
        lambda **k: compute_kernel_matrix(X, X, N + np.inf, N, model=cases.EXP, **k),
        ValueError, ["norms1 contains NaN or infinite"]),
    "inverses infinite": (
        lambda **k: compute_kernel_matrix(X, X, N, N, N + np.inf, N_INV, cases.EXP, **k),
        ValueError, ["norms_inv1 contains NaN or infinite"]),
    "half precision": (
        lambda **k: compute_kernel_matrix(X, model=cases.EXP, dtype=np.float16, **k),
        TypeError, ["dtype", "float32", "float64", "float16"]),
    "no threads": (
        lambda **k: compute_kernel_matrix(X, model=cases.EXP, n_threads=0, **k),
        ValueError, ["n_threads", "at least 1", "0"]),
    "fewer": (
        lambda **k: compute_kernel_matrix(X, model=cases.EXP, n_threads=-2, **k),
        ValueError, ["n_threads", "at least 1", "-2"]),
    "half a thread": (
        lambda **k: compute_kernel_matrix(X, model=cases.EXP, n_threads=0.5, **k),  # type: ignore[arg-type]
        TypeError, ["n_threads", "0.5"]),
    "ntk as a number": (
        lambda **k: compute_kernel_matrix(X, model=cases.EXP, ntk=2, **k),  # type: ignore[arg-type]
        ValueError, ["ntk", "False or True", "2"]),
    "ntk misspelt": (
        lambda **k: compute_kernel_matrix(X, model=cases.EXP, ntk="Both", **k),  # type: ignore[arg-type]
        ValueError, ["ntk", "False or True", "'Both'"]),
    "half an ntk": (
        lambda **k: compute_kernel_matrix(X, model=cases.EXP, ntk=0.5, **k),  # type: ignore[arg-type]
        ValueError, ["ntk", "False or True", "0.5"]),
    "ntk as a list": (
        lambda **k: compute_kernel_matrix(X, model=cases.EXP, ntk=[True], **k),  # type: ignore[arg-type]
        TypeError, ["ntk", "False or True", "list"]),
    "normalize as text": (
        lambda **k: compute_kernel_matrix(X, model=cases.EXP, normalize="yes", **k),  # type: ignore[arg-type]
        ValueError, ["normalize", "False or True", "'yes'"]),
    "verbose as text": (
        lambda **k: compute_kernel_matrix(X, model=cases.EXP, verbose="False", **k),  # type: ignore[arg-type]
        ValueError, ["verbose", "False or True", "'False'"]),
    "verbose as an array": (
        lambda **k: compute_kernel_matrix(X, model=cases.EXP, verbose=X, **k),  # type: ignore[arg-type]
        TypeError, ["verbose", "False or True", "ndarray"]),
    "progress as text": (
        lambda **k: compute_kernel_matrix(X, model=cases.EXP, progress="False", **k),  # type: ignore[arg-type]
        ValueError, ["progress", "False or True", "'False'"]),
    "progress as an array": (
        lambda **k: compute_kernel_matrix(X, model=cases.EXP, progress=X, **k),  # type: ignore[arg-type]
        TypeError, ["progress", "False or True", "ndarray"]),
    "two bars": (
        lambda **k: compute_kernel_matrix(X, model=cases.EXP, progress=2, **k),  # type: ignore[arg-type]
        ValueError, ["progress", "False or True", "2"]),
    "overflow": (
        lambda **k: compute_kernel_matrix(1e200 * X, model=cases.EXP, **k),
        ValueError, ["overflow", "scale"]),
}  # fmt: skip


@pytest.mark.parametrize("case", ARGUMENTS)
def test_arguments(case: str) -> None:
    call, kind, fragments = ARGUMENTS[case]
    out = np.full((4, 4), 7.0)
    with pytest.raises(kind) as caught:
        call()
    check_message(str(caught.value), fragments)
    with pytest.raises(ANY):
        call(out=out)
    if case != "overflow":  # an overflow is found only during the computation
        assert (out == 7).all()


@pytest.mark.parametrize(
    ("call", "kind", "fragments"),
    [
        (lambda: compute_kernel(X[0, ..., 0], X[0], cases.EXP), ValueError,
         ["im1", "(h, w, c)", "X[..., None]"]),
        (lambda: compute_kernel(X[0], X[0, :7], cases.EXP), ValueError,
         ["im1", "im2", "(8, 8, 1)", "(7, 8, 1)"]),
        (lambda: compute_kernel(X[0], bad_value((2, 0, 0, 0), np.nan)[2], cases.EXP), ValueError,
         ["im2", "NaN"]),
        (lambda: compute_kernel(X[0], X[0], cases.EXP, dtype=int), TypeError, ["dtype", "int64"]),
        (lambda: compute_dist_to_ref(X, X, cases.EXP), ValueError, ["im_ref", "(h, w, c)"]),
        (lambda: compute_dist_to_ref(X[0], X[0], cases.EXP), ValueError, ["ims", "(n, h, w, c)"]),
        (lambda: compute_dist_to_ref(X[0], bad_value((2, 0, 0, 0), np.inf), cases.EXP), ValueError,
         ["image 2", "infinit"]),
        (lambda: compute_kernel(X[0], X[0], cases.EXP, "both"), ValueError,  # type: ignore[arg-type]
         ["ntk", "False or True", "'both'"]),
        (lambda: compute_dist_to_ref(X[0], X, cases.EXP, 3), ValueError,  # type: ignore[arg-type]
         ["ntk", "False or True", "3"]),
        (lambda: compute_norms(X, cases.EXP, "all"), ValueError,  # type: ignore[arg-type]
         ["ntk", "False or True", "'all'"]),
        (lambda: CKNKernel((8, 8, 1), cases.EXP, np.array([1])), TypeError,  # type: ignore[arg-type]
         ["ntk", "False or True", "ndarray"]),
        (lambda: Model(cases.EXP).describe((8, 8, 1), ntk="NTK"), ValueError, ["ntk", "'NTK'"]),  # type: ignore[arg-type]
        (lambda: compute_diagonal(X[0], cases.EXP), ValueError, ["X", "(n, h, w, c)", "X[None]"]),
        (lambda: compute_diagonal(bad_value((2, 0, 0, 0), np.nan), cases.EXP), ValueError,
         ["X", "image 2", "NaN"]),
        (lambda: compute_diagonal(X, cases.EXP, "both"), ValueError,  # type: ignore[arg-type]
         ["ntk", "False or True", "'both'"]),
        (lambda: compute_diagonal(X, cases.EXP, dtype=int), TypeError, ["dtype", "int64"]),
        (lambda: compute_diagonal(X, cases.EXP, n_threads=0), ValueError, ["n_threads"]),
        (lambda: compute_distances(X, X[:3], cases.EXP), ValueError,
         ["X and Y", "4 and 3", "single"]),
        (lambda: compute_distances(X[:0], X[:3], cases.EXP), ValueError, ["X and Y", "0 and 3"]),
        (lambda: compute_distances(X, X[:, 1:], cases.EXP), ValueError,
         ["X", "Y", "(8, 8, 1)", "(7, 8, 1)"]),
        (lambda: compute_distances(X[0], X, cases.EXP), ValueError,
         ["X", "(n, h, w, c)", "X[None]"]),
        (lambda: compute_distances(X, bad_value((3, 0, 0, 0), np.inf), cases.EXP), ValueError,
         ["Y", "image 3", "infinit"]),
        (lambda: compute_distances(X, X, cases.EXP, "both"), ValueError,  # type: ignore[arg-type]
         ["ntk", "False or True", "'both'"]),
        (lambda: compute_distances(X, X, cases.EXP, n_threads=0), ValueError, ["n_threads"]),
        (lambda: compute_norms(X[..., 0], cases.EXP), ValueError, ["ims", "(n, h, w, c)"]),
        (lambda: compute_norms(bad_value((3, 0, 0, 0), np.nan), cases.EXP), ValueError,
         ["image 3", "NaN"]),
        (lambda: compute_norms(X, cases.EXP, verbose="no"), ValueError,  # type: ignore[arg-type]
         ["verbose", "False or True", "'no'"]),
        (lambda: compute_norms(X, cases.EXP, progress="no"), ValueError,  # type: ignore[arg-type]
         ["progress", "False or True", "'no'"]),
        (lambda: CKNKernel((8, 8, 1), cases.EXP, verbose=[1]), TypeError,  # type: ignore[arg-type]
         ["verbose", "False or True", "list"]),
        (lambda: matrix_of_class(ntk=True, return_rf="False"), ValueError,
         ["return_rf", "False or True", "'False'"]),
        (lambda: matrix_of_class(return_rf=X), TypeError,
         ["return_rf", "False or True", "ndarray"]),
        (lambda: CKNKernel((8, 8, 3), cases.EXP).compute_kernel_matrix(
            X, None, None, None, None, None), ValueError,
         ["ims1", "(8, 8, 3)", "(8, 8, 1)"]),
        (lambda: Model(cases.EXP).describe((2, 2, 1)), ValueError, ["layer 0", "2x2"]),
    ],
)  # fmt: skip
def test_other_functions(
    call: Callable[[], object],
    kind: type[Exception] | tuple[type[Exception], ...],
    fragments: list[str],
) -> None:
    with pytest.raises(kind) as caught:
        call()
    check_message(str(caught.value), fragments)


@pytest.mark.parametrize(
    "call",
    [lambda shape: CKNKernel(shape, cases.EXP), Model(cases.EXP).describe],
    ids=["class", "describe"],
)
@pytest.mark.parametrize(
    ("shape", "kind", "fragments"),
    [
        ((8, 8), TypeError, ["(8, 8)"]),
        (8, TypeError, ["got 8"]),
        (None, TypeError, ["None"]),
        ("881", TypeError, ["'881'"]),
        ((8.5, 8, 1), TypeError, ["8.5"]),
        ((8, True, 1), TypeError, ["True"]),
        (np.ones((3, 2)), TypeError, []),
        ((8, 0, 1), ValueError, ["at least 1", "(8, 0, 1)"]),
        ((8, 8, -1), ValueError, ["at least 1", "(8, 8, -1)"]),
        ((8, 8, 10**30), ValueError, ["at most 9000000000000000"]),
    ],
    ids=str,
)
def test_shapes(
    call: Callable[[Any], object], shape: Any, kind: type[Exception], fragments: list[str]
) -> None:
    with pytest.raises(kind) as caught:
        call(shape)
    check_message(str(caught.value), ["shape", *fragments])


def test_thread_count_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CKN_NUM_THREADS", "many")
    with pytest.raises(ValueError, match=r"CKN_NUM_THREADS.*many"):
        compute_kernel_matrix(X, model=cases.EXP)
    monkeypatch.setenv("CKN_NUM_THREADS", "1")
    assert ckn_rs._core.default_threads() == 1
    compute_kernel_matrix(X, model=cases.EXP)
