"""Gaussian processes and gradient flow, compared with those of ``neural_tangents``.

``tests/python/compute/test_tangents.py`` says how to install it. Both packages get the same
matrices. The largest difference is 3e-13 of the largest value, at the end of training.
"""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np
import pytest

import cases
import ckn_rs
from ckn_rs import gp

pytest.importorskip(
    "neural_tangents",
    reason="neural_tangents is not installed; tests/python/compute/test_tangents.py says how",
)
import jax  # type: ignore[import-not-found]
from neural_tangents import predict  # type: ignore[import-not-found]

jax.config.update("jax_enable_x64", True)

pytestmark = pytest.mark.tangents

TOLERANCE = 1e-9
N, M = 20, 6
X, TEST = cases.images(N, (8, 8, 1)), cases.images(M, (8, 8, 1), seed=1)
T, K = ckn_rs.compute_both(X, model=cases.RELU)
T_TEST, K_TEST = ckn_rs.compute_both(X, TEST, model=cases.RELU)
T_PRIOR, K_PRIOR = ckn_rs.compute_both(TEST, model=cases.RELU)
Y = np.random.default_rng(2).normal(size=(N, 3))

Kernel = namedtuple("Kernel", ["nngp", "ntk"])


def kernel_of(nngp: Any, ntk: Any) -> Any:
    return Kernel(jax.numpy.asarray(nngp), jax.numpy.asarray(ntk))


def kernels(first: Any, second: Any, get: Any) -> Any:
    """The kernel function that ``neural_tangents`` takes."""
    others = None if second is None else np.asarray(second)
    ntk, nngp = ckn_rs.compute_both(np.asarray(first), others, model=cases.RELU)
    both = kernel_of(nngp, ntk)
    return getattr(both, get) if isinstance(get, str) else both


def close(actual: Any, expected: Any) -> None:
    np.testing.assert_allclose(actual, np.asarray(expected), rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_posterior(noise: float) -> None:
    infer = predict.gp_inference(kernel_of(K, T), Y, diag_reg=noise, diag_reg_absolute_scale=True)
    found = infer(("nngp", "ntkgp"), kernel_of(K_TEST.T, T_TEST.T), kernel_of(K_PRIOR, T_PRIOR))
    for theirs, matrices in (
        (found.nngp, (K, K_TEST, K_PRIOR)),
        (found.ntkgp, (T, T_TEST, T_PRIOR)),
    ):
        ours = gp.posterior(*matrices, Y, noise)
        close(ours.mean, theirs.mean)
        close(ours.covariance, theirs.covariance)


@pytest.mark.parametrize("noise", [0.0, 0.3])
@pytest.mark.parametrize("t", [0.0, 0.3, [0.0, 1.0, 100.0], None])
@pytest.mark.parametrize("rate", [1.0, 0.5])
def test_gradient_flow(noise: float, t: Any, rate: float) -> None:
    theirs = predict.gradient_descent_mse_ensemble(
        kernels, X, Y, learning_rate=rate, diag_reg=noise, diag_reg_absolute_scale=True
    )(t if t is None else np.array(t), TEST, ("nngp", "ntk"), compute_cov=True)
    times = np.inf if t is None else rate * np.array(t)
    all_layers = gp.gradient_flow(T, K, Y, noise).at(times, T_TEST, K_TEST, K_PRIOR)
    # For one layer, neural_tangents takes the noise for noise of the targets, too.
    last_layer = gp.gradient_flow(K, K + noise * np.eye(N), Y, noise).at(
        times, K_TEST, K_TEST, K_PRIOR
    )
    for ours, other in ((all_layers, theirs.ntk), (last_layer, theirs.nngp)):
        close(ours.mean, other.mean)
        close(ours.covariance, other.covariance)


def test_training_set_and_relative_noise() -> None:
    theirs = predict.gradient_descent_mse_ensemble(kernels, X, Y, diag_reg=1e-3)(
        np.array([0.5, 20.0]), X, "ntk", compute_cov=True
    )
    noise = 1e-3 * float(T.diagonal().mean())
    ours = gp.gradient_flow(T, K, Y, noise).at([0.5, 20.0], T, K, K)
    close(ours.mean, theirs.mean)
    close(ours.covariance, theirs.covariance)
