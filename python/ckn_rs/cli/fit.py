"""``ckn-rs fit``: kernel ridge regression on the matrix in a store."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ckn_rs import ridge
from ckn_rs._support.table import text_table
from ckn_rs.cli import _arguments
from ckn_rs.data import load_labels


def add_parser(commands: _arguments.Commands) -> argparse.ArgumentParser:
    """Add the arguments of ``ckn-rs fit``."""
    parser = commands.add_parser("fit", help="kernel ridge regression on a store")
    parser.description = (
        "Fit kernel ridge regression to one-hot labels less 0.1, for a path of regularisations "
        "from one decomposition in float64, and show the accuracy of each: on the training images, "
        "on each of them when it is left out, and on the test images."
    )
    parser.add_argument("store", metavar="STORE", help="the matrix of the training images")
    parser.add_argument(
        "--labels", type=Path, required=True, metavar="FILE", help="the labels of its images"
    )
    parser.add_argument("--test", metavar="STORE", help="the matrix of training and test images")
    parser.add_argument(
        "--test-labels", type=Path, metavar="FILE", help="the labels of the test images"
    )
    parser.add_argument(
        "--lambdas", type=float, nargs="+", default=ridge.LAMBDAS, metavar="L",
        help="shares of the mean of the diagonal; 1e-8 to 1 by default",
    )  # fmt: skip
    parser.add_argument(
        "--first", action="store_true", help="take the first labels of files that have too many"
    )
    parser.set_defaults(mistake=parser.error)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Run ``ckn-rs fit``."""
    if (arguments.test is None) != (arguments.test_labels is None):
        arguments.mistake("--test and --test-labels go together")
    K, y = _arguments.open_store(arguments.store), load_labels(arguments.labels)
    y = _as_many(y, len(K), arguments)
    if not K.manifest.symmetric:
        raise ValueError(f"{arguments.store} is a matrix of two sets; the first one is of one set")
    whole = np.asarray(K, np.float64)
    fitted = ridge.fit(whole, y, arguments.lambdas)
    columns = [
        ("train", fitted.accuracies(whole, y)),
        ("left out", (fitted.left_out == y).mean(axis=1)),
    ]
    if arguments.test is not None:
        test, labels = _arguments.open_store(arguments.test), load_labels(arguments.test_labels)
        labels = _as_many(labels, test.shape[1], arguments)
        K.manifest.check_same_training(test.manifest, "--test")
        columns.append(("test", fitted.accuracies(np.asarray(test, np.float64), labels)))
    rows = [("lambda", "added to diagonal", *(name for name, _ in columns))]
    for index, (each, added) in enumerate(zip(fitted.lambdas, fitted.added, strict=True)):
        shares = (f"{100 * values[index]:.2f} %" for _, values in columns)
        rows.append((f"{each:g}", f"{added:.3g}", *shares))
    print(text_table(rows))
    return 0


def _as_many(labels: NDArray[np.int64], n: int, arguments: argparse.Namespace) -> NDArray[np.int64]:
    if len(labels) < n or (len(labels) > n and not arguments.first):
        hint = "; --first takes the first of them" if len(labels) > n else ""
        raise ValueError(f"there are {len(labels)} labels for {n} images{hint}")
    return labels[:n]
