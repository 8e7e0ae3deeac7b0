"""``ckn-rs demo``: convolutional kernels classify scikit-learn's handwritten digits.

Three kernels of the 1,797 images (8x8 pixels) are compared: a two-layer CKN, the ReLU NTK of layers
with equal patches and poolings, and the RBF kernel of raw pixels. Each is given to a support vector
machine and to kernel ridge regression. A quarter of the images is for testing, and all parameters
are chosen by cross-validation within the rest.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ckn_rs import plot
from ckn_rs._support.extras import import_extra
from ckn_rs._support.table import text_table
from ckn_rs.cli import _arguments
from ckn_rs.cli._timing import Workload, time_exp
from ckn_rs.compute.matrix import compute_kernel_matrix
from ckn_rs.layer import Layer
from ckn_rs.model import Model

SHAPE = (Layer(3, 2, sigma=0.6), Layer(3, 1, sigma=0.6))
CKN = Model([Layer(x.npatch, x.subsampling, kernel="exp", sigma=x.sigma) for x in SHAPE])
NTK = Model([Layer(x.npatch, x.subsampling, kernel="relu") for x in SHAPE])

RBF_GAMMAS = (0.01, 0.02, 0.05, 0.1, 0.2)
SVM_COSTS = (0.1, 1.0, 10.0, 100.0, 1000.0)
RIDGE_PENALTIES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
FOLDS = 5


@dataclass(frozen=True)
class Family:
    """The Gram matrices of a kernel, one for each value of a parameter that is chosen later."""

    name: str
    matrices: Sequence[NDArray[Any]]
    seconds: float
    pairs: int
    exp_seconds: float | None = None
    """Seconds of ``numpy.exp`` over as many values as the maps of all pairs have entries."""

    def times(self) -> tuple[str, str, str]:
        """The time of a matrix, the pairs a second, and the time in multiples of ``numpy.exp``."""
        multiples = f"{self.seconds / self.exp_seconds:.2f}" if self.exp_seconds else "-"
        return f"{self.seconds:.2f} s", f"{self.pairs / self.seconds:,.0f}", multiples


def add_parser(commands: _arguments.Commands) -> argparse.ArgumentParser:
    """Add the arguments of ``ckn-rs demo``."""
    parser = commands.add_parser("demo", help="classify scikit-learn's digits, draw a picture")
    parser.description = (
        "Compute Gram matrices of scikit-learn's 1,797 digits, time them, and compare the accuracy "
        "of an SVM and a kernel ridge on them with that of an RBF kernel on raw pixels."
    )
    parser.add_argument(
        "--out", type=Path, default=Path("ckn-demo.png"), help="the picture to save"
    )
    parser.add_argument("--images", type=int, metavar="N", help="use only the first N digits")
    parser.add_argument("--threads", type=int, metavar="N", help="default: one a processor")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Run ``ckn-rs demo``."""
    for module in ("sklearn", "matplotlib"):
        import_extra(module, "demo", "the demo")
    images, labels = load_digits(arguments.images)
    train, test = split(labels)
    print(f"{len(images)} digits of 8x8 pixels: {len(train)} to train on, {len(test)} to test on")
    print(f"\n{CKN.describe((8, 8, 1))}\n\n{NTK.describe((8, 8, 1), ntk=True)}\n")

    families = [
        convolutional("CKN, exp", images, CKN, False, arguments.threads),
        convolutional("NTK, ReLU", images, NTK, True, arguments.threads),
        rbf("RBF on pixels", images),
    ]
    print("Gram matrices are done; choosing parameters by cross-validation ...\n", flush=True)
    rows = [("kernel", "Gram matrix", "pairs/s", "x numpy.exp", "SVM", "ridge")]
    for family in families:
        accuracies = (svm_accuracy, ridge_accuracy)
        svm, ridge = (f"{a(family.matrices, labels, train, test):.1%}" for a in accuracies)
        rows.append((family.name, *family.times(), svm, ridge))
    print(text_table(rows))
    print("\nx numpy.exp: over the time of numpy.exp, on one thread, for a float32 a map entry.")
    print(f"Accuracy on the {len(test)} test digits, none of which was used to choose anything.")
    draw(arguments.out, families, labels)
    print(f"Picture saved to {arguments.out}")
    return 0


def load_digits(count: int | None) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Images ``(n, 8, 8, 1)`` in [0, 1] and labels ``(n,)``: all, or the first ``count``."""
    from sklearn.datasets import load_digits as load

    digits = load()
    images = (digits.images[:count, :, :, None] / 16).astype(np.float32)
    return images, digits.target[:count]


def split(labels: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The indices of training and test images, three to one, with all digits in proportion."""
    from sklearn.model_selection import train_test_split

    indices = np.arange(len(labels))
    train, test = train_test_split(indices, test_size=0.25, stratify=labels, random_state=0)
    return train, test


def convolutional(
    name: str, images: NDArray[np.float32], model: Model, ntk: bool, n_threads: int | None
) -> Family:
    """The Gram matrix of a CKN or an NTK, timed, and scaled to a diagonal of ones.

    Without the scaling, bright digits would weigh more than faint ones.
    """
    begin = time.perf_counter()
    gram = compute_kernel_matrix(images, model=model, ntk=ntk, n_threads=n_threads)
    seconds = time.perf_counter() - begin
    scale = 1 / np.sqrt(gram.diagonal(), dtype=np.float64)
    pairs = _pairs(images)
    exp_seconds = time_exp(pairs * Workload(model, images.shape[1:], ntk).entries())
    return Family(name, [gram * scale[:, None] * scale], seconds, pairs, exp_seconds)


def rbf(name: str, images: NDArray[np.float32]) -> Family:
    """Gram matrices ``exp(-gamma |x - x'|^2)`` of raw pixels, with the time of one of them."""
    from sklearn.metrics.pairwise import rbf_kernel

    pixels = images.reshape(len(images), -1)
    begin = time.perf_counter()
    matrices = [rbf_kernel(pixels, gamma=gamma) for gamma in RBF_GAMMAS]
    seconds = (time.perf_counter() - begin) / len(RBF_GAMMAS)
    return Family(name, matrices, seconds, _pairs(images))


def svm_accuracy(
    matrices: Sequence[NDArray[Any]],
    labels: NDArray[np.int64],
    train: NDArray[np.intp],
    test: NDArray[np.intp],
) -> float:
    """Test accuracy of an SVM. Matrix and cost are chosen by cross-validation on ``train``."""
    from sklearn.model_selection import GridSearchCV
    from sklearn.svm import SVC

    def search(matrix: NDArray[Any]) -> Any:
        grid = GridSearchCV(SVC(kernel="precomputed"), {"C": SVM_COSTS}, cv=FOLDS)
        return grid.fit(matrix[np.ix_(train, train)], labels[train])

    found = [search(matrix) for matrix in matrices]
    best = int(np.argmax([grid.best_score_ for grid in found]))
    return float(found[best].score(matrices[best][np.ix_(test, train)], labels[test]))


def ridge_accuracy(
    matrices: Sequence[NDArray[Any]],
    labels: NDArray[np.int64],
    train: NDArray[np.intp],
    test: NDArray[np.intp],
) -> float:
    """Test accuracy of kernel ridge regression, with a target for each class.

    Matrix and penalty are chosen by cross-validation on ``train``.
    """
    from sklearn.model_selection import StratifiedKFold

    folds = list(StratifiedKFold(FOLDS).split(train, labels[train]))

    scores = np.array(
        [
            [_ridge_path(matrix, labels, train[fit], train[held]) for fit, held in folds]
            for matrix in matrices
        ]
    ).mean(axis=1)
    best, penalty = divmod(int(scores.argmax()), len(RIDGE_PENALTIES))
    return float(_ridge_path(matrices[best], labels, train, test)[penalty])


def _ridge_path(
    matrix: NDArray[Any],
    labels: NDArray[np.int64],
    fit: NDArray[np.intp],
    held: NDArray[np.intp],
) -> NDArray[np.float64]:
    """Accuracy on ``held`` for each of the penalties, from one eigendecomposition."""
    classes = np.unique(labels[fit])
    targets = (labels[fit, None] == classes) - 1 / len(classes)
    values, vectors = np.linalg.eigh(matrix[np.ix_(fit, fit)].astype(np.float64))
    rotated, seen = vectors.T @ targets, matrix[np.ix_(held, fit)] @ vectors
    inverses = [1 / (values.clip(0) + len(fit) * penalty) for penalty in RIDGE_PENALTIES]
    guesses = [classes[(seen @ (d[:, None] * rotated)).argmax(axis=1)] for d in inverses]
    return np.array([np.mean(guess == labels[held]) for guess in guesses])


def draw(path: Path, families: Sequence[Family], labels: NDArray[np.int64]) -> None:
    """Save a picture of the Gram matrices, with the images sorted by class."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.8 * len(families), 4.4), layout="constrained")
    for axes, family in zip(figure.subplots(1, len(families)), families, strict=True):
        plot.gram(family.matrices[len(family.matrices) // 2], labels, axes)
        axes.set_title(family.name)
    figure.suptitle("Gram matrices of handwritten digits, sorted by class")
    figure.savefig(path, dpi=150)


def _pairs(images: NDArray[Any]) -> int:
    """The number of pairs of a symmetric matrix, of which one triangle is computed."""
    return len(images) * (len(images) + 1) // 2
