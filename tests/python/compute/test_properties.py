"""Properties that hold for every kernel."""

import numpy as np
import pytest

import cases
import ckn_rs
import layers

SHAPE = (9, 8, 2)
X = cases.images(12, SHAPE)
Y = cases.images(7, SHAPE, seed=1)

both = pytest.mark.parametrize("ntk", [False, True], ids=["ckn", "ntk"])


@layers.every_pooling
@layers.every_kind
def test_symmetric_and_positive_semidefinite(kernel: str, ntk: bool, pooling: str) -> None:
    model = layers.two_layers(kernel, pooling)
    K = ckn_rs.compute_kernel_matrix(X, model=model, ntk=ntk)
    np.testing.assert_array_equal(K, K.T)
    eigenvalues = np.linalg.eigvalsh(K)
    assert eigenvalues[0] >= -1e-11 * eigenvalues[-1]
    there = ckn_rs.compute_kernel_matrix(X, Y, model=model, ntk=ntk)
    back = ckn_rs.compute_kernel_matrix(Y, X, model=model, ntk=ntk)
    assert cases.error(back.T, there) <= 1e-13


@both
@pytest.mark.parametrize("kernel", cases.HOMOGENEOUS)
def test_scaling_an_image_scales_its_kernels(kernel: str, ntk: bool) -> None:
    model = layers.two_layers(kernel, "gaussian")
    a = np.linspace(0.5, 3, len(X))
    b = np.linspace(0.1, 2, len(Y))
    K = ckn_rs.compute_kernel_matrix(X, Y, model=model, ntk=ntk)
    scaled = ckn_rs.compute_kernel_matrix(
        X * a[:, None, None, None], Y * b[:, None, None, None], model=model, ntk=ntk
    )
    assert cases.error(scaled, K * np.outer(a, b)) <= 1e-12


@both
def test_order_of_the_images_is_order_of_the_entries(ntk: bool) -> None:
    rng = np.random.default_rng(0)
    p, q = rng.permutation(len(X)), rng.permutation(len(Y))
    K = ckn_rs.compute_kernel_matrix(X, Y, model=cases.RELU, ntk=ntk)
    permuted = ckn_rs.compute_kernel_matrix(X[p], Y[q], model=cases.RELU, ntk=ntk)
    np.testing.assert_array_equal(permuted, K[np.ix_(p, q)])


@both
def test_order_of_the_channels_does_not_matter(ntk: bool) -> None:
    K = ckn_rs.compute_kernel_matrix(X, Y, model=cases.EXP, ntk=ntk)
    swapped = ckn_rs.compute_kernel_matrix(X[..., ::-1], Y[..., ::-1], model=cases.EXP, ntk=ntk)
    assert cases.error(swapped, K) <= 1e-13


@both
def test_rows_and_columns_are_alike(ntk: bool) -> None:
    def turned(images: cases.Floats) -> cases.Floats:
        return images.swapaxes(1, 2)

    K = ckn_rs.compute_kernel_matrix(X, Y, model=cases.EXP, ntk=ntk)
    other = ckn_rs.compute_kernel_matrix(turned(X), turned(Y), model=cases.EXP, ntk=ntk)
    assert cases.error(other, K) <= 1e-13


def test_ntk_is_at_least_the_ckn() -> None:
    kernel = ckn_rs.CKNKernel(SHAPE, cases.RELU)
    ntk, ckn = kernel.compute_kernel_matrix(
        np.abs(X), None, None, None, None, None, ntk=True, return_rf=True
    )
    assert (np.asarray(ntk) > np.asarray(ckn)).all()


def test_squared_distances_are_not_negative() -> None:
    k00, kxy, kyy = ckn_rs.compute_dist_to_ref(X[0], X, cases.EXP)
    distances = k00 - 2 * kxy + kyy
    assert abs(distances[0]) <= 1e-12 * k00
    assert (distances[1:] > 0).all()
