"""Images may be anything that NumPy can read, and results may go to any array."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cases
import ckn_rs

SHAPE = (8, 7, 2)
X = cases.images(5, SHAPE)
X32 = X.astype(np.float32)
K = ckn_rs.compute_kernel_matrix(X, model=cases.EXP)
K32 = ckn_rs.compute_kernel_matrix(X32, model=cases.EXP)


class ArrayLike:
    """An object of another library that converts itself to an array."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> cases.Floats:
        return X.astype(dtype) if dtype is not None else X


def read_only() -> cases.Floats:
    array = X.copy()
    array.flags.writeable = False
    return array


def unaligned() -> cases.Floats:
    raw = np.zeros(X.nbytes + 1, np.uint8)
    view = raw[1:].view(np.float64).reshape(X.shape)
    view[...] = X
    return view


def of_images() -> Any:
    array = np.empty(len(X), object)
    array[:] = list(X)
    return array


@pytest.mark.parametrize(
    "same",
    [
        X.tolist(),
        tuple(X),
        np.asfortranarray(X),
        np.repeat(X, 2, axis=2)[:, :, ::2],
        X[::-1].copy()[::-1],
        read_only(),
        unaligned(),
        X.astype(">f8"),
        X.astype(np.longdouble),
        ArrayLike(),
        X.astype(object),
        of_images(),
    ],
    ids=["list", "tuple", "fortran", "strided", "reversed", "read-only", "unaligned", "big-endian",
         "longdouble", "__array__", "objects", "objects that are images"],
)  # fmt: skip
def test_double_precision_forms(same: Any) -> None:
    result = ckn_rs.compute_kernel_matrix(same, model=cases.EXP)
    assert result.dtype == np.float64
    np.testing.assert_array_equal(result, K)
    norms, _ = ckn_rs.compute_norms(same, cases.EXP)
    np.testing.assert_array_equal(norms, ckn_rs.compute_norms(X, cases.EXP)[0])


@pytest.mark.parametrize(
    "axes", [(3, 2, 1, 0), (3, 0, 1, 2), (0, 3, 1, 2)], ids=lambda axes: "".join(map(str, axes))
)
def test_kernels_of_pairs_in_any_memory_layout(axes: tuple[int, ...]) -> None:
    """Images have layouts that NumPy keeps when it joins arrays."""
    same = np.ascontiguousarray(X.transpose(axes)).transpose(np.argsort(axes))
    assert ckn_rs.compute_kernel(same[0], same[1], cases.EXP) == ckn_rs.compute_kernel(
        X[0], X[1], cases.EXP
    )
    _, kxy, kyy = ckn_rs.compute_dist_to_ref(same[0], same, cases.EXP)
    np.testing.assert_array_equal(kxy, K[0])
    np.testing.assert_array_equal(kyy, K.diagonal())
    np.testing.assert_array_equal(ckn_rs.compute_diagonal(same, cases.EXP), K.diagonal())
    np.testing.assert_array_equal(
        ckn_rs.compute_distances(same, same[::-1], cases.EXP),
        ckn_rs.compute_distances(X, X[::-1], cases.EXP),
    )


@pytest.mark.parametrize("dtype", ["uint8", "int64", "bool", "float16", ">f4", "float32", "object"])
def test_all_else_is_single_precision(dtype: str) -> None:
    values = np.random.default_rng(0).integers(0, 2, size=(4, *SHAPE)).astype(dtype)
    result = ckn_rs.compute_kernel_matrix(values, model=cases.EXP)
    assert result.dtype == np.dtype(np.float32)
    expected = ckn_rs.compute_kernel_matrix(values.astype(np.float32), model=cases.EXP)
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("float32", "float64", "float64"),
        ("float64", "uint8", "float64"),
        ("uint8", "float16", "float32"),
        ("float32", "float32", "float32"),
    ],
)
def test_the_wider_of_two_dtypes_wins(first: str, second: str, expected: str) -> None:
    ims = np.random.default_rng(0).integers(0, 9, size=(3, *SHAPE))
    result = ckn_rs.compute_kernel_matrix(ims.astype(first), ims.astype(second), model=cases.EXP)
    assert result.dtype == np.dtype(expected)


def test_dtype_argument() -> None:
    single = ckn_rs.compute_kernel_matrix(X, model=cases.EXP, dtype=np.float32)
    np.testing.assert_array_equal(single, K32)
    double = ckn_rs.compute_kernel_matrix(X32, model=cases.EXP, dtype="float64")
    assert double.dtype == np.float64
    assert cases.error(double, K) < 1e-6
    assert ckn_rs.compute_norms(X, cases.EXP, dtype=np.float32)[0].dtype == np.float32
    kxy = ckn_rs.compute_dist_to_ref(X[0], X, cases.EXP, dtype=np.float32)[1]
    assert kxy.dtype == np.float32
    np.testing.assert_array_equal(kxy, K32[0])


def test_norms_of_another_dtype_are_converted() -> None:
    n, n_inv = ckn_rs.compute_norms(X, cases.EXP)
    result = ckn_rs.compute_kernel_matrix(X32, X32, n, n, n_inv, n_inv, cases.EXP)
    assert result.dtype == np.float32
    assert cases.error(result, K) < 2e-6


def test_no_images_are_an_empty_matrix() -> None:
    none = X[:0]
    assert ckn_rs.compute_kernel_matrix(none, model=cases.EXP).shape == (0, 0)
    assert ckn_rs.compute_kernel_matrix(X, none, model=cases.EXP).shape == (5, 0)
    assert ckn_rs.compute_norms(none, cases.EXP)[0].shape == (0, 2 * 8 * 7)
    k00, kxy, kyy = ckn_rs.compute_dist_to_ref(X[0], none, cases.EXP)
    assert k00 > 0
    assert kxy.shape == kyy.shape == (0,)
    with pytest.raises(ValueError, match="no positions"):
        ckn_rs.compute_kernel_matrix(none, model=[{"npatch": 3, "subsampling": 7}])


def test_model_in_every_form() -> None:
    model = ckn_rs.Model(cases.EXP)
    mixed = [model[0], cases.EXP[1]]
    numpy_scalars = [
        layer | {"npatch": np.int64(3), "sigma": np.float64(0.6)} for layer in cases.EXP
    ]
    forms: list[Any] = [model, list(model), tuple(cases.EXP), mixed, numpy_scalars]
    for form in forms:
        np.testing.assert_array_equal(ckn_rs.compute_kernel_matrix(X, model=form), K)


def outputs() -> dict[str, cases.Floats]:
    blank = np.full((20, 20), np.nan)
    return {
        "plain": blank[:5, :5].copy(),
        "strided": blank[::4, 1:16:3],
        "fortran": np.asfortranarray(blank[:5, :5]),
        "reversed": blank[4::-1, 4::-1],
    }


@pytest.mark.parametrize("kind", outputs())
def test_out(kind: str) -> None:
    out = outputs()[kind]
    assert ckn_rs.compute_kernel_matrix(X, model=cases.EXP, out=out) is out
    np.testing.assert_array_equal(out, K)
    out[...] = np.nan
    assert ckn_rs.compute_kernel_matrix(X, X, model=cases.EXP, out=out) is out
    assert cases.error(out, K) < 1e-12


def test_out_leaves_its_surroundings_alone() -> None:
    frame = np.full((11, 11), -1.0)
    ckn_rs.compute_kernel_matrix(X, model=cases.EXP, out=frame[1::2, 1::2])
    np.testing.assert_array_equal(frame[1::2, 1::2], K)
    assert (frame[::2] == -1).all()
    assert (frame[:, ::2] == -1).all()


def test_out_as_a_memory_map(tmp_path: Path) -> None:
    path = tmp_path / "K.npy"
    out = np.lib.format.open_memmap(path, "w+", np.float32, (5, 5))
    assert ckn_rs.compute_kernel_matrix(X32, model=cases.EXP, out=out) is out
    out.flush()
    np.testing.assert_array_equal(np.load(path), K32)


def test_out_for_both_kernels() -> None:
    kernel = ckn_rs.CKNKernel(SHAPE, cases.RELU)
    out = (np.empty((5, 5)), np.empty((5, 5)))
    ntk, ckn = kernel.compute_kernel_matrix(
        X, None, None, None, None, None, ntk=True, return_rf=True, out=out
    )
    assert ntk is out[0]
    assert ckn is out[1]
    one = np.empty((5, 5))
    assert kernel.compute_kernel_matrix(X, None, None, None, None, None, out=one) is one
    np.testing.assert_array_equal(one, ckn)
