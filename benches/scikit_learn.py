"""Estimators of scikit-learn with a convolutional kernel: accuracy and time of each.

Run ``.venv/bin/python benches/scikit_learn.py``; ``--help`` lists its options. The images are
scikit-learn's digits, half of them for testing, or the first of Fashion-MNIST's training images,
shuffled, and of its test images. The time is that of the fit and of the predictions, with all
matrices that they need. The last row is the support vector machine on pixels, without the kernel.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_digits
from sklearn.decomposition import KernelPCA
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, WhiteKernel
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelBinarizer
from sklearn.svm import SVC

from ckn_rs import Layer, Model
from ckn_rs._support.table import text_table
from ckn_rs.data import load_images, load_labels
from ckn_rs.sklearn import ConvolutionalKernel, KernelRidgeClassifierCV, Nystroem

DIGITS = Model([Layer(3, 1, kernel="exp", sigma=0.6), Layer(3, 2, kernel="exp", sigma=0.6)])
"""The model of digits, which are too small for most of those that have names."""

FASHION = Model([Layer(3, 2, kernel="exp", sigma=0.6, pooling="average")] * 2)
"""The model of Fashion-MNIST, a good one among those that take some 10 microseconds a pair."""


class Data(NamedTuple):
    """Images with a row of numbers for each, their labels, and the shape of one image."""

    X: Any
    y: Any
    X_test: Any
    y_test: Any
    shape: tuple[int, int, int]


class OneHot(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier of a regressor: the largest of the predictions of one-hot targets."""

    def __init__(self, regressor: Any) -> None:
        self.regressor = regressor

    def fit(self, X: Any, y: Any) -> OneHot:
        """Fit the regressor."""
        self.targets_ = LabelBinarizer().fit(y)
        self.classes_ = self.targets_.classes_
        self.regressor.fit(X, self.targets_.transform(y))
        return self

    def predict(self, X: Any) -> Any:
        """Labels."""
        return self.targets_.inverse_transform(self.regressor.predict(X))


def digits() -> Data:
    """scikit-learn's digits, half of them for testing."""
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.5, random_state=0)
    return Data(X, y, X_test, y_test, (8, 8, 1))


def fashion(folder: Path, train: int, test: int) -> Data:
    """Images of the idx files in a folder: some training images, shuffled, and the first tests."""

    def read(part: str, which: Any) -> tuple[Any, Any]:
        images = load_images(folder / f"{part}-images-idx3-ubyte.gz")[which] / 255
        return images, load_labels(folder / f"{part}-labels-idx1-ubyte.gz")[which]

    shuffled = np.random.default_rng(0).permutation(60_000)[:train]
    (X, y), (X_test, y_test) = read("train", shuffled), read("t10k", slice(test))
    return Data(X.reshape(len(X), -1), y, X_test.reshape(len(X_test), -1), y_test, X.shape[1:])


def estimators(model: Any, data: Data, few: int) -> Iterator[tuple[str, Any, int]]:
    """The name of each estimator, the estimator, and how many training images it gets."""
    n = len(data.X)
    kernel = ConvolutionalKernel(model, image_shape=data.shape, dtype=np.float32)
    yield "SVC", SVC(C=10, kernel=kernel), n
    yield "KernelRidge", OneHot(KernelRidge(alpha=0.01, kernel=kernel)), n
    yield "KernelRidgeClassifierCV", KernelRidgeClassifierCV(kernel), n
    landmarks = Nystroem(kernel, n_components=min(300, n), random_state=0)
    yield (
        "Nystroem, LogisticRegression",
        make_pipeline(landmarks, LogisticRegression(C=100, max_iter=1000)),
        n,
    )
    components = KernelPCA(50, kernel=kernel, eigen_solver="randomized", random_state=0)
    yield "KernelPCA, KNeighborsClassifier", make_pipeline(components, KNeighborsClassifier(5)), n
    exact = ConvolutionalKernel(model, image_shape=data.shape, sigma_bounds=(0.1, 10))
    composed = ConstantKernel(1.0) * exact + WhiteKernel(0.1)
    process = GaussianProcessRegressor(composed, normalize_y=True)
    yield "GaussianProcessRegressor", OneHot(process), min(few, n)
    grid = {
        "kernel__layer0__sigma": [0.4, 0.6, 0.9],
        "kernel__layer0__pooling": ["gaussian", "average"],
    }
    yield "GridSearchCV of SVC", GridSearchCV(SVC(C=10, kernel=kernel), grid, cv=3), min(few, n)
    yield "SVC, RBF kernel of pixels", SVC(C=10), n


def fitted(estimator: Any) -> str:
    """What an estimator has found out about the kernel."""
    if isinstance(estimator, GridSearchCV):
        return ", ".join(map(str, estimator.best_params_.values()))
    if isinstance(estimator, KernelRidgeClassifierCV):
        return f"alpha {estimator.alpha_:g}"
    if isinstance(estimator, OneHot) and isinstance(estimator.regressor, GaussianProcessRegressor):
        values = estimator.regressor.kernel_.get_params()
        sigmas = [v for name, v in values.items() if name.endswith("__sigma")]
        return "sigma " + ", ".join(f"{sigma:.2f}" for sigma in sigmas)
    return ""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", default="digits", help="digits, or Fashion-MNIST's folder")
    parser.add_argument("--model", help="the name of another model than the one in this file")
    parser.add_argument("--train", type=int, default=2000, help="for Fashion-MNIST: 2000 images")
    parser.add_argument("--test", type=int, default=1000, help="for Fashion-MNIST: 1000 images")
    parser.add_argument(
        "--few", type=int, default=200, help="for the Gaussian process and GridSearchCV: 200"
    )
    arguments = parser.parse_args()
    if arguments.images == "digits":
        data, model = digits(), DIGITS
    else:
        data = fashion(Path(arguments.images), arguments.train, arguments.test)
        model = FASHION
    model = arguments.model or model
    rows: list[tuple[str, ...]] = [("estimator", "images", "accuracy", "time", "fitted")]
    for name, estimator, n in estimators(model, data, arguments.few):
        begin = time.perf_counter()
        accuracy = estimator.fit(data.X[:n], data.y[:n]).score(data.X_test, data.y_test)
        seconds = time.perf_counter() - begin
        rows.append((name, str(n), f"{accuracy:.1%}", f"{seconds:.1f} s", fitted(estimator)))
    print(f"{len(data.X)} training images, {len(data.X_test)} test images")
    print(text_table(rows))


if __name__ == "__main__":
    main()
