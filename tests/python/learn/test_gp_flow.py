"""Gradient flow of ensembles, against the training of explicit linear models."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cases
import ckn_rs
from ckn_rs import gp
from messages import ANY, check_message

N, M, TARGETS, NOISE = 20, 6, 3, 0.4
X, TEST = cases.images(N, (8, 8, 1)), cases.images(M, (8, 8, 1), seed=1)
TRAIN = ckn_rs.compute_both(X, model=cases.RELU)
CROSS = ckn_rs.compute_both(X, TEST, model=cases.RELU)
PRIOR = ckn_rs.compute_kernel_matrix(TEST, model=cases.RELU, ntk=False)
Y = np.random.default_rng(2).normal(size=(N, TARGETS))
TIMES = [0.0, 0.01, 1.0, 30.0]


def close(actual: Any, expected: Any, tolerance: float = 1e-10) -> None:
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


class LinearModel:
    """Outputs ``f = f0 + J (w - w0)`` of all images, with ``J J^T`` their NTK."""

    def __init__(self) -> None:
        images = np.concatenate([X, TEST])
        tangent, self.prior = ckn_rs.compute_both(images, model=cases.RELU)
        self.J = np.linalg.cholesky(tangent)
        self.train = self.J[:N]

    def response(self, t: float, noise: float) -> Any:
        """The outputs at time ``t``, as a matrix times the residuals ``y - f0`` of training images.

        ``v = w - w0`` obeys ``size dv/dt = J^T (y - f0) - (J^T J + noise) v``. The exponential of
        the matrix of that equation, with the constant beside it, is its solution.
        """
        linalg: Any = pytest.importorskip("scipy.linalg")
        p, size = self.J.shape[1], N * TARGETS
        system = np.zeros((p + N, p + N))
        system[:p, :p] = -(self.train.T @ self.train + noise * np.eye(p)) / size
        system[:p, p:] = self.train.T / size
        return self.J @ linalg.expm(t * system)[:p, p:]


@pytest.mark.parametrize("noise", [0, NOISE])
@pytest.mark.parametrize("t", TIMES)
def test_solves_the_differential_equation(t: float, noise: float) -> None:
    model = LinearModel()
    response = model.response(t, noise)
    # The outputs are a linear map of those at the start, and so is their covariance.
    change = np.eye(N + M)
    change[:, :N] -= response
    mean, covariance = response @ Y, change @ model.prior @ change.T
    flow = gp.gradient_flow(*TRAIN, Y, noise)
    found = flow.at(t, *CROSS, PRIOR)
    close(found.mean, mean[N:])
    close(found.covariance, covariance[N:, N:])
    np.testing.assert_array_equal(found.covariance, found.covariance.T)
    on_train = flow.at(t, *TRAIN, TRAIN[1])
    close(on_train.mean, mean[:N])
    close(on_train.covariance, covariance[:N, :N])


def test_follows_gradient_descent() -> None:
    """The loss as documented, and ``t = steps * learning_rate``."""
    model, steps, rate = LinearModel(), 4000, 1e-3
    start = np.random.default_rng(3).normal(size=(N, TARGETS))
    weights = np.zeros((N + M, TARGETS))
    for _ in range(steps):
        residual = start + model.train @ weights - Y
        weights -= rate * (model.train.T @ residual + NOISE * weights) / (N * TARGETS)
    flow = gp.gradient_flow(*TRAIN, Y - start, NOISE)
    close(flow.mean(steps * rate, CROSS[0]), model.J[N:] @ weights, 2e-3)


def test_start_is_the_prior() -> None:
    found = gp.gradient_flow(*TRAIN, Y).at(0, *CROSS, PRIOR)
    np.testing.assert_array_equal(found.mean, np.zeros((M, TARGETS)))
    np.testing.assert_array_equal(found.covariance, PRIOR)


@pytest.mark.parametrize("noise", [0, NOISE])
def test_end_of_training(noise: float) -> None:
    (T, K), (T_test, K_test) = TRAIN, CROSS
    A = np.linalg.solve(T + noise * np.eye(N), T_test).T
    flow = gp.gradient_flow(T, K, Y, noise)
    for t in (np.inf, 1e9, 1e308):
        found = flow.at(t, T_test, K_test, PRIOR)
        close(found.mean, A @ Y)
        close(found.covariance, PRIOR - A @ K_test - (A @ K_test).T + A @ K @ A.T)
    close(flow.mean(np.inf, T_test), gp.posterior(T, T_test, np.full(M, 1e9), Y, noise).mean)


def test_training_set_is_fitted_at_the_end() -> None:
    found = gp.gradient_flow(*TRAIN, Y).at(np.inf, *TRAIN, TRAIN[1].diagonal())
    close(found.mean, Y)
    close(found.covariance, 0)
    assert (found.covariance >= 0).all()


@pytest.mark.parametrize("noise", [0, NOISE])
@pytest.mark.parametrize("kind", [0, 1])
def test_end_with_noisy_targets_is_a_posterior(noise: float, kind: int) -> None:
    """Networks trained on one layer, or whose start has the covariance of the NTK."""
    K, K_test = TRAIN[kind], CROSS[kind]
    prior = ckn_rs.compute_kernel_matrix(TEST, model=cases.RELU, ntk=kind == 0)
    flow = gp.gradient_flow(K, K + noise * np.eye(N), Y, noise)
    found, wanted = flow.at(np.inf, K_test, K_test, prior), gp.posterior(K, K_test, prior, Y, noise)
    close(found.mean, wanted.mean)
    close(found.covariance, wanted.covariance)


def test_times_have_their_axes_first() -> None:
    flow, diagonal = gp.gradient_flow(*TRAIN, Y, NOISE), PRIOR.diagonal()
    times = np.array([TIMES[:2], TIMES[2:]])
    together = flow.at(times, *CROSS, PRIOR)
    short = flow.at(times, *CROSS, diagonal)
    assert together.mean.shape == (2, 2, M, TARGETS)
    assert together.covariance.shape == (2, 2, M, M)
    assert short.covariance.shape == (2, 2, M)
    close(short.covariance, np.einsum("abmm->abm", together.covariance))
    np.testing.assert_array_equal(flow.mean(times, CROSS[0]), together.mean)
    for index in np.ndindex(2, 2):
        one = flow.at(times[index], *CROSS, PRIOR)
        np.testing.assert_array_equal(one.mean, together.mean[index])
        np.testing.assert_array_equal(one.covariance, together.covariance[index])


def test_targets_share_the_time() -> None:
    together = gp.gradient_flow(*TRAIN, Y).at(3.0, *CROSS, PRIOR)
    for j in range(TARGETS):
        mean, covariance = gp.gradient_flow(*TRAIN, Y[:, j]).at(3.0 / TARGETS, *CROSS, PRIOR)
        assert mean.shape == (M,)
        close(mean, together.mean[:, j])
        close(covariance, together.covariance)


@pytest.mark.parametrize("scale", [1e-60, 1e60])
def test_scale_of_the_kernel(scale: float) -> None:
    found = gp.gradient_flow(*TRAIN, Y, NOISE).at([3, np.inf], *CROSS, PRIOR)
    T, K = (scale * part for part in TRAIN)
    T_test, K_test = (scale * part for part in CROSS)
    flow = gp.gradient_flow(T, K, Y, scale * NOISE)
    other = flow.at([3 / scale, np.inf], T_test, K_test, scale * PRIOR)
    close(other.mean, found.mean)
    close(other.covariance / scale, found.covariance)


def test_order_of_images() -> None:
    rng = np.random.default_rng(3)
    train, test = rng.permutation(N), rng.permutation(M)
    found = gp.gradient_flow(*TRAIN, Y).at([1, np.inf], *CROSS, PRIOR)
    T, K = (part[np.ix_(train, train)] for part in TRAIN)
    T_test, K_test = (part[np.ix_(train, test)] for part in CROSS)
    flow = gp.gradient_flow(T, K, Y[train])
    other = flow.at([1, np.inf], T_test, K_test, PRIOR[np.ix_(test, test)])
    close(other.mean, found.mean[:, test])
    close(other.covariance, found.covariance[:, test][:, :, test])


def test_float32_is_computed_in_float64() -> None:
    single = [part.astype(np.float32) for part in (*TRAIN, *CROSS, PRIOR)]
    double = [part.astype(np.float64) for part in single]
    results = [gp.gradient_flow(T, K, Y).at([1, np.inf], *rest) for T, K, *rest in (single, double)]
    for one, other in zip(*results, strict=True):
        assert one.dtype == np.float64
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equal_images_agree_on_the_mean_of_their_targets(dtype: Any) -> None:
    twice = ckn_rs.compute_both(np.concatenate([X, X]).astype(dtype), model=cases.RELU)
    once = twice[0][:N, :N], twice[1][:N, :N]
    cross = twice[0][:, :N], twice[1][:, :N]
    flow = gp.gradient_flow(*twice, np.concatenate([Y, 3 * Y]))
    single = gp.gradient_flow(*once, 2 * Y)
    tolerance = 1e-4 if dtype == np.float32 else 1e-8
    # Twice the images and twice the normalisation: both flows have one time.
    for t in (0.3, 10.0, 1e15, np.inf):
        found = flow.at(t, *cross, once[1])
        wanted = single.at(t, *once, once[1])
        close(found.mean, wanted.mean, tolerance)
        close(found.covariance, wanted.covariance, tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_variance_is_negative(dtype: Any) -> None:
    points = np.random.default_rng(4).normal(size=(60, 3)).astype(dtype)
    linear = points @ points.T
    flow = gp.gradient_flow(linear[:30, :30], linear[:30, :30], points[:30, 0])
    times = [0, 1e-3, 1, 1e3, 1e20, np.inf]
    mean, variances = flow.at(times, linear[:30], linear[:30], linear.diagonal())
    assert (variances >= 0).all()
    tolerance = 1e-4 if dtype == np.float32 else 1e-9
    for at_end in (-2, -1):
        close(mean[at_end], points[:, 0], tolerance)
        close(variances[at_end], 0, tolerance)


def test_noise_counts_where_rounding_is_negative() -> None:
    points, y = np.random.default_rng(4).normal(size=(2, 30, 3))
    linear = points @ points.T
    noise = 1e-4 * linear.max()
    low = (linear - 0.99 * noise * np.eye(30)).astype(np.float32)
    found = gp.gradient_flow(low, linear, y, noise).mean(np.inf, linear.astype(np.float32))
    close(found, linear @ np.linalg.solve(linear + noise * np.eye(30), y), 0.01)


@pytest.mark.parametrize("single", range(5))
def test_one_matrix_in_float32(single: int) -> None:
    """Variances of training images are 0 to the precision of the least exact matrix."""
    (T, K), diagonal = TRAIN, TRAIN[1].diagonal()
    matrices: list[Any] = [T, K, T, K, diagonal]
    matrices[single] = matrices[single].astype(np.float32)
    ntk, nngp, *rest = matrices
    found = gp.gradient_flow(ntk, nngp, Y).at(np.inf, rest[0], rest[1], rest[2])
    close(found.covariance, 0, 1e-4)


def test_nothing_is_learned_from_blank_images() -> None:
    zero = np.zeros((N, N))
    mean, covariance = gp.gradient_flow(zero, zero, Y).at([0, np.inf], *CROSS, PRIOR)
    np.testing.assert_array_equal(mean, np.zeros((2, M, TARGETS)))
    np.testing.assert_array_equal(covariance, [PRIOR, PRIOR])


def with_entry(matrix: Any, index: Any, value: float) -> Any:
    changed = np.array(matrix)
    changed[index] = value
    return changed


INDEFINITE = TRAIN[0] - 20 * np.eye(N)

REFUSED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "not square": ({"ntk": TRAIN[0][:5]}, ["ntk must be a square", "(5, 20)"]),
    "not symmetric": ({"ntk": with_entry(TRAIN[0], (1, 2), 9e9)}, ["ntk must be symmetric"]),
    "negative eigenvalue": ({"ntk": INDEFINITE}, ["ntk must be positive semidefinite"]),
    "NaN in ntk": ({"ntk": with_entry(TRAIN[0], (1, 1), np.nan)}, ["ntk has NaN"]),
    "size of nngp": ({"nngp": TRAIN[1][:5, :5]}, ["nngp must have shape (20, 20)", "(5, 5)"]),
    "nngp is indefinite": ({"nngp": INDEFINITE}, ["nngp must be positive semidefinite"]),
    "nngp is not symmetric": (
        {"nngp": with_entry(TRAIN[1], (1, 2), 9e9)},
        ["nngp must be symmetric"],
    ),
    "infinite nngp": ({"nngp": TRAIN[1] * np.inf}, ["nngp has NaN or infinite"]),
    "labels": ({"y": ["cat", "dog"] * 10}, ["y must hold real numbers", "one-hot"]),
    "too few targets": ({"y": Y[:5]}, ["y must have shape (20,) or (20, targets)"]),
    "NaN in y": ({"y": with_entry(Y, (0, 0), np.nan)}, ["y has NaN"]),
    "negative noise": ({"noise": -1}, ["noise must be one finite"]),
    "negative time": ({"t": [1, -1e-9]}, ["t must be one time or several", "-1e-09"]),
    "time is NaN": ({"t": np.nan}, ["t must be one time or several", "nan"]),
    "no time": ({"t": []}, ["t must be one time or several", "[]"]),
    "time is None": ({"t": None}, ["t must hold real numbers"]),
    "rows of ntk_test": ({"ntk_test": CROSS[0].T}, ["ntk_test must have shape (20, m)"]),
    "NaN in ntk_test": ({"ntk_test": CROSS[0] * np.nan}, ["ntk_test has NaN"]),
    "columns of nngp_test": (
        {"nngp_test": CROSS[1][:, :3]},
        ["nngp_test must have shape (20, 6)", "ntk_test", "(20, 3)"],
    ),
    "rows of nngp_test": ({"nngp_test": CROSS[1][:3]}, ["nngp_test must have shape (20, m)"]),
    "NaN in nngp_test": ({"nngp_test": CROSS[1] * np.nan}, ["nngp_test has NaN"]),
    "prior's shape": ({"nngp_test_test": PRIOR[:2]}, ["nngp_test_test must have shape (6,)"]),
    "prior's symmetry": (
        {"nngp_test_test": with_entry(PRIOR, (1, 2), 9e9)},
        ["nngp_test_test must be symmetric"],
    ),
    "NaN in the prior": ({"nngp_test_test": PRIOR * np.nan}, ["nngp_test_test has NaN"]),
    "another kernel": (
        {"nngp_test_test": PRIOR.diagonal() * 1e-3},
        ["nngp_test_test does not fit", "variance -"],
    ),
}


@pytest.mark.parametrize(("changes", "fragments"), REFUSED.values(), ids=REFUSED)
def test_mistakes(changes: dict[str, Any], fragments: list[str]) -> None:
    (T, K), (T_test, K_test) = TRAIN, CROSS
    given = {"ntk": T, "nngp": K, "y": Y, "noise": NOISE}
    asked = {"t": 1.0, "ntk_test": T_test, "nngp_test": K_test, "nngp_test_test": PRIOR}
    with pytest.raises(ANY) as caught:
        gp.gradient_flow(**{k: changes.get(k, v) for k, v in given.items()}).at(
            **{k: changes.get(k, v) for k, v in asked.items()}
        )
    check_message(str(caught.value), fragments)
    assert isinstance(caught.value, TypeError) == ("must hold real" in str(caught.value))
