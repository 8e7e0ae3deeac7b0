"""The cost of a kernel, counted from its plan and timed on samples."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from ckn_rs import _core
from ckn_rs._support.arrays import Floats
from ckn_rs._support.options import as_kind
from ckn_rs.compute.matrix import compute_kernel_matrix
from ckn_rs.compute.norms import compute_norms
from ckn_rs.model import Model, as_spec

TILE = 32
"""Threads work on tiles of at least so many rows and columns."""

MOST_ROWS = 4096


@dataclass(frozen=True)
class Workload:
    """A kernel on images of one shape."""

    model: Model
    shape: tuple[int, int, int]
    ntk: bool = False
    dtype: str = "float32"

    def entries(self) -> int:
        """The map entries of a pair at which a patch kernel is evaluated, in all layers."""
        return sum(layer["entries"] for layer in self.plan.layers)

    def multiply_adds(self) -> float:
        """The multiply-adds of a pair whose norms are known; see :class:`_core.Plan`."""
        return float(sum(layer["multiply_adds"] for layer in self.plan.layers))

    @cached_property
    def plan(self) -> _core.Plan:
        """The model on images of the shape."""
        return _core.Plan(as_spec(self.model), self.shape, as_kind(self.ntk))


@dataclass(frozen=True)
class Timing:
    """The times of a sample."""

    pairs: int
    """The number of pairs in the sample."""

    seconds_a_pair: float
    """The time of the sample, without norms, divided by its pairs; more threads make it smaller."""

    seconds_an_image: float
    """The time of an image's norms."""


def time_pairs(workload: Workload, threads: int, seconds: float, repeats: int = 3) -> Timing:
    """Time a matrix that takes about ``seconds``, and take the median of ``repeats`` times.

    The matrix has a column of tiles for each thread, so that all threads have equal work, and as
    many rows as the time allows. If a single row takes longer than that, it is timed once.
    """
    columns, column_norms = _images(workload, TILE * threads)
    norms_once = partial(compute_norms, columns, workload.model, workload.ntk, n_threads=threads)
    seconds_an_image = _elapsed(norms_once) / len(columns)
    rows = 1
    while True:
        once = _sample(workload, threads, rows, (columns, column_norms))
        times = [_elapsed(once)]
        if times[0] >= seconds / 2 or rows == MOST_ROWS:
            break
        rows = _more_rows(rows, seconds / times[0])
    if times[0] < 2 * seconds:
        times += [_elapsed(once) for _ in range(repeats - 1)]
    pairs = rows * len(columns)
    return Timing(pairs, statistics.median(times) / pairs, seconds_an_image)


def time_exp(values: int) -> float:
    """The seconds that ``numpy.exp`` takes for so many float32 values.

    A million values are timed, and the time is scaled.
    """
    chunk = -np.random.default_rng(0).random(1_000_000, dtype=np.float32)
    out = np.empty_like(chunk)
    times = [_elapsed(lambda: np.exp(chunk, out=out)) for _ in range(20)]
    return statistics.median(times) * values / len(chunk)


def _images(workload: Workload, count: int) -> tuple[Floats, tuple[Floats, Floats]]:
    """Random images, and their norms. The time does not depend on the pixels."""
    images = np.random.default_rng(0).random((count, *workload.shape)).astype(workload.dtype)
    return images, compute_norms(images, workload.model, workload.ntk)


def _sample(
    workload: Workload, threads: int, rows: int, right: tuple[Floats, tuple[Floats, Floats]]
) -> Callable[[], object]:
    left, (norms1, inverses1) = _images(workload, rows)
    columns, (norms2, inverses2) = right
    return partial(
        compute_kernel_matrix,
        left,
        columns,
        norms1,
        norms2,
        inverses1,
        inverses2,
        workload.model,
        workload.ntk,
        n_threads=threads,
    )


def _more_rows(rows: int, factor: float) -> int:
    """More rows by some factor, but in whole tiles; no more than 32 times as many.

    A first timing of a few rows is not precise enough for more.
    """
    wanted = max(rows + 1, int(rows * min(factor, TILE)))
    return min(wanted if wanted < TILE else wanted // TILE * TILE, MOST_ROWS)


def _elapsed(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin
