"""The solvers of ridge regression on stores: time, memory, residuals, agreement.

Run ``.venv/bin/python benches/solvers.py --images FOLDER``, with the folder of Fashion-MNIST's idx
files, or with ``--store STORE --labels FILE``, a complete store of images and their labels, or with
neither for random images; ``--help`` lists the options. ``cholesky/float32`` is a solver with its
precision.

A row is a fit to the first ``n`` images in a process of its own: the memory is the peak of that
process less what it had before, and the times have the reading of the store in them. The first
solver of the list is the reference. The last columns are the largest relative difference of the
coefficients for one ``lambda`` from those of the reference, and the least share of other images,
which no fit has seen, with the same label by both. A second table has the residual for each
``lambda``.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ckn_rs import Layer, ridge, store
from ckn_rs._support.table import text_table
from ckn_rs.data import load_images, load_labels
from ckn_rs.learn.tiles import Block
from ckn_rs.store._parts import Tile

SIGMA = 0.65
"""That of the layer of ``landmarks.py``."""

OTHERS = 1000
"""Images that no fit sees, whose labels are compared."""

HEAD = ("n", "solver", "rank", "CPU", "wall", "memory", "passes", "residual", "validation",
        "coefficients", "labels")  # fmt: skip


class Corner:
    """The first ``n`` rows and columns of the matrix in a store, as the solvers read it."""

    def __init__(self, K: store.Gram, n: int) -> None:
        if n % K.tile or n > len(K):
            raise SystemExit(f"--n must be a multiple of {K.tile}, at most {len(K)}; got {n}")
        self.whole, self.shape, self.dtype, self.tile = K, (n, n), K.dtype, K.tile

    def diagonal(self) -> Any:
        """The diagonal, ``(n,)``."""
        return self.whole.diagonal()[: self.shape[0]]

    def triangle(self) -> Iterator[Block]:
        """The tiles of the corner that are stored."""
        count = self.shape[0] // self.tile
        wanted = (Tile(i, j) for i in range(count) for j in range(i, count))
        yield from self.whole.read_tiles(wanted)

    def digest(self) -> str:
        """What no other corner has."""
        return f"{self.shape[0]} of {self.whole.digest()}"


@dataclass
class Result:
    """What a process says of its fit."""

    cells: list[str]
    residuals: dict[float, str]
    coefficients: dict[float, Any]
    labels: dict[float, Any]


def images_of(folder: Path | None, n: int) -> tuple[Any, Any]:
    """Images from 0 to 1 in float32, and their labels."""
    rng = np.random.default_rng(0)
    if folder is None:
        return rng.random((n, 28, 28, 1), dtype=np.float32), rng.integers(0, 10, n)
    which = rng.permutation(60_000)[:n]
    X = load_images(folder / "train-images-idx3-ubyte.gz")[which]
    y = load_labels(folder / "train-labels-idx1-ubyte.gz")[which]
    return np.divide(X, 255, dtype=np.float32).reshape(n, 28, 28, 1), y


def fit(path: str, y: Any, name: str, options: dict[str, Any]) -> Result:
    """Fit by a solver; regularisations for which it gives up are left out, the smallest first."""
    solver, _, precision = name.partition("/")
    K, lambdas, refused = Corner(store.open_gram(path), len(y)), sorted(options["lambdas"]), {}
    options = {**options, "solver": solver, "precision": precision or None}
    before, wall, cpu = peak(), time.perf_counter(), time.process_time()
    while True:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the table says what did not converge
                fitted = ridge.fit(K, y, **{**options, "lambdas": lambdas})
            break
        except ValueError as error:
            if "added to its diagonal" not in str(error) or len(lambdas) == 1:
                raise
            refused[lambdas.pop(0)] = "refused"
    wall, cpu, taken = time.perf_counter() - wall, time.process_time() - cpu, peak() - before
    validation = fitted.validation(y)
    cells = [
        f"{cpu:.1f} s",
        f"{wall:.1f} s",
        f"{taken:,.0f} MB",
        str(fitted.passes) if solver == "cg" else "",
        f"{fitted.residuals.max():.1e}",
        "" if validation is None else f"{validation.max():.2%}",
    ]
    residuals = refused | {
        each: f"{residual:.1e}" + ("" if good else " *")
        for each, residual, good in zip(lambdas, fitted.residuals, fitted.converged, strict=True)
    }
    others = fitted.predict(K.whole[: len(y), len(y) : len(y) + OTHERS])
    return Result(
        cells,
        residuals,
        dict(zip(lambdas, fitted.coefficients, strict=True)),
        dict(zip(lambdas, others, strict=True)),
    )


def agreement(found: Result, wanted: Result) -> list[str]:
    """The last two columns, of the regularisations that both solvers have."""
    both = found.coefficients.keys() & wanted.coefficients.keys()
    changes = [
        np.linalg.norm(found.coefficients[each] - wanted.coefficients[each])
        / np.linalg.norm(wanted.coefficients[each])
        for each in both
    ]
    shares = [np.mean(found.labels[each] == wanted.labels[each]) for each in both]
    return [f"{max(changes):.1e}", f"{min(shares):.2%}"] if both else ["", ""]


def peak() -> float:
    """The most memory that this process has had, in megabytes (on Linux)."""
    with Path("/proc/self/status").open() as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1000


@contextmanager
def store_of(arguments: argparse.Namespace, n: int) -> Iterator[tuple[str, Any]]:
    """A store of ``n`` images and of others behind them, and the labels of the ``n``."""
    if arguments.store is not None:
        yield arguments.store, load_labels(arguments.labels)[:n]
        return
    X, y = images_of(arguments.images, n + OTHERS)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        path = f"{folder}/K.zarr"
        layer = Layer(7, 2, kernel="exp", sigma=arguments.sigma, pooling="average", stride=3)
        store.compute_gram(path, X, model=[layer], tile=arguments.tile)
        yield path, y[:n]


def main() -> None:
    """Print the tables, the first one a row at a time."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=Path, metavar="FOLDER", help="of idx files")
    parser.add_argument("--store", help="a complete store, whose first images are taken")
    parser.add_argument("--labels", type=Path, metavar="FILE", help="of the images of --store")
    parser.add_argument(
        "--sigma", type=float, default=SIGMA, help="of the kernel: the larger, the more of its "
        "eigenvalues are nearly 0"
    )  # fmt: skip
    parser.add_argument("--n", type=int, nargs="+", default=[2000, 5000, 10_000])
    parser.add_argument(
        "--solvers", nargs="+", default=["eigh", "cholesky", "cholesky/float32", "cg"]
    )
    parser.add_argument("--lambdas", type=float, nargs="+", default=[1e-4, 1e-3, 1e-2, 1e-1])
    parser.add_argument("--tolerance", type=float, default=1e-6)
    parser.add_argument("--passes", type=int, default=200, help="the most of them: 200")
    parser.add_argument("--rank", type=int, nargs="+", help="ranks of cg's preconditioner")
    parser.add_argument("--memory", help="what a solver may take, such as 4GB")
    parser.add_argument("--holdout", type=float, default=0.0)
    parser.add_argument("--tile", type=int, default=1000)
    arguments = parser.parse_args()
    if (arguments.store is None) != (arguments.labels is None):
        parser.error("--store and --labels go together")
    names = ("lambdas", "tolerance", "memory", "holdout")
    options = {name: getattr(arguments, name) for name in names} | {"max_passes": arguments.passes}
    rows: list[tuple[str, ...]] = [HEAD]
    lambdas = sorted(arguments.lambdas)
    residuals: list[tuple[str, ...]] = [("n", "solver", "rank", *(f"{each:g}" for each in lambdas))]
    context = multiprocessing.get_context("spawn")
    for n in arguments.n:
        reference: Result | None = None
        with store_of(arguments, n) as (path, y):
            for solver in arguments.solvers:
                for rank in (arguments.rank or [None]) if solver == "cg" else [None]:
                    with ProcessPoolExecutor(1, context) as process:
                        job = process.submit(fit, path, y, solver, {**options, "rank": rank})
                        found = job.result()
                    begin = (f"{n:,}", solver, str(rank or ""))
                    same = ["", ""] if reference is None else agreement(found, reference)
                    reference = reference or found
                    rows.append((*begin, *found.cells, *same))
                    residuals.append((*begin, *(found.residuals[each] for each in lambdas)))
                    print(*rows[-1], file=sys.stderr, flush=True)
    print(text_table(rows))
    print("\nrelative residuals; * larger than asked, refused: the solver says that it cannot\n")
    print(text_table(residuals))


if __name__ == "__main__":
    main()
