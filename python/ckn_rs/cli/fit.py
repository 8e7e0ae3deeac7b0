"""``ckn-rs fit``: kernel ridge regression on the matrix in a store."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ckn_rs import _core, plot, ridge
from ckn_rs._support.extras import import_extra
from ckn_rs._support.table import text_table
from ckn_rs.cli import _arguments, _files, _saving
from ckn_rs.data import load_labels

if TYPE_CHECKING:
    from ckn_rs.store import Gram


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
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE, too")
    parser.add_argument(
        "--csv", type=Path, metavar="FILE", help="write the table, with shares from 0 to 1"
    )
    parser.add_argument(
        "--plot", type=Path, metavar="FILE", help="draw the accuracies: .png, .svg or .pdf"
    )
    _saving.add_arguments(parser)
    parser.set_defaults(mistake=parser.error)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Run ``ckn-rs fit``."""
    if (arguments.test is None) != (arguments.test_labels is None):
        arguments.mistake("--test and --test-labels go together")
    _check_files(arguments)
    _saving.check(arguments)
    K, y = _arguments.open_store(arguments.store), load_labels(arguments.labels)
    y = _arguments.as_many(y, len(K), arguments.first)
    if not K.manifest.symmetric:
        raise ValueError(f"{arguments.store} is a matrix of two sets; the first one is of one set")
    _saving.check_store(arguments, K)
    whole = np.asarray(K, np.float64)
    fitted = ridge.fit(whole, y, arguments.lambdas)
    accuracies = {
        "train": fitted.accuracies(whole, y),
        "left out": (fitted.left_out == y).mean(axis=1),
    }
    del whole
    n_test = None
    if arguments.test is not None:
        test, labels = _arguments.open_store(arguments.test), load_labels(arguments.test_labels)
        n_test = test.shape[1]
        labels = _arguments.as_many(labels, n_test, arguments.first)
        K.manifest.check_same_training(test.manifest, "--test")
        accuracies["test"] = fitted.accuracies(test, labels)
    rows = [("lambda", "added to diagonal", *accuracies)]
    for index, (each, added) in enumerate(zip(fitted.lambdas, fitted.added, strict=True)):
        shares = (f"{100 * values[index]:.2f} %" for values in accuracies.values())
        rows.append((f"{each:g}", f"{added:.3g}", *shares))
    print(text_table(rows))
    figures = _figures(fitted, accuracies)
    if arguments.json is not None:
        _files.write_json(arguments.json, _report(arguments, K, n_test, figures))
    if arguments.csv is not None:
        _files.write_csv(arguments.csv, figures)
    if arguments.plot is not None:
        _draw(arguments.plot, fitted, accuracies)
    if arguments.save is not None:
        _saving.save(arguments, K, fitted, accuracies["left out"])
    return 0


def _check_files(arguments: argparse.Namespace) -> None:
    """Raise an error before the long computation if a file could not be written after it."""
    _files.check("--json", arguments.json)
    _files.check("--csv", arguments.csv)
    _files.check("--plot", arguments.plot, _files.PICTURES)
    if arguments.plot is not None:
        import_extra("matplotlib", "plot", "--plot")


def _figures(
    fitted: ridge.Ridge, accuracies: Mapping[str, NDArray[np.float64]]
) -> list[dict[str, float | None]]:
    """The figures of each regularisation; those of test images are None if there are none."""
    columns = [
        fitted.lambdas,
        fitted.added.tolist(),
        *(values.tolist() for values in accuracies.values()),
    ]
    keys = ("lambda", "added", "train", "left_out", "test")
    return [dict(zip_longest(keys, row)) for row in zip(*columns, strict=True)]


def _report(
    arguments: argparse.Namespace,
    K: Gram,
    n_test: int | None,
    figures: Sequence[Mapping[str, float | None]],
) -> dict[str, Any]:
    """What ``--json`` writes."""
    manifest = K.manifest
    return {
        "version": _core.__version__,
        "store": arguments.store,
        "test_store": arguments.test,
        "n": len(K),
        "n_test": n_test,
        "shape": list(manifest.image_shape),
        "model": manifest.model,
        "ntk": manifest.ntk,
        "dtype": manifest.dtype,
        "path": list(figures),
    }


def _draw(file: Path, fitted: ridge.Ridge, accuracies: Mapping[str, NDArray[np.float64]]) -> None:
    """Save the picture of the accuracies, without a window."""
    figure = import_extra("matplotlib.figure", "plot", "--plot").Figure(
        figsize=(6, 4), layout="constrained"
    )
    plot.path(accuracies, ax=figure.add_subplot(), lambdas=fitted.lambdas)
    _files.write_picture(file, figure)
