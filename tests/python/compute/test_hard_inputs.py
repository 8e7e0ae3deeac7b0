"""Inputs for which rounding, a division by 0 or a huge scale could give a NaN."""

import numpy as np
import pytest

import cases
import ckn_rs
import layers
import oracle

SHAPE = (8, 9, 2)
DTYPES = ["float32", "float64"]


def hard_images() -> cases.Floats:
    """Return images: blank, partly blank, constant, opposite, duplicate and almost duplicate."""
    X = cases.images(8, SHAPE)
    X[1] = 0
    X[2, :5] = 0
    X[3] = 0.7
    X[4] = -X[0]
    X[5] = X[0]
    X[6] = X[0] * (1 + 1e-15)
    X[7] = 0
    X[7, 4, 4] = 1
    return X


def model(kernel: str, pooling: str = "gaussian") -> cases.Layers:
    return layers.two_layers(kernel, pooling, npatch=3)


@pytest.mark.parametrize("dtype", DTYPES)
@layers.every_kind
def test_hard_images(kernel: str, ntk: bool, dtype: str) -> None:
    X = hard_images()
    K = ckn_rs.compute_kernel_matrix(X, model=model(kernel), ntk=ntk, dtype=dtype)
    assert np.isfinite(K).all()
    if kernel not in layers.NOT_BLANK:
        assert (K[1] == 0).all()
    expected = np.array([[oracle.kernel(x, y, model(kernel), ntk)[ntk] for y in X] for x in X])
    # Here all images have equal patches, so every NTK entry is as inexact as one on the diagonal.
    tolerance = {"float64": 1e-7 if ntk else 1e-12, "float32": 1e-3 if ntk else 2e-6}[dtype]
    assert cases.error(K, expected) <= tolerance


@pytest.mark.parametrize("kernel", cases.HOMOGENEOUS)
@pytest.mark.parametrize("ntk", [False, True], ids=["ckn", "ntk"])
def test_large_scale(kernel: str, ntk: bool) -> None:
    X, Y = cases.images(3, SHAPE), cases.images(2, SHAPE, seed=1)
    K = ckn_rs.compute_kernel_matrix(X, Y, model=model(kernel), ntk=ntk)
    large = ckn_rs.compute_kernel_matrix(1e30 * X, 1e30 * Y, model=model(kernel), ntk=ntk)
    assert cases.error(large, 1e60 * K) <= 1e-12


@pytest.mark.parametrize("scale", [1e-8, 1e-30, 1e-170])
@layers.every_kind
def test_small_scale(kernel: str, ntk: bool, scale: float) -> None:
    X, Y = scale * cases.images(3, SHAPE), scale * cases.images(2, SHAPE, seed=1)
    K = ckn_rs.compute_kernel_matrix(X, Y, model=model(kernel), ntk=ntk)
    expected = np.array([[oracle.kernel(x, y, model(kernel), ntk)[ntk] for y in Y] for x in X])
    assert np.isfinite(K).all()
    # The bound has an absolute part, because numbers near the smallest double have fewer digits.
    np.testing.assert_allclose(
        K, expected, rtol=1e-11, atol=max(1e-300, 1e-12 * abs(expected).max())
    )


@layers.every_pooling
@pytest.mark.parametrize("kernel", ["relu", "exp"])
def test_an_image_against_its_negative(kernel: str, pooling: str) -> None:
    X = cases.images(20, SHAPE)
    for dtype in DTYPES:
        for ntk in (False, True):
            K = ckn_rs.compute_kernel_matrix(
                X, -X, model=model(kernel, pooling), ntk=ntk, dtype=dtype
            )
            assert np.isfinite(K).all()


def test_pairs_of_hard_images() -> None:
    X = hard_images()
    for ntk in (False, True):
        k00, kxy, kyy = ckn_rs.compute_dist_to_ref(X[0], X, model("relu"), ntk)
        assert np.isfinite([k00, *kxy, *kyy]).all()
        assert ckn_rs.compute_kernel(X[1], X[1], model("relu"), ntk) == 0
