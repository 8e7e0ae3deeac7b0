"""Kernels of dense networks: time beside scikit-learn, NumPy and neural-tangents.

Run ``.venv/bin/python benches/dense.py``; ``--help`` lists its options. Points are random, in
float32, and every row is the whole symmetric matrix of them. The times are of the processor, all
threads together, and by the clock; each is the least of all rounds. In a round all programs run
once, one after the other, so that the load of the machine is that of all of them. scikit-learn and
neural-tangents take part where they are installed. NumPy's row is the recursion of the NTK as one
would write it, with a matrix product and operations on whole matrices.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ckn_rs import Layer, Model, compute_kernel_matrix
from ckn_rs._support.table import text_table

Points = NDArray[np.float32]
Kernel = Callable[[], NDArray[Any]]


def ours(X: Points, kernel: str, depth: int, ntk: bool = False, sigma: float = 1.0) -> Kernel:
    """Dense layers, as layers of images of one pixel."""
    model = Model([Layer(1, kernel=kernel, sigma=sigma, pooling="none")] * depth)
    images = X[:, None, None, :]
    return lambda: compute_kernel_matrix(images, model=model, ntk=ntk)


def scikit_learn(X: Points, sigma: float) -> Kernel:
    """The RBF kernel of scikit-learn."""
    from sklearn.metrics.pairwise import rbf_kernel

    return lambda: np.asarray(rbf_kernel(X, gamma=0.5 / sigma**2))


def recursion(X: Points, depth: int) -> Kernel:
    """The NTK of ReLU layers by NumPy."""

    def matrix() -> NDArray[np.float32]:
        norms = np.linalg.norm(X, axis=1)
        lengths = np.outer(norms, norms)
        sigma = X @ X.T
        theta = sigma.copy()
        for _ in range(depth):
            u = np.clip(sigma / lengths, -1, 1)
            slope = 1 - np.arccos(u) / np.float32(np.pi)
            sigma = lengths * (u * slope + np.sqrt(1 - u * u) / np.float32(np.pi))
            theta = sigma + slope * theta
        return theta

    return matrix


def tangents(X: Points, depth: int) -> Kernel:
    """The NTK of ReLU layers by neural-tangents, compiled by JAX."""
    os.environ["JAX_PLATFORMS"] = "cpu"
    import jax
    from neural_tangents import stax

    parts: list[Any] = []
    gain = float(X.shape[1])
    for _ in range(depth):
        parts += [stax.Dense(1, W_std=gain**0.5, b_std=None), stax.Relu()]
        gain = 2.0
    kernel = stax.serial(*parts, stax.Dense(1, W_std=gain**0.5, b_std=None))[2]
    compiled = jax.jit(lambda points: kernel(points, None, "ntk"))
    compiled(X).block_until_ready()  # compilation is not timed
    return lambda: np.asarray(compiled(X).block_until_ready())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--points", type=int, default=5000)
    parser.add_argument("--numbers", type=int, default=784, help="of a point: 784")
    parser.add_argument("--depth", type=int, default=5, help="layers of the NTK: 5")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    depth = arguments.depth
    rng = np.random.default_rng(0)
    X = rng.standard_normal((arguments.points, arguments.numbers), np.float32)
    sigma = float(arguments.numbers) ** 0.5
    rbf, ntk = "RBF", f"NTK, {depth} layers of relu"
    programs: dict[tuple[str, str], Kernel] = {(rbf, "ckn-rs"): ours(X, "rbf", 1, sigma=sigma)}
    if importlib.util.find_spec("sklearn"):
        programs[rbf, "scikit-learn"] = scikit_learn(X, sigma)
    programs[ntk, "ckn-rs"] = ours(X, "relu", depth, ntk=True)
    programs[ntk, "NumPy"] = recursion(X, depth)
    if importlib.util.find_spec("neural_tangents"):
        programs[ntk, "neural-tangents"] = tangents(X, depth)
    least = dict.fromkeys(programs, (np.inf, np.inf))
    for _ in range(arguments.rounds):
        for name, program in programs.items():
            cpu, clock = time.process_time(), time.perf_counter()
            program()
            spent = time.process_time() - cpu, time.perf_counter() - clock
            least[name] = min(least[name][0], spent[0]), min(least[name][1], spent[1])
    rows = [("kernel", "program", "CPU", "clock")]
    rows += [(*name, *(f"{seconds:.2f} s" for seconds in each)) for name, each in least.items()]
    print(text_table(rows))


if __name__ == "__main__":
    main()
