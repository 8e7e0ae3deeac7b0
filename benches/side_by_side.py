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
from collections.abc import Callable

import numpy as np
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


def photographs(count: int, dtype: type) -> np.ndarray:
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


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=256, help="a matrix of so many squared")
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    values = -np.random.default_rng(0).random(VALUES, dtype=np.float32)
    out = np.empty_like(values)
    cases = {
        "exp": (np.float32, layers("exp"), False),
        "relu": (np.float32, layers("relu"), False),
        "relu NTK": (np.float32, layers("relu"), True),
        "exp, float64": (np.float64, layers("exp"), False),
    }
    times: dict[str, list[float]] = {name: [] for name in cases}
    exp_times = []
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(arguments.repeat):
        for name, (dtype, model, ntk) in cases.items():
            X, Y = np.split(photographs(2 * arguments.images, dtype), 2)
            (nx, ix), (ny, iy) = (ckn_rs.compute_norms(Z, model, ntk) for Z in (X, Y))
            exp_times += [seconds(lambda: np.exp(values, out=out)) for _ in range(20)]
            matrix = ckn_rs.compute_kernel_matrix
            times[name].append(
                seconds(lambda: matrix(X, Y, nx, ny, ix, iy, model=model, ntk=ntk, n_threads=1))
                / arguments.images**2
            )
    exp = statistics.median(exp_times)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"{_core.simd_level()}, one thread, {arguments.images}x{arguments.images} pairs, norms given")
    print(f"numpy.exp of {VALUES:,} float32: {exp * 1e3:.3f} ms; peak memory grew by {grown >> 10} MB")
    print(f"{'model':<14} {'ms a pair':>10} {'spread':>17} {'x numpy.exp':>12}")
    for name, measured in times.items():
        low, middle, high = min(measured), statistics.median(measured), max(measured)
        spread = f"{low * 1e3:.3f} .. {high * 1e3:.3f}"
        print(f"{name:<14} {middle * 1e3:>10.3f} {spread:>17} {middle / exp:>12.2f}")


if __name__ == "__main__":
    main()
