"""Measure the cost of a store: time spent outside the kernels, and memory as images grow.

Run ``.venv/bin/python benches/store.py``; ``--help`` lists its options. Random images of 28x28 are
written in tiles of 500. The time outside the kernels is the time of a call less that of the kernel
functions within it, so that a change of the machine's speed does not matter. Memory is the peak of
a process of its own, less the memory that it had before the call.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import zarr

from ckn_rs import models, store
from ckn_rs._support.table import text_table
from ckn_rs.store import _job

SHAPE = (28, 28, 1)
KERNELS = ("fill_gram", "patch_norms", "self_kernels")
"""The functions of ``ckn_rs.store._job`` that do the work of kernels."""


def overhead(name: str, images: int, tile: int) -> tuple[str, ...]:
    """A row of the table: the time of a call, and the time outside kernels as a share of theirs."""
    X = np.random.default_rng(0).random((images, *SHAPE), dtype=np.float32)
    inside = 0.0

    def timed(function: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal inside
            begin = time.perf_counter()
            try:
                return function(*arguments, **options)
            finally:
                inside += time.perf_counter() - begin

        return call

    patches = {kernel: timed(getattr(_job, kernel)) for kernel in KERNELS}
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        store.compute_gram(f"{folder}/warm.zarr", X[:4], model=models.named(name))
        with mock.patch.multiple(_job, **patches):
            begin = time.perf_counter()
            store.compute_gram(f"{folder}/K.zarr", X, model=models.named(name), tile=tile)
            seconds = time.perf_counter() - begin
        begin = time.perf_counter()
        store.compute_gram(f"{folder}/K.zarr", X, model=models.named(name))
        again = time.perf_counter() - begin
    share = f"{(seconds - inside) / inside:.2%}"
    return name, str(images), f"{seconds:.2f} s", share, f"{again:.2f} s"


#: The program of the process whose memory is measured.
MEASURED = """
import sys, zarr
from ckn_rs import models, store
path, tile = sys.argv[1], int(sys.argv[2])
X = zarr.open_array(path + "/X.zarr", mode="r")
store.compute_gram(path + "/warm.zarr", X[:4], model=models.named("exp_strided"))
def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1000
before = peak()
store.compute_gram(path + "/K.zarr", X, model=models.named("exp_strided"), tile=tile)
print(f"{peak() - before:.1f}")
"""


def memory(images: int, tile: int) -> tuple[str, ...]:
    """A row of the table: the size of the matrix, and the memory that its process took."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        # Not a memory map: its pages would count, though the system can take them back.
        X = np.random.default_rng(0).random((images, *SHAPE), dtype=np.float32)
        zarr.create_array(f"{folder}/X.zarr", data=X, chunks=(tile, *SHAPE))
        command = [sys.executable, "-c", MEASURED, folder, str(tile)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    return str(images), f"{4e-6 * images**2:.0f} MB", f"{done.stdout.strip()} MB"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tile", type=int, default=500)
    parser.add_argument("--images", type=int, default=1000, help="for the time: 1000")
    parser.add_argument("--models", nargs="+", default=["exp_pool", "relu_pool_5", "exp_strided"])
    arguments = parser.parse_args()
    rows: list[tuple[str, ...]] = [("model", "images", "time", "outside kernels", "done already")]
    rows += [overhead(name, arguments.images, arguments.tile) for name in arguments.models]
    print(text_table(rows), end="\n\n", flush=True)
    if sys.platform == "linux":
        sizes = [("images", "matrix", "memory")]
        sizes += [memory(n, arguments.tile) for n in (500, 1000, 2000, 4000, 8000)]
        print(text_table(sizes))


if __name__ == "__main__":
    main()
