"""What the estimators refuse, and stores that they take."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from messages import ANY

pytest.importorskip("sklearn")
from sklearn.gaussian_process.kernels import RBF

from ckn_rs.sklearn import KernelRidgeClassifierCV, KernelRidgeCV

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(20, 3)), RNG.normal(size=20)
LABELS = np.arange(20) % 3
K = X @ X.T + np.eye(20)


def changed(array: Any, index: Any, value: float) -> Any:
    result = array.copy()
    result[index] = value
    return result


def indefinite() -> Any:
    """A matrix with a diagonal of 1, and eigenvalues 3 and -1."""
    return changed(changed(np.eye(20), (0, 1), 2.0), (1, 0), 2.0)


def not_a_number(_x: Any, _y: Any) -> float:
    return np.nan


REFUSED: list[tuple[dict[str, Any], Any, Any, list[str]]] = [
    ({}, X, changed(Y, 3, np.nan), ["y", "NaN"]),
    ({}, X, Y[:-1], ["inconsistent numbers of samples", "20", "19"]),
    ({}, changed(X, (2, 1), np.inf), Y, ["X", "infinity"]),
    ({}, X[:1], Y[:1], ["1 sample", "minimum of 2"]),
    ({"alphas": []}, X, Y, ["alphas", "above 0"]),
    ({"alphas": 1.0}, X, Y, ["alphas", "above 0"]),
    ({"alphas": [1.0, 0.0]}, X, Y, ["alphas", "above 0", "0.0"]),
    ({"alphas": [-1.0]}, X, Y, ["alphas", "above 0", "-1.0"]),
    ({"alphas": [1.0, np.nan]}, X, Y, ["alphas", "finite", "nan"]),
    ({"alphas": ["0.1"]}, X, Y, ["alphas", "numbers", "'0.1'"]),
    ({"alphas": [None]}, X, Y, ["alphas", "numbers"]),
    ({"alphas": [True]}, X, Y, ["alphas", "numbers"]),
    ({"alphas": [[1.0], [1.0, 2.0]]}, X, Y, ["alphas", "numbers"]),
    ({"alphas": [1e-320], "kernel": "rbf"}, X[[0] * 20], Y, ["9.99989e-321", "another alpha"]),
    ({"kernel": "gauss"}, X, Y, ["kernel", "rbf", "precomputed", "'gauss'"]),
    ({"kernel": 3}, X, Y, ["kernel", "kernel object", "3"]),
    ({"kernel": RBF}, X, Y, ["kernel", "kernel object", "RBF"]),
    ({"kernel": RBF(), "kernel_params": {"gamma": 1}}, X, Y, ["kernel_params", "own parameters"]),
    ({"kernel": "precomputed", "kernel_params": {"gamma": 1}}, K, Y, ["kernel_params"]),
    ({"kernel": "rbf", "kernel_params": 3}, X, Y, ["kernel_params", "dict", "3"]),
    ({"kernel": "sigmoid", "kernel_params": {"coef0": -1}}, X, Y, ["at least 0", "K["]),
    ({"kernel": not_a_number}, X, Y, ["kernel matrix", "NaN"]),
    ({"kernel": "precomputed"}, K[:, :10], Y, ["square", "(20, 10)"]),
    ({"kernel": "precomputed"}, changed(K, (2, 5), 9.0), Y, ["symmetric", "differ by"]),
    ({"kernel": "precomputed"}, changed(K, (4, 4), -1.0), Y, ["at least 0", "K[4, 4] is -1"]),
    ({"kernel": "precomputed"}, indefinite(), Y, ["positive semidefinite", "-1", "1"]),
    ({"kernel": "precomputed"}, changed(K, (0, 0), np.nan), Y, ["X", "NaN"]),
]  # fmt: skip


@pytest.mark.parametrize(("parameters", "samples", "targets", "fragments"), REFUSED)
def test_refuses(parameters: Any, samples: Any, targets: Any, fragments: list[str]) -> None:
    with pytest.raises(ANY) as caught:
        KernelRidgeCV(**parameters).fit(samples, targets)
    for fragment in fragments:
        assert fragment in str(caught.value)


@pytest.mark.parametrize(
    ("y", "fragments"),
    [
        (np.zeros(20), ["two classes", "one class, 0.0"]),
        (["ant"] * 20, ["two classes", "one class, 'ant'"]),
        (Y, ["Unknown label type", "continuous"]),
        (np.stack([LABELS, LABELS], axis=1), ["1d array", "(20, 2)"]),
        (np.where(LABELS == 1, np.nan, LABELS), ["y contains NaN"]),
    ],
)
def test_classifier_refuses(y: Any, fragments: list[str]) -> None:
    with pytest.raises(ValueError, match=fragments[0]) as caught:
        KernelRidgeClassifierCV().fit(X, y)
    for fragment in fragments:
        assert fragment in str(caught.value)


def test_rounding_is_no_mistake() -> None:
    noise = 1e-6 * RNG.normal(size=(20, 20))
    clean = KernelRidgeCV("precomputed", alphas=[1.0]).fit(K, Y)
    noisy = KernelRidgeCV("precomputed", alphas=[1.0]).fit(K + noise, Y)
    np.testing.assert_allclose(noisy.dual_coef_, clean.dual_coef_, atol=1e-4)
    # Of rank 3, and so with eigenvalues that float32 makes slightly negative.
    low = (X @ X.T).astype(np.float32)
    assert np.linalg.eigvalsh(low).min() < 0
    assert np.isfinite(KernelRidgeCV("precomputed").fit(low, Y).dual_coef_).all()


def test_kernels_of_new_samples_are_checked() -> None:
    fitted = KernelRidgeCV("precomputed").fit(K, Y)
    with pytest.raises(ValueError, match="3 features, but KernelRidgeCV is expecting 20"):
        fitted.predict(X)
    fitted = KernelRidgeCV(lambda x, y: x @ y if x[0] < 90 else np.nan).fit(X, Y)
    with pytest.raises(ValueError, match="kernel matrix contains NaN"):
        fitted.predict([[99.0, 0, 0]])


def test_without_scikit_learn_the_error_names_the_extra() -> None:
    program = (
        "import sys; sys.modules['sklearn'] = None\n"
        "import ckn_rs\n"
        "try: import ckn_rs.sklearn\n"
        "except ImportError as error: print(error)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert run.stdout == "ckn_rs.sklearn needs sklearn: pip install ckn-rs[sklearn]\n"


def test_the_package_does_not_import_scikit_learn() -> None:
    program = "import sys, ckn_rs, ckn_rs.ridge; assert 'sklearn' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
