"""Posteriors of Gaussian processes, against direct solves and scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cases
import ckn_rs
from ckn_rs import gp
from messages import ANY, check_message

N, M, NOISE = 30, 8, 0.3
X, TEST = cases.images(N, (8, 8, 1)), cases.images(M, (8, 8, 1), seed=1)
K = ckn_rs.compute_kernel_matrix(X, model=cases.EXP)
K_TEST = ckn_rs.compute_kernel_matrix(X, TEST, model=cases.EXP)
K_TEST_TEST = ckn_rs.compute_kernel_matrix(TEST, model=cases.EXP)
DIAGONAL = ckn_rs.compute_diagonal(TEST, cases.EXP)
Y = np.random.default_rng(2).normal(size=(N, 3))


def close(actual: Any, expected: Any, tolerance: float = 1e-10) -> None:
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("noise", [0, 1e-3, NOISE, 1e4])
@pytest.mark.parametrize("ntk", [False, True])
def test_solves_the_system(noise: float, ntk: bool) -> None:
    images = np.concatenate([X, TEST])
    joint = ckn_rs.compute_kernel_matrix(images, model=cases.RELU, ntk=ntk)
    train, cross, test = joint[:N, :N], joint[:N, N:], joint[N:, N:]
    found = gp.posterior(train, cross, test, Y, noise)
    noisy = train + noise * np.eye(N)
    close(found.mean, cross.T @ np.linalg.solve(noisy, Y))
    close(found.covariance, test - cross.T @ np.linalg.solve(noisy, cross))
    np.testing.assert_array_equal(found.covariance, found.covariance.T)
    _, determinant = np.linalg.slogdet(2 * np.pi * noisy)
    fit = np.sum(Y * np.linalg.solve(noisy, Y), axis=0)
    close(found.log_marginal_likelihood, -(fit + determinant) / 2)


def test_agrees_with_scikit_learn() -> None:
    process: Any = pytest.importorskip("sklearn.gaussian_process")
    joint = np.block([[K, K_TEST], [K_TEST.T, K_TEST_TEST]])

    class Precomputed(process.kernels.Kernel):  # type: ignore[misc]
        """The kernel of images whose numbers are given."""

        def __init__(self) -> None: ...

        def __call__(self, a: Any, b: Any = None) -> Any:
            rows = a[:, 0].astype(int)
            return joint[np.ix_(rows, rows if b is None else b[:, 0].astype(int))]

        def diag(self, a: Any) -> Any:
            return joint.diagonal()[a[:, 0].astype(int)]

        def is_stationary(self) -> bool:
            return False

    numbers = np.arange(N + M)[:, None]
    fitted = process.GaussianProcessRegressor(Precomputed(), alpha=NOISE, optimizer=None)
    fitted.fit(numbers[:N], Y[:, 0])
    mean, covariance = fitted.predict(numbers[N:], return_cov=True)
    found = gp.posterior(K, K_TEST, K_TEST_TEST, Y[:, 0], NOISE)
    close(found.mean, mean)
    close(found.covariance, covariance)
    close(found.log_marginal_likelihood, fitted.log_marginal_likelihood_value_)


def test_variances_are_the_diagonal() -> None:
    full = gp.posterior(K, K_TEST, K_TEST_TEST, Y, NOISE)
    short = gp.posterior(K, K_TEST, DIAGONAL, Y, NOISE)
    assert short.covariance.shape == (M,)
    close(short.covariance, full.covariance.diagonal())
    np.testing.assert_array_equal(short.mean, full.mean)


def test_targets_are_apart() -> None:
    together = gp.posterior(K, K_TEST, DIAGONAL, Y, NOISE)
    for j in range(3):
        mean, variances, likelihood = gp.posterior(K, K_TEST, DIAGONAL, Y[:, j], NOISE)
        assert mean.shape == (M,)
        assert likelihood.shape == ()
        close(mean, together.mean[:, j])
        close(variances, together.covariance)
        close(likelihood, together.log_marginal_likelihood[j])


def test_order_of_images() -> None:
    rng = np.random.default_rng(3)
    train, test = rng.permutation(N), rng.permutation(M)
    found = gp.posterior(K, K_TEST, K_TEST_TEST, Y, NOISE)
    other = gp.posterior(
        K[np.ix_(train, train)],
        K_TEST[np.ix_(train, test)],
        K_TEST_TEST[np.ix_(test, test)],
        Y[train],
        NOISE,
    )
    close(other.mean, found.mean[test])
    close(other.covariance, found.covariance[np.ix_(test, test)])
    close(other.log_marginal_likelihood, found.log_marginal_likelihood)


def test_training_images_are_known() -> None:
    mean, variances, _ = gp.posterior(K, K, K.diagonal(), Y)
    close(mean, Y)
    assert (variances >= 0).all()
    close(variances, 0)


def test_float32_is_computed_in_float64() -> None:
    single = [part.astype(np.float32) for part in (K, K_TEST, K_TEST_TEST, Y)]
    double = [part.astype(np.float64) for part in single]
    results = [
        gp.posterior(train, cross, test, y, NOISE) for train, cross, test, y in (single, double)
    ]
    for one, other in zip(*results, strict=True):
        assert one.dtype == np.float64
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("scale", [1e-60, 1e60])
def test_scale_of_the_kernel(scale: float) -> None:
    found = gp.posterior(K, K_TEST, K_TEST_TEST, Y, NOISE)
    other = gp.posterior(scale * K, scale * K_TEST, scale * K_TEST_TEST, Y, scale * NOISE)
    close(other.mean, found.mean)
    close(other.covariance / scale, found.covariance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("ntk", [False, True])
def test_equal_images_need_noise(dtype: Any, ntk: bool) -> None:
    images = np.concatenate([X, X]).astype(dtype)
    twice = ckn_rs.compute_kernel_matrix(images, model=cases.RELU, ntk=ntk)
    diagonal = twice.diagonal()
    with pytest.raises(ValueError, match="give more noise") as caught:
        gp.posterior(twice, twice, diagonal, np.concatenate([Y, Y]))
    message = str(caught.value)
    check_message(message, ["K + noise I is singular", "noise = 0", "equal"])
    gp.posterior(twice, twice, diagonal, np.concatenate([Y, Y]), float(message.split()[-1]))
    noise, tolerance = 1e-3 * float(diagonal.mean()), 1e-3 if dtype == np.float32 else 1e-8
    mean, variances, _ = gp.posterior(twice, twice, diagonal, np.concatenate([Y, -Y]), noise)
    close(mean, 0, tolerance)
    # Two noisy targets of one image are one target with half of the noise.
    half = gp.posterior(twice[:N, :N], twice[:N, :N], diagonal[:N], Y, noise / 2)
    close(variances, np.tile(half.covariance, 2), tolerance)


@pytest.mark.parametrize("noise", [0, 1])
def test_no_variance_is_negative(noise: float) -> None:
    """Far more test images than rank: rounding makes about half of the variances negative."""
    points = np.random.default_rng(4).normal(size=(300, 3))
    linear = points @ points.T
    train = linear[:3, :3]
    found = gp.posterior(train, linear[:3], linear.diagonal(), points[:3, 0], noise)
    assert (found.covariance >= 0).all()
    full = gp.posterior(train, linear[:3], linear, points[:3, 0], noise)
    assert (full.covariance.diagonal() >= 0).all()
    if not noise:
        close(found.mean, points[:, 0], 1e-9)
        close(full.covariance, 0, 1e-9)


def test_whole_numbers_and_lists() -> None:
    y = [0, 1, 2] * 10
    found = gp.posterior(K.tolist(), K_TEST.tolist(), DIAGONAL.tolist(), y, 1)
    close(found.mean, gp.posterior(K, K_TEST, DIAGONAL, np.array(y, float), 1.0).mean)


def test_no_test_images() -> None:
    mean, covariance, _ = gp.posterior(K, K_TEST[:, :0], DIAGONAL[:0], Y, NOISE)
    assert mean.shape == (0, 3)
    assert covariance.shape == (0,)


def with_entry(matrix: Any, index: Any, value: float) -> Any:
    changed = np.array(matrix)
    changed[index] = value
    return changed


INDEFINITE = K - 1.001 * np.linalg.eigvalsh(K)[-1] * np.eye(N)

REFUSED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "not square": ({"K": K[:5]}, ["K must be a square", "(5, 30)"]),
    "three axes": ({"K": K[None]}, ["K must be a square", "(1, 30, 30)"]),
    "empty": ({"K": K[:0, :0]}, ["K must be a square", "(0, 0)"]),
    "not symmetric": (
        {"K": with_entry(K, (3, 5), 9.0)},
        ["K must be symmetric", "1.5e-08", "[3, 5] is 9", "[5, 3] is"],
    ),
    "negative eigenvalue": (
        {"K": INDEFINITE, "noise": 1e3},
        ["K must be positive semidefinite", "eigenvalue below -"],
    ),
    "NaN in K": ({"K": with_entry(K, (0, 0), np.nan)}, ["K has NaN"]),
    "text in K": ({"K": K.astype(str)}, ["K must hold real numbers"]),
    "complex K": ({"K": K + 0j}, ["K must hold real numbers", "complex128"]),
    "rows of K_test": ({"K_test": K_TEST.T}, ["K_test must have shape (30, m)", "(8, 30)"]),
    "one column": ({"K_test": K_TEST[:, 0]}, ["K_test must have shape (30, m)", "(30,)"]),
    "NaN in K_test": ({"K_test": with_entry(K_TEST, (0, 0), np.nan)}, ["K_test has NaN"]),
    "prior's shape": (
        {"K_test_test": DIAGONAL[:5]},
        ["K_test_test must have shape (8,)", "(8, 8)", "got (5,)"],
    ),
    "prior's symmetry": (
        {"K_test_test": with_entry(K_TEST_TEST, (0, 1), -1.0)},
        ["K_test_test must be symmetric", "[0, 1] is -1"],
    ),
    "infinite prior": ({"K_test_test": DIAGONAL * np.inf}, ["K_test_test has NaN or infinite"]),
    "another kernel": (
        {"K_test_test": with_entry(DIAGONAL, 6, 1e-3)},
        ["K_test_test does not fit", "test image 6", "variance -", "one kernel"],
    ),
    "another kernel's matrix": (
        {"K_test_test": with_entry(K_TEST_TEST, (6, 6), 1e-3)},
        ["K_test_test does not fit", "test image 6"],
    ),
    "too few targets": ({"y": Y[:5]}, ["y must have shape (30,) or (30, targets)", "(5, 3)"]),
    "three axes of y": ({"y": Y[..., None]}, ["y must have shape (30,)"]),
    "no targets": ({"y": Y[:, :0]}, ["y must have shape (30,)", "(30, 0)"]),
    "NaN in y": ({"y": with_entry(Y, (0, 0), np.nan)}, ["y has NaN"]),
    "labels": ({"y": ["cat", "dog"] * 15}, ["y must hold real", "<U3", "one-hot"]),
    "labels as objects": (
        {"y": np.array(["cat", "dog"] * 15, object)},
        ["y must hold real", "one-hot"],
    ),
    "missing label": ({"y": [1, None] * 15}, ["y must hold real numbers", "object"]),
    "ragged y": ({"y": [[1]] * 29 + [[1, 2]]}, ["y cannot be made an array"]),
    "negative noise": ({"noise": -1e-9}, ["noise must be one finite", "-1e-09"]),
    "NaN noise": ({"noise": np.nan}, ["noise must be one finite", "nan"]),
    "infinite noise": ({"noise": np.inf}, ["noise must be one finite", "inf"]),
    "noises": ({"noise": np.ones(30)}, ["noise must be one finite", "array"]),
    "text as noise": ({"noise": "small"}, ["noise must hold real numbers"]),
}


@pytest.mark.parametrize(("changes", "fragments"), REFUSED.values(), ids=REFUSED)
def test_mistakes(changes: dict[str, Any], fragments: list[str]) -> None:
    arguments = {
        "K": K,
        "K_test": K_TEST,
        "K_test_test": DIAGONAL,
        "y": Y,
        "noise": NOISE,
        **changes,
    }
    with pytest.raises(ANY) as caught:
        gp.posterior(**arguments)
    check_message(str(caught.value), fragments)
    assert isinstance(caught.value, TypeError) == any(
        words in str(caught.value) for words in ("must hold real", "cannot be made")
    )


def test_float32_may_be_less_symmetric() -> None:
    """An NTK in float32 has errors of up to 3e-4 where an arc-cosine is taken at 1."""
    changed = with_entry(K, (3, 5), K[3, 5] * (1 + 1e-5))
    with pytest.raises(ValueError, match="symmetric"):
        gp.posterior(changed, K_TEST, DIAGONAL, Y, NOISE)
    gp.posterior(changed.astype(np.float32), K_TEST, DIAGONAL, Y, NOISE)


def test_float32_may_be_less_definite() -> None:
    low = K - (np.linalg.eigvalsh(K)[0] + 1e-5 * K.max()) * np.eye(N)
    with pytest.raises(ValueError, match=r"K must be positive .* if it is passed in float32"):
        gp.posterior(low, K_TEST, K_TEST_TEST, Y, 1)
    single = low.astype(np.float32)
    gp.posterior(single, K_TEST, K_TEST_TEST, Y, 1)
    with pytest.raises(ValueError, match="give more noise") as caught:
        gp.posterior(single, K_TEST, K_TEST_TEST, Y)
    gp.posterior(single, K_TEST, K_TEST_TEST, Y, float(str(caught.value).split()[-1]))


def test_nearly_singular() -> None:
    """Here the decomposition exists, but all its last entry is rounding."""
    near = np.array([[1, 1], [1, 1 + 4e-16]])
    with pytest.raises(ValueError, match="singular to rounding"):
        gp.posterior(near, [[1], [1]], [1], [0, 1])
    close(gp.posterior(near, [[1], [1]], [1], [0, 1], 1e-6).mean, 0.5, 1e-6)


@pytest.mark.parametrize("single", range(3))
def test_one_matrix_in_float32(single: int) -> None:
    """Variances of training images are 0 to the precision of the least exact matrix."""
    matrices: list[Any] = [K, K, K]
    matrices[single] = K.astype(np.float32)
    train, cross, prior = matrices
    close(gp.posterior(train, cross, prior, Y).covariance.diagonal(), 0, 1e-5)
