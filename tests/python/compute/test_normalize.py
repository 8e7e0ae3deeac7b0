"""Normalized kernels: the kernel of each image with itself is 1."""

import warnings
from typing import Any

import numpy as np
import pytest

import cases
import ckn_rs
import layers

SHAPE = (9, 8, 2)
X = cases.images(9, SHAPE)
Y = cases.images(5, SHAPE, seed=1)
DTYPES = ["float32", "float64"]


@pytest.mark.parametrize("dtype", DTYPES)
@layers.every_kind
def test_definition(kernel: str, ntk: bool, dtype: str) -> None:
    model = layers.two_layers(kernel)
    tolerance = 1e-12 if dtype == "float64" else 2e-6
    kx, ky = (ckn_rs.compute_diagonal(ims, model, ntk, dtype=dtype) for ims in (X, Y))
    K = ckn_rs.compute_kernel_matrix(X, Y, model=model, ntk=ntk, dtype=dtype)
    unit = ckn_rs.compute_kernel_matrix(X, Y, model=model, ntk=ntk, dtype=dtype, normalize=True)
    assert unit.dtype == np.dtype(dtype)
    assert cases.error(unit, K / np.sqrt(np.outer(kx, ky))) <= tolerance
    own = ckn_rs.compute_kernel_matrix(X, model=model, ntk=ntk, dtype=dtype, normalize=True)
    assert (own.diagonal() == 1).all()
    assert (np.abs(own) <= 1 + 1e-6).all()
    np.testing.assert_array_equal(own, own.T)


def test_each_of_both_by_its_own_diagonal() -> None:
    ntk, ckn = ckn_rs.compute_both(X, Y, model=cases.RELU, normalize=True)
    alone = ckn_rs.compute_kernel_matrix(X, Y, model=cases.RELU, ntk=True, normalize=True)
    np.testing.assert_array_equal(ntk, alone)
    alone = ckn_rs.compute_kernel_matrix(X, Y, model=cases.RELU, normalize=True)
    assert cases.error(ckn, alone) <= 1e-12
    for matrix in ckn_rs.compute_both(X, model=cases.RELU, normalize=True):
        assert (matrix.diagonal() == 1).all()


def test_equal_images_of_two_sets_have_a_kernel_of_one() -> None:
    K = ckn_rs.compute_kernel_matrix(X, X[::-1], model=cases.EXP, normalize=True)
    assert (K[:, ::-1].diagonal() == 1).all()


def blank_in_part() -> Any:
    images = X.copy()
    images[[2, 5]] = 0
    return images


@pytest.mark.parametrize("dtype", DTYPES)
def test_blank_images_have_no_kernel(dtype: str) -> None:
    images = blank_in_part()
    blank = np.isin(np.arange(len(images)), [2, 5])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for K in (
            ckn_rs.compute_kernel_matrix(images, model=cases.EXP, normalize=True, dtype=dtype),
            ckn_rs.compute_kernel_matrix(
                images, images, model=cases.EXP, normalize=True, dtype=dtype
            ),
        ):
            np.testing.assert_array_equal(K.diagonal(), ~blank)
            assert (K[blank] == 0).all()
            assert (K[:, blank] == 0).all()
        K, dK = ckn_rs.compute_gradient(images, Y, model=cases.EXP, normalize=True, dtype=dtype)
    assert np.isfinite(dK).all()
    assert (dK[blank] == 0).all()
    assert (dK[~blank] != 0).any()


@pytest.mark.parametrize("dtype", DTYPES)
def test_gradient_is_zero_on_the_diagonal(dtype: str) -> None:
    for ims2 in (None, X):
        _, dK = ckn_rs.compute_gradient(X, ims2, model=cases.EXP, normalize=True, dtype=dtype)
        each = np.arange(len(X))
        assert (dK[each, each] == 0).all()


@pytest.mark.parametrize(
    ("scale", "dtype"),
    [(1e17, "float32"), (1e30, "float64"), (1e74, "float64"), (1e150, "float64")],
)
def test_large_scale(scale: float, dtype: str) -> None:
    """Kernels are so large that the product of two of them overflows."""
    expected = ckn_rs.compute_kernel_matrix(X, Y, model=cases.EXP, normalize=True)
    large = ckn_rs.compute_kernel_matrix(
        scale * X, scale * Y, model=cases.EXP, normalize=True, dtype=dtype
    )
    assert cases.error(large, expected) <= (1e-12 if dtype == "float64" else 2e-6)
    K, dK = ckn_rs.compute_gradient(scale * X, model=cases.EXP, normalize=True, dtype=dtype)
    assert (K.diagonal() == 1).all()
    assert np.isfinite(dK).all()


@pytest.mark.parametrize("scale", [1e-30, 1e-77])
def test_small_scale(scale: float) -> None:
    """Kernels are near 0. Below a patch norm of 1e-6 they fall as the fourth power of the scale."""
    model = [layers.layer("linear", npatch=3, subsampling=2)]
    x, y = scale * X, scale * Y
    own = [np.sqrt(ckn_rs.compute_diagonal(images, model)) for images in (x, y)]
    K = ckn_rs.compute_kernel_matrix(x, y, model=model)
    assert 0 < np.abs(K).max() < 1e-100
    unit = ckn_rs.compute_kernel_matrix(x, y, model=model, normalize=True)
    assert cases.error(unit, K / own[0][:, None] / own[1]) <= 1e-12


def test_norms_may_be_given() -> None:
    n, n_inv = ckn_rs.compute_norms(X, cases.EXP)
    m, m_inv = ckn_rs.compute_norms(Y, cases.EXP)
    given = ckn_rs.compute_kernel_matrix(X, Y, n, m, n_inv, m_inv, cases.EXP, normalize=True)
    np.testing.assert_array_equal(
        given, ckn_rs.compute_kernel_matrix(X, Y, model=cases.EXP, normalize=True)
    )
    forms = (
        ckn_rs.compute_kernel_matrix_norms(X, Y, n, m, n_inv, m_inv, cases.EXP, normalize=True),
        ckn_rs.compute_kernel_matrix_all(X, Y, cases.EXP, normalize=True),
    )
    for form in forms:
        np.testing.assert_array_equal(form, given)


def test_outputs_of_any_layout(tmp_path: Any) -> None:
    expected = ckn_rs.compute_kernel_matrix(X, Y, model=cases.EXP, normalize=True)
    mapped = np.lib.format.open_memmap(tmp_path / "K.npy", "w+", np.float64, (9, 5))
    for out in (np.asfortranarray(np.empty((9, 5))), np.empty((18, 5))[::-2], mapped):
        result = ckn_rs.compute_kernel_matrix(X, Y, model=cases.EXP, normalize=True, out=out)
        assert result is out
        np.testing.assert_array_equal(out, expected)
