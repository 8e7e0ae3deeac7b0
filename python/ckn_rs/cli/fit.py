"""``ckn-rs fit``: kernel ridge regression on a store."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ckn_rs import ridge
from ckn_rs._table import text_table
from ckn_rs.cli.status import open_store
from ckn_rs.data import load_labels

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add the arguments of ``ckn-rs fit``."""
    parser = commands.add_parser("fit", help="kernel ridge regression on a store")
    parser.description = (
        "Fit kernel ridge regression to one-hot labels less 0.1, for a path of regularisations "
        "from one decomposition in float64, and show the accuracy of each."
    )
    parser.add_argument("store", metavar="STORE", help="the matrix of the training images")
    parser.add_argument("--labels", type=Path, required=True, metavar="FILE", help="theirs")
    parser.add_argument("--test", metavar="STORE", help="the matrix of training and test images")
    parser.add_argument("--test-labels", type=Path, metavar="FILE", help="the test images'")
    parser.add_argument(
        "--lambdas", type=float, nargs="+", default=ridge.LAMBDAS, metavar="L",
        help="shares of the mean of the diagonal; 1e-8 to 1 by default",
    )  # fmt: skip
    parser.set_defaults(mistake=parser.error)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Run ``ckn-rs fit``."""
    if (arguments.test is None) != (arguments.test_labels is None):
        arguments.mistake("--test and --test-labels go together")
    K, y = open_store(arguments.store), load_labels(arguments.labels)
    if not K.manifest.symmetric:
        raise ValueError(f"{arguments.store} is a matrix of two sets; the first one is of one set")
    whole = np.asarray(K)
    fitted = ridge.fit(whole, y, arguments.lambdas)
    columns = [("train", fitted.accuracies(whole, y))]
    if arguments.test is not None:
        test, labels = open_store(arguments.test), load_labels(arguments.test_labels)
        if test.manifest.sha256[0] != K.manifest.sha256[0] or test.model != K.model:
            raise ValueError(
                f"{arguments.test} must be of the training images of {arguments.store} and others, "
                "with the same model"
            )
        columns.append(("test", fitted.accuracies(np.asarray(test), labels)))
    rows = [("lambda", *(name for name, _ in columns))]
    for index, each in enumerate(fitted.lambdas):
        rows.append((f"{each:g}", *(f"{100 * values[index]:.2f} %" for _, values in columns)))
    print(text_table(rows))
    return 0
