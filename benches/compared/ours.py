"""Our own programs, and ``numpy.exp`` as a measure of the machine's speed.

Each function here sets up a computation. It returns a function that runs the computation once and
returns the seconds for one pair.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

import ckn_rs
from compared.cases import Case

Timed = Callable[[], float]


def timed(run: Callable[[], object], pairs: int) -> Timed:
    """``run`` with a stopwatch: the seconds it takes, divided by ``pairs``."""

    def seconds() -> float:
        start = time.perf_counter()
        run()
        return (time.perf_counter() - start) / pairs

    return seconds


def matrix(
    case: Case, block: int, dtype: type = np.float32, threads: int = 1, level: str | None = None
) -> Timed:
    """A matrix of ``block`` x ``block`` pairs, with the norms given."""
    X, Y = case.images(block, dtype)
    sets = [(Z, ckn_rs.compute_norms(Z, case.model, case.ntk)[0]) for Z in (X, Y)]
    plan, out = case.plan(), np.empty((block, block), dtype)

    def run() -> None:
        plan.gram(sets[0], sets[1], [out], n_threads=threads, level=level)

    return timed(run, block**2)


def symmetric(case: Case, count: int, threads: int) -> Timed:
    """A symmetric matrix of few images, norms included."""
    X, _ = case.images(count)

    def run() -> None:
        ckn_rs.compute_kernel_matrix(X, model=case.model, ntk=case.ntk, n_threads=threads)

    return timed(run, count * (count + 1) // 2)


def one_pair(case: Case, dtype: type) -> Timed:
    """One call of ``compute_kernel``, norms included."""
    X, Y = case.images(1, dtype)
    return timed(lambda: ckn_rs.compute_kernel(X[0], Y[0], case.model, case.ntk, dtype=dtype), 1)


def numpy_exp(case: Case) -> Timed:
    """``numpy.exp`` of as many float32 values as the maps of a pair have entries."""
    values = -np.random.default_rng(0).random(case.entries(), dtype=np.float32)
    out = np.empty_like(values)
    times = max(1, 2**24 // len(values))

    def run() -> None:
        for _ in range(times):
            np.exp(values, out=out)

    return timed(run, times)
