"""Diagonals and distances: their values from entries of the matrix, and their properties."""

from typing import Any

import numpy as np
import pytest

import cases
import ckn_rs
import layers

SHAPE = (9, 8, 2)
X = cases.images(7, SHAPE)
Y = cases.images(7, SHAPE, seed=1)
both = pytest.mark.parametrize("ntk", [False, True], ids=["ckn", "ntk"])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@layers.every_kind
def test_diagonal_has_the_bits_of_the_matrix(kernel: str, ntk: bool, dtype: str) -> None:
    model = layers.two_layers(kernel)
    diagonal = ckn_rs.compute_diagonal(X.astype(dtype), model, ntk)
    assert diagonal.dtype == np.dtype(dtype)
    K = ckn_rs.compute_kernel_matrix(X.astype(dtype), model=model, ntk=ntk)
    np.testing.assert_array_equal(diagonal, K.diagonal())
    one_thread = ckn_rs.compute_diagonal(X, model, ntk, dtype=dtype, n_threads=1)
    np.testing.assert_array_equal(one_thread, diagonal)


@both
def test_distances_are_those_of_the_kernels(ntk: bool) -> None:
    model = ckn_rs.Model(cases.RELU, readout="mean")
    K = ckn_rs.compute_kernel_matrix(np.concatenate([X, Y]), model=model, ntk=ntk)
    own = K.diagonal()
    expected = own[:7] + own[7:] - 2 * K[:7, 7:].diagonal()
    distances = ckn_rs.compute_distances(X, Y, model, ntk)
    assert distances.dtype == np.float64
    assert cases.error(distances, expected) <= 1e-12
    np.testing.assert_array_equal(
        ckn_rs.compute_distances(X.astype(np.float32), Y, model, ntk).dtype, np.float64
    )
    single = ckn_rs.compute_distances(X, Y, model, ntk, dtype=np.float32)
    assert single.dtype == np.float32
    assert cases.error(single, expected) <= 1e-3


@both
def test_one_image_against_many(ntk: bool) -> None:
    k00, kxy, kyy = ckn_rs.compute_dist_to_ref(X[0], Y, cases.EXP, ntk)
    expected = k00 - 2 * kxy + kyy
    there = ckn_rs.compute_distances(X[:1], Y, cases.EXP, ntk)
    assert cases.error(there, expected) <= 1e-12
    back = ckn_rs.compute_distances(Y, X[:1], cases.EXP, ntk)
    assert cases.error(back, expected) <= 1e-12
    assert ckn_rs.compute_distances(X[:1], Y[:1], cases.EXP, ntk).shape == (1,)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@layers.every_kind
def test_distances_are_never_below_zero(kernel: str, ntk: bool, dtype: Any) -> None:
    model = layers.two_layers(kernel)
    same = ckn_rs.compute_distances(X, X.copy(), model, ntk, dtype=dtype)
    assert (same == 0).all()
    close = ckn_rs.compute_distances(X, X * (1 + 1e-9), model, ntk, dtype=dtype)
    assert (close >= 0).all()
    assert (ckn_rs.compute_distances(X, Y, model, ntk, dtype=dtype) > 0).all()


def test_no_images() -> None:
    none = X[:0]
    assert ckn_rs.compute_diagonal(none, cases.EXP).shape == (0,)
    assert ckn_rs.compute_distances(none, none, cases.EXP).shape == (0,)
    assert ckn_rs.compute_distances(none, X[:1], cases.EXP).shape == (0,)
    with pytest.raises(ValueError, match="no positions"):
        ckn_rs.compute_diagonal(none, [{"npatch": 3, "subsampling": 9}])
