"""The estimators, against scikit-learn's and against fits that really leave a sample out."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cases
import ckn_rs
from ckn_rs import ridge

pytest.importorskip("sklearn")
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, GenericKernelMixin, Kernel
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import GridSearchCV, cross_val_score

from ckn_rs.sklearn import (
    ConvolutionalKernel,
    KernelRidgeClassifierCV,
    KernelRidgeCV,
    Nystroem,
    _pairwise as pairwise,
)

RNG = np.random.default_rng(0)
X, NEW = RNG.normal(size=(30, 3)), RNG.normal(size=(7, 3))
Y = np.stack([np.sin(X[:, 0]), X[:, 1] + 0.3 * RNG.normal(size=30)], axis=1)
CLASSES = np.array(["bee", "cat", "ant"])
LABELS = CLASSES[(X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)]
IMAGES, NEW_IMAGES = cases.images(30, (6, 5, 1)), cases.images(4, (6, 5, 1), seed=1)
ALPHAS = (1e-4, 1e-2, 1.0, 30.0)
RADIAL: dict[str, Any] = {"kernel": "rbf", "kernel_params": {"gamma": 0.2}, "alphas": ALPHAS}


class ImageKernel(GenericKernelMixin, Kernel):  # type: ignore[misc]
    """A kernel object of images, with the least that one needs."""

    calls: int = 0

    def __init__(self, sigma: float = 0.6) -> None:
        self.sigma = sigma

    def __call__(self, X: Any, Y: Any = None, eval_gradient: bool = False) -> Any:
        assert not eval_gradient
        ImageKernel.calls += Y is None
        model = [{"npatch": 3, "subsampling": 2, "kernel": "exp", "sigma": self.sigma}]
        return ckn_rs.compute_kernel_matrix(X, Y, model=model, normalize=True)

    def diag(self, X: Any) -> Any:
        return np.ones(len(X))

    def is_stationary(self) -> bool:
        return False


def without(i: int) -> Any:
    return np.delete(np.arange(30), i)


@pytest.mark.parametrize("y", [Y, Y[:, :1], Y[:, 0]], ids=["two targets", "a column", "one target"])
def test_regression_is_that_of_kernel_ridge(y: Any) -> None:
    ours = KernelRidgeCV(**RADIAL).fit(X, y)
    theirs = KernelRidge(kernel="rbf", gamma=0.2, alpha=ours.alpha_).fit(X, y)
    assert ours.dual_coef_.shape == theirs.dual_coef_.shape == y.shape
    np.testing.assert_allclose(ours.dual_coef_, theirs.dual_coef_, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(ours.predict(NEW), theirs.predict(NEW), rtol=1e-9)
    assert ours.score(NEW, y[:7]) == pytest.approx(theirs.score(NEW, y[:7]))


def test_regression_leaves_each_sample_out() -> None:
    fitted = KernelRidgeCV(**RADIAL).fit(X, Y)
    results = fitted.cv_results_
    np.testing.assert_array_equal(results["alpha"], ALPHAS)
    for alpha, left_out, train in zip(*results.values(), strict=True):
        model = KernelRidge(kernel="rbf", gamma=0.2, alpha=alpha)
        guesses = [model.fit(X[without(i)], Y[without(i)]).predict(X[i : i + 1]) for i in range(30)]
        assert left_out == pytest.approx(-np.mean((np.concatenate(guesses) - Y) ** 2), rel=1e-8)
        assert train == pytest.approx(-np.mean((model.fit(X, Y).predict(X) - Y) ** 2), rel=1e-6)
    best = results["left_out_score"].argmax()
    assert 0 < best < len(ALPHAS) - 1
    assert fitted.alpha_ == ALPHAS[best]
    assert fitted.best_score_ == results["left_out_score"][best]


@pytest.mark.parametrize("labels", [LABELS, LABELS == "cat"], ids=["three classes", "two classes"])
def test_classification_leaves_each_sample_out(labels: Any) -> None:
    classes = np.unique(labels)
    targets = (labels[:, None] == classes) - 0.1
    fitted = KernelRidgeClassifierCV(**RADIAL).fit(X, labels)
    np.testing.assert_array_equal(fitted.classes_, classes)
    ranks = []
    for index, alpha in enumerate(ALPHAS):
        model = KernelRidge(kernel="rbf", gamma=0.2, alpha=alpha)
        guesses = np.concatenate(
            [model.fit(X[without(i)], targets[without(i)]).predict(X[i : i + 1]) for i in range(30)]
        )
        share = np.mean(classes[guesses.argmax(axis=1)] == labels)
        error = np.mean((guesses - targets) ** 2)
        results = {name: values[index] for name, values in fitted.cv_results_.items()}
        assert results["left_out_score"] == share
        assert results["left_out_squared_error"] == pytest.approx(error, rel=1e-8)
        right = classes[model.fit(X, targets).predict(X).argmax(axis=1)] == labels
        assert results["train_score"] == np.mean(right)
        ranks.append((share, -error))
    assert fitted.alpha_ == ALPHAS[ranks.index(max(ranks))]
    assert fitted.best_score_ == max(ranks)[0]


def test_equal_accuracies_are_decided_by_squared_error() -> None:
    points = np.array([[-2.1], [-2.0], [2.0], [2.1]])
    fitted = KernelRidgeClassifierCV("rbf", alphas=[10.0, 1e-3, 1.0]).fit(points, [0, 0, 1, 1])
    np.testing.assert_array_equal(fitted.cv_results_["left_out_score"], 1)
    assert fitted.alpha_ == 1e-3
    assert fitted.cv_results_["left_out_squared_error"].argmin() == 1


def test_classification_is_that_of_ridge() -> None:
    K, kernels = rbf_kernel(X, gamma=0.2), rbf_kernel(X, NEW, gamma=0.2)
    fits = ridge.fit(K, LABELS, ALPHAS)  # K is 1 on the diagonal
    ours = KernelRidgeClassifierCV(**RADIAL).fit(X, LABELS)
    index = ALPHAS.index(ours.alpha_)
    np.testing.assert_allclose(ours.dual_coef_, fits.coefficients[index], rtol=1e-9)
    shares = (fits.left_out == LABELS).mean(axis=1)
    np.testing.assert_array_equal(ours.cv_results_["left_out_score"], shares)
    np.testing.assert_array_equal(ours.predict(NEW), fits.predict(kernels)[index])
    scores = kernels.T @ fits.coefficients[index]
    np.testing.assert_allclose(ours.decision_function(NEW), scores, rtol=1e-9)


def test_two_classes_are_decided_by_sign() -> None:
    labels = np.where(X[:, 0] > 0, "yes", "no")
    fitted = KernelRidgeClassifierCV(**RADIAL).fit(X, labels)
    decision = fitted.decision_function(NEW)
    assert decision.shape == (7,)
    np.testing.assert_array_equal(fitted.predict(NEW), np.where(decision > 0, "yes", "no"))
    # It is regression on -1 and 1.
    signs = KernelRidge(kernel="rbf", gamma=0.2, alpha=fitted.alpha_).fit(
        X, 2.0 * (labels == "yes") - 1
    )
    np.testing.assert_allclose(decision, signs.predict(NEW), rtol=1e-8)


def test_kernels_of_all_sorts_agree() -> None:
    expected = KernelRidgeCV(**RADIAL).fit(X, Y)
    wanted = expected.predict(NEW)
    length = (1 / 0.4) ** 0.5

    def function(x: Any, y: Any, gamma: float) -> Any:
        return np.exp(-gamma * ((x - y) ** 2).sum())

    for kernel, params in (
        (RBF(length), None),
        (1.0 * RBF(length), None),
        (function, {"gamma": 0.2}),
    ):
        fitted = KernelRidgeCV(kernel, alphas=ALPHAS, kernel_params=params).fit(X, Y)
        np.testing.assert_allclose(fitted.predict(NEW), wanted, rtol=1e-7)
    fitted = KernelRidgeCV("precomputed", alphas=ALPHAS).fit(rbf_kernel(X, gamma=0.2), Y)
    np.testing.assert_allclose(fitted.predict(rbf_kernel(NEW, X, gamma=0.2)), wanted, rtol=1e-9)
    assert fitted.X_fit_ is None
    assert fitted.n_features_in_ == 30


def test_images_as_they_are() -> None:
    kernel = ConstantKernel(2.0) * ImageKernel()
    before = ImageKernel.calls
    for fitted in (
        KernelRidgeCV(kernel).fit(IMAGES, Y),
        KernelRidgeClassifierCV(kernel).fit(IMAGES.astype(np.float32), LABELS),
    ):
        assert fitted.predict(NEW_IMAGES).shape[0] == 4
        assert fitted.X_fit_.shape == IMAGES.shape
        with pytest.raises(ValueError, match=r"shape \(6, 5, 1\), as in fit, got \(5, 6, 1\)"):
            fitted.predict(np.zeros((4, 5, 6, 1)))
        with pytest.raises(ValueError, match=r"shape \(6, 5, 1\), as in fit, got \(30,\)"):
            fitted.predict(np.zeros((4, 30)))
    assert ImageKernel.calls == before + 2  # one triangle each, as for a symmetric matrix
    K = 2 * ImageKernel()(IMAGES)
    by_matrix = KernelRidgeCV("precomputed").fit(K, Y)
    by_kernel = KernelRidgeCV(kernel).fit(IMAGES, Y)
    np.testing.assert_array_equal(by_kernel.dual_coef_, by_matrix.dual_coef_)
    with pytest.raises(ValueError, match="dim 4"):
        KernelRidgeCV("rbf").fit(IMAGES, Y)


def test_searches_the_kernel_too() -> None:
    search = GridSearchCV(
        KernelRidgeClassifierCV(ImageKernel()), {"kernel__sigma": [0.4, 0.8]}, cv=3
    )
    search.fit(IMAGES, LABELS)
    assert search.best_params_["kernel__sigma"] in (0.4, 0.8)
    K = rbf_kernel(X, gamma=0.2)
    by_matrix = cross_val_score(KernelRidgeClassifierCV("precomputed", alphas=ALPHAS), K, LABELS)
    by_name = cross_val_score(KernelRidgeClassifierCV(**RADIAL), X, LABELS)
    np.testing.assert_array_equal(by_matrix, by_name)


def test_single_precision_is_solved_in_double() -> None:
    K = rbf_kernel(X, gamma=0.2).astype(np.float32)
    fits = (KernelRidgeCV("precomputed").fit(k, Y) for k in (K, K.astype(np.float64)))
    first, second = (fitted.dual_coef_ for fitted in fits)
    assert first.dtype == np.float64
    np.testing.assert_array_equal(first, second)


def test_matrices_are_left_as_they_are() -> None:
    K = rbf_kernel(X, gamma=0.2)
    before = K.copy()
    KernelRidgeCV("precomputed").fit(K, Y)
    np.testing.assert_array_equal(K, before)
    assert pairwise.kernels("precomputed", None, K) is K  # there may be no memory for a copy


def test_results_make_a_table() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["a", "b", "c"])
    fitted = KernelRidgeClassifierCV(**RADIAL).fit(frame, LABELS)
    assert list(fitted.feature_names_in_) == ["a", "b", "c"]
    table = pandas.DataFrame(fitted.cv_results_)
    assert table.shape == (4, 4)
    assert table.set_index("alpha")["left_out_score"][fitted.alpha_] == fitted.best_score_


def test_another_process_gets_the_same_bits(tmp_path: Path) -> None:
    file = tmp_path / "model.pickle"
    for fitted, method in (
        (KernelRidgeCV(RBF(2.0)).fit(X, Y), "predict"),
        (KernelRidgeClassifierCV(**RADIAL).fit(X, LABELS), "decision_function"),
    ):
        file.write_bytes(pickle.dumps((fitted, NEW)))
        program = (
            "import pickle, sys\n"
            "from pathlib import Path\n"
            "model, X = pickle.loads(Path(sys.argv[1]).read_bytes())\n"
            f"print(model.{method}(X).tobytes().hex())\n"
        )
        run = subprocess.run(
            [sys.executable, "-c", program, str(file)],
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},  # as here
            check=True,
            capture_output=True,
            text=True,
        )
        assert run.stdout.strip() == getattr(fitted, method)(NEW).tobytes().hex()


def test_fitting_again_forgets() -> None:
    fitted = KernelRidgeCV(**RADIAL).fit(X, Y)
    fitted.set_params(alphas=[1e6]).fit(X[:9], Y[:9, 0])
    fresh = clone(fitted).fit(X[:9], Y[:9, 0])
    np.testing.assert_array_equal(fitted.predict(NEW), fresh.predict(NEW))
    assert fitted.alpha_ == 1e6


def test_kernels_of_zeros_predict_zeros() -> None:
    fitted = KernelRidgeCV().fit(np.zeros((5, 2)), np.arange(5.0))
    np.testing.assert_array_equal(fitted.predict(np.ones((2, 2))), 0)


@pytest.mark.parametrize("make", [KernelRidgeCV, KernelRidgeClassifierCV, Nystroem])
def test_a_fitted_estimator_has_a_kernel_of_its_own(make: Any) -> None:
    kernel = ConvolutionalKernel(cases.EXP[:1])
    fitted = make(kernel).fit(IMAGES, LABELS if make is KernelRidgeClassifierCV else X[:, 0])
    use = fitted.transform if make is Nystroem else fitted.predict
    before = use(NEW_IMAGES)
    kernel.set_params(layer0__sigma=0.1)
    np.testing.assert_array_equal(use(NEW_IMAGES), before)


@pytest.mark.parametrize("make", [KernelRidgeCV, KernelRidgeClassifierCV])
def test_a_fit_that_fails_changes_nothing(make: Any) -> None:
    y = LABELS if make is KernelRidgeClassifierCV else X[:, 0]
    fresh = make(negative)
    with pytest.raises(ValueError, match="at least 0"):
        fresh.fit(X, y)
    with pytest.raises(NotFittedError):
        fresh.predict(NEW)
    fitted = make(**RADIAL).fit(X, y)
    before = fitted.predict(NEW)
    with pytest.raises(ValueError, match="at least 0"):
        fitted.set_params(kernel=negative, kernel_params=None).fit(X[::-1], y)
    np.testing.assert_array_equal(fitted.predict(NEW), before)
    if make is KernelRidgeClassifierCV:
        with pytest.raises(ValueError, match="two classes"):
            fitted.set_params(**RADIAL).fit(X, np.full(30, "bee"))
        np.testing.assert_array_equal(fitted.predict(NEW), before)


def negative(first: Any, second: Any) -> float:
    return -float(np.exp(-np.sum((first - second) ** 2)))
