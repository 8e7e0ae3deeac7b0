"""Gradients of the kernel, and the Gaussian processes that follow them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, WhiteKernel

from ckn_rs import Dense, Layer, Model
from digits import LABELS, MIXED, MODEL, ROWS, composed, kernel, matrix

TRAIN, TEST, Y = ROWS[:60], ROWS[60:], LABELS[:60]

same = np.testing.assert_array_equal


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("model", [MODEL, MIXED], ids=["exp", "mixed"])
def test_gradient_is_that_of_central_differences(model: Any, normalize: bool, alone: bool) -> None:
    # Pixels of some units, since `erf` is not homogeneous.
    X, options = ROWS[:12] / 16, {"model": model, "normalize": normalize}
    k = kernel(**options) if alone else composed(**options)
    assert k.n_dims == (2 if alone else 4)
    K, dK = k(X, eval_gradient=True)
    same(K, k(X))
    assert dK.shape == (12, 12, k.n_dims)
    for d, step in enumerate(np.eye(k.n_dims) * 1e-5):
        ahead, back = (k.clone_with_theta(k.theta + sign * step)(X) for sign in (1, -1))
        difference = (ahead - back) / 2e-5
        assert abs(difference).max() > 0
        np.testing.assert_allclose(dK[..., d], difference, atol=1e-6 * abs(K).max())


@pytest.mark.parametrize("normalize", [True, False])
def test_gradient_of_scales(normalize: bool) -> None:
    """Fixed parameters among them, and a dense layer, the scales of which are no parameters."""
    layers = [Layer(3, 2, sigma=0.6, bias_std=0.7), Layer(3, 1, kernel="erf", bias_std=0.4)]
    model = Model(layers, dense=Dense(1.2, 0.3))
    k = kernel(
        model,
        normalize=normalize,
        sigma_bounds=["fixed", (0.1, 10)],
        weight_std_bounds=[(0.1, 10), "fixed"],
        bias_std_bounds=(0.1, 10),
    )
    X = ROWS[:12] / 16
    K, dK = k(X, eval_gradient=True)
    same(K, k(X))
    assert dK.shape == (12, 12, 4)
    for d, step in enumerate(np.eye(4) * 1e-5):
        ahead, back = (k.clone_with_theta(k.theta + sign * step)(X) for sign in (1, -1))
        difference = (ahead - back) / 2e-5
        assert abs(difference).max() > 0
        np.testing.assert_allclose(dK[..., d], difference, atol=1e-6 * abs(K).max())
    k.set_params(sigma_bounds="fixed", weight_std_bounds="fixed", bias_std_bounds="fixed")
    assert k(X, eval_gradient=True)[1].shape == (12, 12, 0)
    k.set_params(bias_std_bounds=["fixed", (0.1, 10)])
    same(k(X, eval_gradient=True)[1], dK[..., 3:])


def test_gradient_of_the_sigmas_that_are_free() -> None:
    _, both = kernel()(TRAIN, eval_gradient=True)
    for bounds, which in ((["fixed", (0.1, 10)], [1]), ([(0.1, 10), "fixed"], [0])):
        k = kernel(sigma_bounds=bounds)
        K, dK = k(TRAIN, eval_gradient=True)
        same(K, matrix(TRAIN))
        same(dK, both[..., which])
        same(k.theta, np.log([MODEL[i].sigma for i in which]))
        same(k.bounds, np.log([[0.1, 10]]))


def test_likelihood_rises_along_its_gradient() -> None:
    process = GaussianProcessRegressor(composed(), optimizer=None).fit(TRAIN, Y)
    start = process.kernel_.theta
    value, gradient = process.log_marginal_likelihood(start, eval_gradient=True)
    step = 1e-4 / np.linalg.norm(gradient)
    ahead = process.log_marginal_likelihood(start + step * gradient)
    np.testing.assert_allclose(ahead - value, step * gradient @ gradient, rtol=1e-2)
    assert ahead > value


def test_regression_fits_the_sigmas() -> None:
    X = TRAIN[:30]
    centres = X.reshape(-1, 8, 8).sum(axis=1) @ np.arange(8) / X.sum(axis=1)
    targets = centres - centres.mean()
    start = composed().set_params(k2__noise_level=0.01, k2__noise_level_bounds="fixed")
    before = repr(start)
    fitted = GaussianProcessRegressor(start).fit(X, targets)
    sigmas = [fitted.kernel_.get_params()[f"k1__k2__layer{i}__sigma"] for i in (0, 1)]
    assert sigmas != [0.6, 0.7]
    assert repr(start) == before
    still = GaussianProcessRegressor(start, optimizer=None).fit(X, targets)
    assert fitted.log_marginal_likelihood_value_ > still.log_marginal_likelihood_value_
    gradient = fitted.log_marginal_likelihood(fitted.kernel_.theta, eval_gradient=True)[1]
    free = ~np.isclose(fitted.kernel_.theta[:, None], fitted.kernel_.bounds).any(axis=1)
    assert abs(gradient[free]).max() < 1e-2
    # Predictions are those of the textbook.
    K = fitted.kernel_(X) + 1e-10 * np.eye(30)
    across = fitted.kernel_(TEST, X)
    mean, spread = fitted.predict(TEST, return_std=True)
    np.testing.assert_allclose(mean, across @ np.linalg.solve(K, targets), atol=1e-6)
    variance = fitted.kernel_.diag(TEST) - (across * np.linalg.solve(K, across.T).T).sum(axis=1)
    np.testing.assert_allclose(spread**2, variance, atol=1e-6)


@pytest.mark.parametrize("bounds", ["fixed", (0.1, 10.0)])
@pytest.mark.parametrize("optimizer", [None, "fmin_l_bfgs_b"])
def test_regression_without_parameters(bounds: Any, optimizer: Any) -> None:
    model = [{"npatch": 3, "subsampling": 2, "kernel": "relu"}]
    k = kernel(model, sigma_bounds=bounds)
    assert k.n_dims == 0
    assert k.bounds.size == 0
    fitted = GaussianProcessRegressor(k, alpha=0.1, optimizer=optimizer).fit(TRAIN, Y)
    K = matrix(TRAIN, None, model)
    wanted = matrix(TEST, TRAIN, model) @ np.linalg.solve(K + 0.1 * np.eye(60), Y)
    np.testing.assert_allclose(fitted.predict(TEST), wanted, atol=1e-8)
    assert fitted.kernel_ == k
    noisy = GaussianProcessRegressor(k + WhiteKernel(0.1), optimizer=optimizer).fit(TRAIN, Y)
    assert noisy.kernel_.n_dims == 1


def test_classification() -> None:
    two = Y < 2
    k = ConstantKernel(4.0) * kernel()
    fitted = GaussianProcessClassifier(k).fit(TRAIN[two], Y[two])
    assert fitted.kernel_.n_dims == 3
    assert not np.isclose(fitted.kernel_.theta, k.theta).any()
    assert (fitted.predict(TEST[LABELS[60:] < 2]) == LABELS[60:][LABELS[60:] < 2]).all()
    several = GaussianProcessClassifier(k, optimizer=None).fit(TRAIN[Y < 3], Y[Y < 3])
    assert several.kernel_.diag(TEST).shape == (30, 3)
    assert several.score(TRAIN[Y < 3], Y[Y < 3]) == 1


@pytest.mark.parametrize("normalize", [True, False])
def test_gradient_of_the_ntk(normalize: bool) -> None:
    # Another default kernel than the CKN's: the layer in the middle is `relu`.
    model = Model([MODEL[0], Layer(2, pooling="none"), MODEL[1]])
    X, k = ROWS[:12], kernel(model, ntk=True, normalize=normalize)
    assert k.n_dims == 2
    K, dK = k(X, eval_gradient=True)
    same(K, k(X))
    for d, step in enumerate(np.eye(2) * 1e-3):
        # Of fourth order, since the NTK of an image with itself takes an arc-cosine at 1: with a
        # smaller step its rounding errors would be seen.
        near, far = (
            k.clone_with_theta(k.theta + by * step)(X) - k.clone_with_theta(k.theta - by * step)(X)
            for by in (1, 2)
        )
        difference = (8 * near - far) / 12e-3
        assert abs(difference).max() > 0
        np.testing.assert_allclose(dK[..., d], difference, rtol=0, atol=1e-6 * abs(K).max())
    _, second = k.set_params(sigma_bounds=["fixed", (0.1, 10)])(X, eval_gradient=True)
    same(second, dK[..., 1:])


def test_process_with_the_ntk() -> None:
    y = ROWS[:30].reshape(-1, 8, 8).sum(axis=1) @ np.arange(8) / ROWS[:30].sum(axis=1)
    process = GaussianProcessRegressor(kernel(ntk=True), alpha=0.01, optimizer=None)
    process.fit(ROWS[:30], y - y.mean())
    start = process.kernel_.theta
    value, gradient = process.log_marginal_likelihood(start, eval_gradient=True)
    step = 1e-4 / np.linalg.norm(gradient)
    ahead = process.log_marginal_likelihood(start + step * gradient)
    np.testing.assert_allclose(ahead - value, step * gradient @ gradient, rtol=1e-2)
