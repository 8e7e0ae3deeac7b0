"""The kernel as estimators call it, against the functions of the API."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn.base import clone
from sklearn.cluster import SpectralClustering
from sklearn.decomposition import KernelPCA
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Kernel, WhiteKernel
from sklearn.kernel_approximation import Nystroem
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC

import ckn_rs
from ckn_rs import Layer, Model, models
from ckn_rs.sklearn import _kernel as module
from digits import IMAGES, LABELS, MIXED, MODEL, ROWS, kernel, matrix
from messages import check_message

TRAIN, TEST, Y = ROWS[:60], ROWS[60:], LABELS[:60]
EXPECTED = matrix(TRAIN), matrix(TEST, TRAIN)

same = np.testing.assert_array_equal


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """The names of the functions that compute, and whether there was a second set."""
    made: list[tuple[str, bool]] = []

    def watched(name: str) -> Any:
        compute = getattr(module, name)

        def call(first: Any, second: Any = None, *rest: Any, **options: Any) -> Any:
            made.append((name, second is not None))
            return compute(first, second, *rest, **options)

        return call

    for name in ("compute_kernel_matrix", "compute_gradient"):
        monkeypatch.setattr(module, name, watched(name))
    return made


def test_is_the_matrix_of_the_api() -> None:
    images = IMAGES[:20]
    for model in (MODEL, MODEL.to_dicts(), "exp_sigma_06_conv_5_pool_2"):
        layers = models.named(model) if isinstance(model, str) else model
        for options in ({}, {"ntk": True}, {"normalize": False}, {"dtype": np.float32}):
            k = kernel(model, **options)
            wanted = matrix(ROWS[:20], None, layers, **options)
            for X in (images, ROWS[:20], ROWS[:20].tolist(), np.asfortranarray(ROWS[:20])):
                same(k(X), wanted)
            block = matrix(ROWS[:5], ROWS[5:20], layers, **options)
            same(k(images[:5], ROWS[5:20]), block)
            assert k(images).dtype == wanted.dtype
            same(k.diag(images), wanted.diagonal())
            assert k.diag(images).dtype == wanted.dtype
    same(kernel(image_shape=None)(images), EXPECTED[0][:20, :20])


def test_one_call_for_each_matrix(calls: list[tuple[str, bool]]) -> None:
    k = kernel()
    same(k(TRAIN, TRAIN), k(TRAIN))
    assert calls == [("compute_kernel_matrix", False)] * 2
    k(TRAIN, TRAIN.copy())
    k(TRAIN, eval_gradient=True)
    assert calls[2:] == [("compute_kernel_matrix", True), ("compute_gradient", False)]
    K, dK = kernel(sigma_bounds="fixed")(TRAIN, eval_gradient=True)
    assert calls[4:] == [("compute_kernel_matrix", False)]
    assert dK.shape == (60, 60, 0)
    same(K, EXPECTED[0])
    del calls[:]
    SVC(kernel=k).fit(TRAIN, Y)
    KernelRidge(kernel=k).fit(TRAIN, Y)
    assert calls == [("compute_kernel_matrix", False)] * 2


def test_result_may_be_written_to() -> None:
    k = kernel()
    k(TRAIN)[:] = 7
    same(k(TRAIN), EXPECTED[0])


def test_integers_and_tables_of_pandas() -> None:
    whole = ROWS[:10].astype(np.uint8)
    assert kernel()(whole).dtype == np.float32
    same(kernel()(whole), matrix(whole))
    pandas: Any = pytest.importorskip("pandas")
    same(kernel()(pandas.DataFrame(ROWS[:10])), EXPECTED[0][:10, :10])


def test_blank_image() -> None:
    with_blank = TRAIN[:5].copy()
    with_blank[2] = 0
    for model in (MODEL, MIXED):  # in the second, erf has 0 for blank patches
        k = kernel(model)
        K = k(with_blank)
        assert K[2].tolist() == [0] * 5
        same(k.diag(with_blank), [1, 1, 0, 1, 1])
        same(k.diag(with_blank), K.diagonal())
        K, dK = k(with_blank, eval_gradient=True)
        assert not dK[2].any()
        assert np.isfinite(dK).all()
    y = np.arange(5.0)
    fitted = GaussianProcessRegressor(kernel(), alpha=1e-3, optimizer=None).fit(with_blank, y)
    assert fitted.predict(with_blank, return_std=True)[1][2] == 0


def test_svc() -> None:
    fitted = SVC(kernel=kernel(), C=10).fit(TRAIN, Y)
    plain = SVC(kernel="precomputed", C=10).fit(EXPECTED[0], Y)
    same(fitted.predict(TEST), plain.predict(EXPECTED[1]))
    same(fitted.decision_function(TEST), plain.decision_function(EXPECTED[1]))
    assert fitted.score(TEST, LABELS[60:]) > 0.7


def test_kernel_ridge_keeps_float32() -> None:
    for dtype in (np.float64, np.float32):
        train, test = TRAIN.astype(dtype), TEST.astype(dtype)
        fitted = KernelRidge(alpha=0.1, kernel=kernel()).fit(train, Y)
        plain = KernelRidge(alpha=0.1, kernel="precomputed").fit(matrix(train), Y)
        predicted = fitted.predict(test)
        same(predicted, plain.predict(matrix(test, train)))


def test_nystroem_and_threads_of_joblib() -> None:
    one = Nystroem(kernel(), n_components=20, random_state=0)
    features = one.fit_transform(TRAIN)
    # With all images as landmarks the approximation is the kernel.
    every = Nystroem(kernel(), n_components=60, random_state=0).fit_transform(TRAIN)
    np.testing.assert_allclose(every @ every.T, EXPECTED[0], atol=1e-9)
    two = Nystroem(kernel(), n_components=20, random_state=0, n_jobs=2)
    np.testing.assert_allclose(two.fit_transform(TRAIN), features, atol=1e-8)


def test_kernel_pca() -> None:
    fitted = KernelPCA(4, kernel=kernel()).fit(TRAIN)
    plain = KernelPCA(4, kernel="precomputed").fit(EXPECTED[0])
    same(fitted.eigenvalues_, plain.eigenvalues_)
    same(fitted.transform(TEST), plain.transform(EXPECTED[1]))


def test_spectral_clustering() -> None:
    options = {"n_clusters": 3, "random_state": 0, "assign_labels": "cluster_qr"}
    fitted = SpectralClustering(affinity=kernel(), **options).fit(TRAIN)
    plain = SpectralClustering(affinity="precomputed", **options).fit(EXPECTED[0])
    same(fitted.affinity_matrix_, EXPECTED[0])
    same(fitted.labels_, plain.labels_)


def composed(**options: Any) -> Kernel:
    return ConstantKernel(2.0) * kernel(**options) + WhiteKernel(0.1)


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


def test_gradient_of_the_sigmas_that_are_free() -> None:
    _, both = kernel()(TRAIN, eval_gradient=True)
    for bounds, which in ((["fixed", (0.1, 10)], [1]), ([(0.1, 10), "fixed"], [0])):
        k = kernel(sigma_bounds=bounds)
        K, dK = k(TRAIN, eval_gradient=True)
        same(K, EXPECTED[0])
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


def test_grid_search_over_layers() -> None:
    grid = {"kernel__layer0__sigma": [0.3, 0.9], "kernel__layer1__pooling": ["gaussian", "average"]}
    search = GridSearchCV(SVC(kernel=kernel(), C=10), grid, cv=2).fit(TRAIN, Y)
    for values, score in zip(
        search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
    ):
        layers = MODEL.to_dicts()
        layers[0]["sigma"] = values["kernel__layer0__sigma"]
        layers[1]["pooling"] = values["kernel__layer1__pooling"]
        plain = GridSearchCV(SVC(kernel="precomputed", C=10), {}, cv=2)
        assert plain.fit(matrix(TRAIN, None, layers), Y).best_score_ == score
    assert search.best_estimator_.kernel.get_params()["layer0__sigma"] in (0.3, 0.9)


def test_grid_search_over_a_composed_kernel() -> None:
    process = GaussianProcessRegressor(composed(), optimizer=None)
    grid = {"kernel__k1__k2__layer0__sigma": [0.3, 0.9]}
    search = GridSearchCV(process, grid, cv=2).fit(TRAIN, Y)
    scores = [
        GridSearchCV(
            process, {"kernel": [clone(process.kernel).set_params(k1__k2__layer0__sigma=s)]}, cv=2
        )
        .fit(TRAIN, Y)
        .best_score_
        for s in (0.3, 0.9)
    ]
    same(search.cv_results_["mean_test_score"], scores)
    assert scores[0] != scores[1]


def test_fitted_estimator_from_another_process(tmp_path: Path) -> None:
    fitted = [
        SVC(kernel=kernel(MODEL.to_dicts(), dtype=np.float32)).fit(TRAIN, Y),
        GaussianProcessRegressor(composed(), alpha=1e-3).fit(TRAIN, Y),
    ]
    wanted = [fitted[0].decision_function(TEST), fitted[1].predict(TEST)]
    (tmp_path / "fitted").write_bytes(pickle.dumps((fitted, TEST, wanted)))
    script = """
import pickle, sys
(svc, process), X, (scores, means) = pickle.load(open(sys.argv[1], "rb"))
assert (svc.decision_function(X) == scores).all()
assert (process.predict(X) == means).all()
"""
    subprocess.run([sys.executable, "-c", script, tmp_path / "fitted"], check=True)


@pytest.mark.parametrize(
    ("call", "error", "fragments"),
    [
        (lambda: kernel(image_shape=None)(ROWS), ValueError, ["X", "(90, 64)", "image_shape=(28"]),
        (lambda: kernel()(ROWS[:, :63]), ValueError, ["X", "63 columns", "64", "(8, 8, 1)"]),
        (lambda: kernel()(IMAGES, ROWS[:, 1:]), ValueError, ["Y", "63 columns", "64"]),
        (
            lambda: kernel(image_shape=(4, 16, 1))(IMAGES),
            ValueError,
            ["X", "(8, 8, 1)", "image_shape is (4, 16, 1)"],
        ),
        (
            lambda: kernel(image_shape=None)(IMAGES, IMAGES[:, :7]),
            ValueError,
            ["X and Y", "(8, 8, 1)", "(7, 8, 1)"],
        ),
        (lambda: kernel()(IMAGES[..., 0]), ValueError, ["X", "(n, h, w, c)", "X[..., None]"]),
        (lambda: kernel()(ROWS * np.nan), ValueError, ["X: image 0", "NaN"]),
        (lambda: kernel()(ROWS[:3], ROWS[:3] + np.inf), ValueError, ["Y: image 0", "infinite"]),
        (lambda: kernel().diag(ROWS * np.nan), ValueError, ["X: image 0", "NaN"]),
        (lambda: kernel()(ROWS.astype(str)), TypeError, ["X", "real numbers"]),
        (lambda: kernel()([[1.0], [1.0, 2.0]]), TypeError, ["X", "array of numbers"]),
        (lambda: kernel()(ROWS, ROWS, eval_gradient=True), ValueError, ["Y is None"]),
        (lambda: kernel(image_shape=(8, 8))(ROWS), TypeError, ["image_shape", "(8, 8)"]),
        (lambda: kernel(image_shape=(8, 8, 0))(ROWS), ValueError, ["image_shape", "at least 1"]),
        (lambda: kernel("exp_pol")(ROWS), ValueError, ["'exp_pol'", "exp_pool"]),
        (lambda: kernel(None)(ROWS), TypeError, ["model must be", "None"]),
        (lambda: kernel(normalize=2)(ROWS), ValueError, ["normalize", "2"]),
        (lambda: kernel(normalize=2).diag(ROWS), ValueError, ["normalize", "2"]),
        (lambda: kernel(ntk="yes")(ROWS), ValueError, ["ntk", "'yes'"]),
        (lambda: kernel(dtype=np.int64)(ROWS), TypeError, ["dtype", "int64"]),
        (lambda: kernel(n_threads=0)(ROWS), ValueError, ["n_threads", "0"]),
    ],
)
def test_mistakes(call: Any, error: type[Exception], fragments: list[str]) -> None:
    with pytest.raises(error) as caught:
        call()
    check_message(str(caught.value), fragments)


def test_sparse_rows_are_refused() -> None:
    sparse: Any = pytest.importorskip("scipy.sparse")
    with pytest.raises(TypeError, match=r"X must be a dense array.*toarray"):
        kernel()(sparse.csr_array(ROWS))


def test_other_images_than_those_of_the_fit() -> None:
    fitted = KernelRidge(kernel=kernel()).fit(TRAIN, Y)
    with pytest.raises(ValueError, match="63 features"):
        fitted.predict(TEST[:, :63])
    fitted.kernel.set_params(image_shape=(4, 16, 1))
    with pytest.raises(ValueError, match=r"X has images of shape \(8, 8, 1\)"):
        fitted.kernel(IMAGES, ROWS)


def test_without_scikit_learn() -> None:
    script = """
import sys
sys.modules["sklearn"] = None
import ckn_rs
try:
    import ckn_rs.sklearn
except ImportError as error:
    assert "ckn_rs.sklearn needs sklearn: pip install ckn-rs[sklearn]" in str(error), error
else:
    raise AssertionError("imported")
"""
    subprocess.run([sys.executable, "-c", script], check=True)
    script = "import sys, ckn_rs; assert not {'sklearn', 'scipy'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_is_a_kernel() -> None:
    assert isinstance(kernel(), Kernel)
    assert not kernel().is_stationary()
    assert kernel().requires_vector_input
    assert not kernel(image_shape=None).requires_vector_input
    assert "ConvolutionalKernel" in ckn_rs.sklearn.__all__


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
