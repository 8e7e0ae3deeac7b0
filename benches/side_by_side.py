"""Time the flagship models on one thread, beside ``numpy.exp`` over as many values.

Run ``.venv/bin/python benches/side_by_side.py``. The map of the first layer has 1,048,576 entries
a pair and that of the second 50,625; ``numpy.exp`` is timed on 1.1 million float32 values, between
the repetitions of the models, so that a change of the machine's speed meets both.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_sample_images

import ckn_rs
from ckn_rs import _core

VALUES = 1_100_000


def layers(kernel: str) -> list[dict[str, object]]:
    """Two 3x3 layers, pooled by 2 and by 5."""
    return [
        {"npatch": 3, "subsampling": subsampling, "kernel": kernel, "sigma": 0.6}
        for subsampling in (2, 5)
    ]


def photographs(count: int, dtype: type) -> NDArray[Any]:
    """``count`` crops of 32x32x3 from scikit-learn's photographs, each with mean 0."""
    rng = np.random.default_rng(0)
    crops = np.empty((count, 32, 32, 3), dtype)
    images = load_sample_images().images
    for crop in crops:
        image = images[rng.integers(len(images))]
        y, x = rng.integers(image.shape[0] - 32), rng.integers(image.shape[1] - 32)
        crop[...] = image[y : y + 32, x : x + 32] / 255
        crop -= crop.mean()
    return crops


@dataclass
class Case:
    """A model on pairs of photographs, with the norms given, and its times."""

    dtype: type
    kernel: str
    ntk: bool = False
    times: list[float] = field(default_factory=list)

    def run(self, count: int) -> None:
        """Time ``count`` x ``count`` pairs once; keep the seconds a pair."""
        model = layers(self.kernel)
        X, Y = np.split(photographs(2 * count, self.dtype), 2)
        (nx, ix), (ny, iy) = (ckn_rs.compute_norms(Z, model, self.ntk) for Z in (X, Y))
        start = time.perf_counter()
        ckn_rs.compute_kernel_matrix(X, Y, nx, ny, ix, iy, model=model, ntk=self.ntk, n_threads=1)
        self.times.append((time.perf_counter() - start) / count**2)


def time_exp(repeat: int) -> list[float]:
    """The seconds that ``numpy.exp`` takes for ``VALUES`` values, ``repeat`` times."""
    values = -np.random.default_rng(0).random(VALUES, dtype=np.float32)
    out = np.empty_like(values)
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        np.exp(values, out=out)
        times.append(time.perf_counter() - start)
    return times


def peak_memory() -> int:
    """The largest memory the process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def main() -> None:
    """Time all cases in turn, several times, and print a table."""
    parser = argparse.ArgumentParser(description="Time the flagship models beside numpy.exp.")
    parser.add_argument("--images", type=int, default=256, help="a matrix of so many squared")
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    cases = {
        "exp": Case(np.float32, "exp"),
        "relu": Case(np.float32, "relu"),
        "relu NTK": Case(np.float32, "relu", ntk=True),
        "exp, float64": Case(np.float64, "exp"),
    }
    exp_times = time_exp(20)
    before = peak_memory()
    for _ in range(arguments.repeat):
        for case in cases.values():
            case.run(arguments.images)
            exp_times += time_exp(20)
    exp = statistics.median(exp_times)
    grown = (peak_memory() - before) / 2**20
    count = arguments.images
    print(f"{_core.simd_level()}, one thread, {count} x {count} pairs, norms given")
    print(f"numpy.exp of {VALUES:,} float32: {exp * 1e3:.3f} ms")
    print(f"peak memory grew by {grown:.0f} MB, images, norms and results included")
    print(f"{'model':<14} {'ms a pair':>10} {'spread':>17} {'x numpy.exp':>12}")
    for name, case in cases.items():
        low, middle, high = min(case.times), statistics.median(case.times), max(case.times)
        spread = f"{low * 1e3:.3f} .. {high * 1e3:.3f}"
        print(f"{name:<14} {middle * 1e3:>10.3f} {spread:>17} {middle / exp:>12.2f}")


if __name__ == "__main__":
    main()
