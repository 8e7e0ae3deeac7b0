"""The solvers of ridge regression on stores: time, memory, residuals, accuracy.

Run ``.venv/bin/python benches/solvers.py --images FOLDER``, with the folder of Fashion-MNIST's idx
files, or without it for random images; ``--help`` lists its options. A row is a fit in a process
of its own: the memory is the peak of that process less what it had before, and the time has the
reading of the store in it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from ckn_rs import Layer, ridge, store
from ckn_rs._support.table import text_table
from ckn_rs.data import load_images, load_labels

LAYER = Layer(7, 2, kernel="exp", sigma=0.65, pooling="average", stride=3)
"""The layer of ``landmarks.py``."""


def images_of(folder: Path | None, n: int) -> tuple[Any, Any]:
    """Images from 0 to 1 in float32, and their labels."""
    rng = np.random.default_rng(0)
    if folder is None:
        return rng.random((n, 28, 28, 1), dtype=np.float32), rng.integers(0, 10, n)
    which = rng.permutation(60_000)[:n]
    X = load_images(folder / "train-images-idx3-ubyte.gz")[which]
    y = load_labels(folder / "train-labels-idx1-ubyte.gz")[which]
    return np.divide(X, 255, dtype=np.float32).reshape(n, 28, 28, 1), y


def row(path: str, y: Any, solver: str, options: dict[str, Any]) -> list[str]:
    """Time, memory and figures of a fit."""
    before, begin = peak(), time.perf_counter()
    fitted = ridge.fit(store.open_gram(path), y, solver=solver, **options)
    seconds, taken = time.perf_counter() - begin, peak() - before
    validation = fitted.validation(y)
    accuracy = "" if validation is None else f"{validation.max():.2%}"
    passes = str(fitted.passes) if solver == "cg" else ""
    residual = f"{fitted.residuals.max():.1e}"
    return [f"{seconds:.1f} s", f"{taken:,.0f} MB", passes, residual, accuracy]


def peak() -> float:
    """The most memory that this process has had, in megabytes (on Linux)."""
    with Path("/proc/self/status").open() as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1000


def main() -> None:
    """Print the table, a row at a time."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=Path, metavar="FOLDER", help="of idx files")
    parser.add_argument("--n", type=int, nargs="+", default=[2000, 5000, 10_000])
    parser.add_argument("--solvers", nargs="+", default=["eigh", "cholesky", "cg"])
    parser.add_argument("--lambdas", type=float, nargs="+", default=[1e-4, 1e-3, 1e-2, 1e-1])
    parser.add_argument("--tolerance", type=float, default=1e-6)
    parser.add_argument("--passes", type=int, default=200, help="the most of them: 200")
    parser.add_argument("--rank", type=int, nargs="+", help="ranks of cg's preconditioner")
    parser.add_argument("--memory", help="what a solver may take, such as 4GB")
    parser.add_argument("--holdout", type=float, default=0.0)
    parser.add_argument("--tile", type=int, default=1000)
    arguments = parser.parse_args()
    names = ("lambdas", "tolerance", "memory", "holdout")
    options = {name: getattr(arguments, name) for name in names} | {"max_passes": arguments.passes}
    rows = [("n", "solver", "rank", "time", "memory", "passes", "residual", "validation")]
    context = multiprocessing.get_context("spawn")
    for n in arguments.n:
        X, y = images_of(arguments.images, n)
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
            path = f"{folder}/K.zarr"
            store.compute_gram(path, X, model=[LAYER], tile=arguments.tile)
            for solver in arguments.solvers:
                for rank in (arguments.rank or [None]) if solver == "cg" else [None]:
                    with ProcessPoolExecutor(1, context) as process:
                        job = process.submit(row, path, y, solver, {**options, "rank": rank})
                        rows.append((f"{n:,}", solver, str(rank or ""), *job.result()))
                    print(*rows[-1], file=sys.stderr)
    print(text_table(rows))


if __name__ == "__main__":
    main()
