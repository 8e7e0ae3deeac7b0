"""Many images by landmarks: accuracy, time and memory, beside the exact kernel on fewer images.

Run ``.venv/bin/python benches/landmarks.py FOLDER``, with the folder of Fashion-MNIST's idx files;
``--help`` lists its options. A row is a fit to training images and the prediction of all test
images, in a process of its own, with all matrices that both need. Memory is the peak of that
process. The 70,000 images take 220 MB of it. The last column is the largest error of the squared
lengths of the landmarks' features, which should be 1.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import kernel_approximation
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline

from ckn_rs import Layer
from ckn_rs._support.table import text_table
from ckn_rs.data import load_images, load_labels
from ckn_rs.sklearn import ConvolutionalKernel, KernelRidgeClassifierCV, Nystroem

SHAPE = (28, 28, 1)
ALPHA = 0.01
"""The regularisation of the linear model."""


def layer(sigma: float) -> Layer:
    """The model: one layer of patches at every third position.

    It is a good one among those of a microsecond a pair, for raw images. Whitened ones give less
    accuracy with it.
    """
    return Layer(7, 2, kernel="exp", sigma=sigma, pooling="average", stride=3)


def linear(landmarks: Any) -> Any:
    """Ridge regression on features. They are not needed again, so that they may be overwritten."""
    return make_pipeline(landmarks, RidgeClassifier(ALPHA, copy_X=False, solver="cholesky"))


def ours(kernel: Any, count: int) -> Any:
    """Ridge regression on the features of ``ckn_rs.sklearn.Nystroem``."""
    return linear(Nystroem(kernel, n_components=count, random_state=0))


def theirs(kernel: Any, count: int) -> Any:
    """Ridge regression on the features of scikit-learn's ``Nystroem``."""
    landmarks = kernel_approximation.Nystroem(kernel, n_components=count, random_state=0)
    return linear(landmarks)


def exact(kernel: Any, _: int) -> Any:
    """Ridge regression with the whole kernel matrix."""
    return KernelRidgeClassifierCV(kernel)


def row(
    folder: Path, sigma: float, images: int, make: Callable[[Any, int], Any], count: int
) -> list[str]:
    """Accuracy, seconds and megabytes of a fit, and the error of the landmarks' features."""
    shuffled = np.random.default_rng(0).permutation(60_000)[:images]
    X = pixels(folder / "train-images-idx3-ubyte.gz", shuffled)
    y = load_labels(folder / "train-labels-idx1-ubyte.gz")[shuffled]
    X_test = pixels(folder / "t10k-images-idx3-ubyte.gz", slice(None))
    y_test = load_labels(folder / "t10k-labels-idx1-ubyte.gz")
    kernel = ConvolutionalKernel([layer(sigma)], image_shape=SHAPE)
    begin = time.perf_counter()
    estimator = make(kernel, count).fit(X, y)
    fitted = time.perf_counter()
    accuracy = estimator.score(X_test, y_test)
    end = time.perf_counter()
    times = [f"{fitted - begin:.0f} s", f"{end - fitted:.0f} s"]
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    megabytes = size / (1e6 if sys.platform == "darwin" else 1024)
    figures = [f"{accuracy:.2%}", *times, f"{megabytes:.0f} MB"]
    return [*figures, "" if make is exact else f"{length_error(estimator[0]):.1e}"]


def length_error(landmarks: Any) -> float:
    """The largest error of squared lengths of the landmarks' features, which should be 1."""
    features = landmarks.transform(landmarks.components_)
    return float(np.abs((features**2).sum(axis=1) - 1).max())


def pixels(file: Path, which: Any) -> Any:
    """Some images of a file in float32, from 0 to 1, a row for each."""
    images = load_images(file)[which]
    return np.divide(images, 255, dtype=np.float32).reshape(len(images), -1)


def main() -> None:
    """Print the table, a row at a time."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="the folder of Fashion-MNIST's idx files")
    parser.add_argument("--landmarks", type=int, nargs="*", default=[500, 1000, 2000, 4000])
    parser.add_argument("--theirs", type=int, nargs="*", default=[2000], metavar="LANDMARKS")
    parser.add_argument("--exact", type=int, nargs="*", default=[2000, 5000], metavar="IMAGES")
    parser.add_argument("--sigma", type=float, default=0.65, help="of the patch kernel: 0.65")
    parser.add_argument("--images", type=int, default=60_000, help="for landmarks: 60000 images")
    arguments = parser.parse_args()
    runs = [
        *(("Nystroem", arguments.images, ours, count) for count in arguments.landmarks),
        *(("scikit-learn's", arguments.images, theirs, count) for count in arguments.theirs),
        *(("exact", count, exact, count) for count in arguments.exact),
    ]
    rows = [
        ("kernel", "images", "landmarks", "accuracy", "fit", "10,000 tests", "memory", "lengths")
    ]
    context = multiprocessing.get_context("spawn")
    for name, images, make, count in runs:
        with ProcessPoolExecutor(1, context) as process:
            arguments_of_row = (arguments.folder, arguments.sigma, images, make, count)
            figures = process.submit(row, *arguments_of_row).result()
        landmarks = "" if make is exact else str(count)
        rows.append((name, str(images), landmarks, *figures))
        print(*rows[-1], file=sys.stderr)
    print(text_table(rows))


if __name__ == "__main__":
    main()
