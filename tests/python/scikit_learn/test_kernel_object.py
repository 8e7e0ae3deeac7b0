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
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Kernel
from sklearn.kernel_approximation import Nystroem
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC

import ckn_rs
from ckn_rs import models
from ckn_rs.sklearn import _kernel as module
from digits import IMAGES, LABELS, MIXED, MODEL, ROWS, composed, kernel, matrix
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
