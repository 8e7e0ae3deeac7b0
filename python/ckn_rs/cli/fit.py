"""``ckn-rs fit``: kernel ridge regression on the matrix in a store."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ckn_rs import _core, plot, ridge
from ckn_rs._support.extras import import_extra
from ckn_rs._support.table import text_table
from ckn_rs.cli import _arguments, _files, _output, _saving
from ckn_rs.data import load_labels
from ckn_rs.learn.solvers import PRECISIONS, SOLVERS

if TYPE_CHECKING:
    from ckn_rs.store import Gram


def add_parser(commands: _arguments.Commands) -> argparse.ArgumentParser:
    """Add the arguments of ``ckn-rs fit``."""
    parser = commands.add_parser("fit", help="kernel ridge regression on a store")
    parser.description = (
        "Fit kernel ridge regression to one-hot labels less 0.1, for a path of regularisations, "
        "and show the accuracy of each: on the training images, on each of them when it is left "
        "out (eigh) or on a share that is held out, and on the test images."
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
        "--lambdas", type=float, nargs="+", metavar="L",
        help="shares of the mean of the diagonal; 1e-8 to 1 by default, cholesky and cg without "
        "those that rounding hides",
    )  # fmt: skip
    _add_solver(parser)
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


def _add_solver(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the solver."""
    group = parser.add_argument_group("solver")
    group.add_argument(
        "--solver", choices=SOLVERS, default="auto",
        help="eigh: all lambdas from one decomposition, and left out; cholesky: a fifth of its "
        "memory; cg: conjugate gradients that read the store in passes; auto: what fits",
    )  # fmt: skip
    group.add_argument("--leave-one-out", action="store_true", help="auto takes eigh")
    group.add_argument(
        "--holdout", type=float, default=0.0, metavar="SHARE",
        help="hold out this share of each label's images, and fit to the others",
    )  # fmt: skip
    group.add_argument("--seed", type=int, default=0, help="of images held out, and of cg: 0")
    group.add_argument(
        "--memory", type=_arguments.memory, metavar="SIZE",
        help="what the solver may take, such as 4GB; by default what is available",
    )  # fmt: skip
    group.add_argument(
        "--tolerance", type=float, default=1e-6, metavar="T",
        help="the relative residual that cholesky and cg must reach: 1e-6",
    )  # fmt: skip
    group.add_argument(
        "--precision", choices=PRECISIONS,
        help="the factors of cholesky, if that is the solver: float64; or float32, refined to the "
        "same residual in half of the memory, for lambdas that are not too small",
    )  # fmt: skip
    group.add_argument(
        "--passes", type=_arguments.count, default=200, metavar="N",
        help="the most passes that cg makes over the store: 200",
    )  # fmt: skip
    group.add_argument(
        "--rank", type=_arguments.count, metavar="K",
        help="the rank of cg's preconditioner; by default 20 square roots of n, or what fits",
    )  # fmt: skip
    group.add_argument(
        "--checkpoint", type=Path, metavar="FILE",
        help="where cg keeps what it has done; by default beside a store on a disk",
    )  # fmt: skip
    group.add_argument(
        "--dask", metavar="ADDRESS", help="cg multiplies on the workers of this scheduler"
    )


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
    K.check_complete()
    test, test_labels = _test(arguments, K)

    def announce(choice: ridge.Choice) -> None:
        _saving.check_choice(arguments, choice)
        print(f"solver: {choice}\n", flush=True)

    with _output.plain_warnings(), _arguments.client(arguments.dask) as client:
        fitted = ridge.fit(
            K,
            y,
            arguments.lambdas,
            solver=arguments.solver,
            leave_one_out=arguments.leave_one_out,
            holdout=arguments.holdout,
            seed=arguments.seed,
            memory=arguments.memory,
            tolerance=arguments.tolerance,
            max_passes=arguments.passes,
            rank=arguments.rank,
            precision=arguments.precision,
            checkpoint=_checkpoint(arguments),
            client=client,
            progress=_arguments.on_terminal(),
            announce=announce,
        )
    accuracies = _accuracies(fitted, y)
    if test is not None:
        accuracies["test"] = fitted.accuracies(test, test_labels)
    print(text_table(_table(fitted, accuracies)))
    figures = _figures(fitted, accuracies)
    if arguments.json is not None:
        _files.write_json(arguments.json, _report(arguments, K, len(test_labels), fitted, figures))
    if arguments.csv is not None:
        _files.write_csv(arguments.csv, figures)
    if arguments.plot is not None:
        _draw(arguments.plot, fitted, accuracies)
    if arguments.save is not None:
        _saving.save(arguments, K, fitted, fitted.validation(y))
    return 0


def _test(arguments: argparse.Namespace, K: Gram) -> tuple[Gram | None, NDArray[np.int64]]:
    """The matrix of ``--test`` and its labels, checked before the long computation."""
    if arguments.test is None:
        return None, np.empty(0, np.int64)
    test, labels = _arguments.open_store(arguments.test), load_labels(arguments.test_labels)
    labels = _arguments.as_many(labels, test.shape[1], arguments.first)
    K.manifest.check_same_training(test.manifest, "--test")
    test.check_complete()
    return test, labels


def _checkpoint(arguments: argparse.Namespace) -> Path | None:
    """The file for what cg has done; None for a store at a URL, unless one is given."""
    if arguments.checkpoint is not None:
        return Path(arguments.checkpoint)
    place = arguments.store.removeprefix("file://")
    return None if "://" in place else Path(f"{place.rstrip('/')}.fit")


def _accuracies(fitted: ridge.Ridge, y: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """The accuracies on the training images, and on those that were left out or held out."""
    trained = np.delete(np.arange(len(y)), fitted.held)
    accuracies = {"train": (fitted.fitted[:, trained] == y[trained]).mean(axis=1)}
    validation = fitted.validation(y)
    if validation is not None:
        accuracies["held out" if len(fitted.held) else "left out"] = validation
    return accuracies


def _check_files(arguments: argparse.Namespace) -> None:
    """Raise an error before the long computation if a file could not be written after it."""
    _files.check("--json", arguments.json)
    _files.check("--csv", arguments.csv)
    _files.check("--plot", arguments.plot, _files.PICTURES)
    if arguments.plot is not None:
        import_extra("matplotlib", "plot", "--plot")


def _table(
    fitted: ridge.Ridge, accuracies: Mapping[str, NDArray[np.float64]]
) -> list[tuple[str, ...]]:
    """The rows to print; they have the residuals of solvers to which a tolerance was given."""
    shown = fitted.solver != "eigh"
    rows = [("lambda", "added to diagonal", *accuracies, *(["residual"] if shown else []))]
    for index, (each, added) in enumerate(zip(fitted.lambdas, fitted.added, strict=True)):
        row = [f"{each:g}", f"{added:.3g}"]
        row += [f"{100 * values[index]:.2f} %" for values in accuracies.values()]
        if shown:
            missed = "" if fitted.converged[index] else ", not converged"
            row.append(f"{fitted.residuals[index]:.1e}{missed}")
        rows.append(tuple(row))
    return rows


def _figures(
    fitted: ridge.Ridge, accuracies: Mapping[str, NDArray[np.float64]]
) -> list[dict[str, float | None]]:
    """The figures of each regularisation; None for those that there are not."""
    columns = {
        "lambda": fitted.lambdas,
        "added": fitted.added.tolist(),
        **dict.fromkeys(("train", "left_out", "held_out", "test"), [None] * len(fitted.lambdas)),
        **{name.replace(" ", "_"): values.tolist() for name, values in accuracies.items()},
        "residual": fitted.residuals.tolist(),
    }
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _report(
    arguments: argparse.Namespace,
    K: Gram,
    n_test: int,
    fitted: ridge.Ridge,
    figures: Sequence[Mapping[str, float | None]],
) -> dict[str, Any]:
    """What ``--json`` writes."""
    manifest = K.manifest
    return {
        "version": _core.__version__,
        "store": arguments.store,
        "test_store": arguments.test,
        "n": len(K),
        "n_test": None if arguments.test is None else n_test,
        "shape": list(manifest.image_shape),
        "model": manifest.model,
        "ntk": manifest.ntk,
        "augment": manifest.augment,
        "dtype": manifest.dtype,
        "solver": fitted.solver,
        "precision": fitted.precision,
        "holdout": arguments.holdout,
        "path": list(figures),
    }


def _draw(file: Path, fitted: ridge.Ridge, accuracies: Mapping[str, NDArray[np.float64]]) -> None:
    """Save the picture of the accuracies, without a window."""
    figure = import_extra("matplotlib.figure", "plot", "--plot").Figure(
        figsize=(6, 4), layout="constrained"
    )
    plot.path(accuracies, ax=figure.add_subplot(), lambdas=fitted.lambdas)
    _files.write_picture(file, figure)
