"""Time our kernels beside ``numpy.exp`` and beside other programs: one machine, one run.

Run ``.venv/bin/python benches/side_by_side.py``; ``--help`` lists its options. All programs get the
same photographs and the same models, and one thread each. They take turns, so that a change of the
machine's speed concerns all of them. ``numpy.exp`` is timed on as many float32 values as the maps
of a pair have entries. Another program is timed only if its matrix agrees with ours.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import json
import os
import platform
import resource
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from compared import ours
from compared.cases import CASES, FLAGSHIP, Array, Case
from compared.original import Original
from compared.tangents import Tangents
from machine import processor

import ckn_rs
from ckn_rs import _core

TOLERANCE = 1e-4


class Rival(Protocol):
    """Another program that computes the same matrices."""

    name: str
    versions: dict[str, str]

    def has(self, case: Case) -> bool:
        """Whether the program has all that the model needs."""

    def block(self, case: Case) -> int:
        """The rows and columns of the matrix to time; 0 if memory is short even for one pair."""

    def prepare(self, case: Case, X: Array, Y: Array) -> Callable[[], Array]:
        """A function that gives the matrix of two sets of images."""


@dataclass
class Row:
    """A program on a model, and the seconds a pair that it has taken so far."""

    model: str
    program: str
    run: ours.Timed
    times: list[float] = field(default_factory=list)

    def median(self) -> float:
        """The median of its times."""
        return statistics.median(self.times)


def our_rows(cases: list[Case], images: int) -> Iterator[Row]:
    """Our program on each model, and on the flagship in other precisions, levels and calls."""
    for case in cases:
        # More of small images, so that a matrix takes about as long.
        block = images * max(1, 32 * 32 // (case.shape[0] * case.shape[1]))
        yield Row(case.name, "ckn-rs", ours.matrix(case, block))
    if FLAGSHIP not in cases:
        return
    wider = {
        "float64": ours.matrix(FLAGSHIP, images, np.float64),
        "two threads": ours.matrix(FLAGSHIP, 2 * images, threads=2),
        "compute_kernel, float32": ours.one_pair(FLAGSHIP, np.float32),
        "compute_kernel, float64": ours.one_pair(FLAGSHIP, np.float64),
        "symmetric 10x10": ours.symmetric(FLAGSHIP, 10, 1),
        "symmetric 10x10, two threads": ours.symmetric(FLAGSHIP, 10, 2),
    }
    for level in _core.simd_levels()[1:]:
        wider[level] = ours.matrix(FLAGSHIP, images, level=level)
    for name, run in wider.items():
        yield Row(FLAGSHIP.name, f"ckn-rs, {name}", run)


def rival_rows(cases: list[Case], rival: Rival) -> Iterator[Row]:
    """Another program on each model, if its matrix agrees with ours."""
    for case in cases:
        if not rival.has(case):
            print(f"{rival.name}: has no model like {case.name!r}, left out")
            continue
        block = rival.block(case)
        if block == 0:
            print(f"{rival.name}: not enough memory for a pair of {case.name!r}, left out")
            continue
        X, Y = case.images(block)
        run = rival.prepare(case, X, Y)
        expected = ckn_rs.compute_kernel_matrix(X, Y, model=case.model, ntk=case.ntk)
        error = np.abs(run() - expected).max() / np.abs(expected).max()
        if not error < TOLERANCE:
            raise SystemExit(f"{rival.name}: {case.name!r} is off by {error:.1e}, not timed")
        yield Row(case.name, rival.name, ours.timed(run, block**2))


def rivals(original: Path | None) -> list[Rival]:
    """The other programs that can be imported here."""
    found: list[Rival] = []
    if original is not None:
        found.append(Original(original))
    if importlib.util.find_spec("neural_tangents") is not None:
        found.append(Tangents())
    return found


def peak_memory() -> float:
    """The most memory that the process has had, in megabytes."""
    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def report(rows: list[Row]) -> list[dict[str, Any]]:
    """The times of each program, also as multiples of ``numpy.exp`` and ours on that model."""
    medians = {(row.model, row.program): row.median() for row in rows}
    return [
        {
            "model": row.model,
            "program": row.program,
            "milliseconds": {
                "median": row.median() * 1e3,
                "low": min(row.times) * 1e3,
                "high": max(row.times) * 1e3,
            },
            "times_numpy_exp": row.median() / medians[row.model, "numpy.exp"],
            "times_ckn_rs": row.median() / medians[row.model, "ckn-rs"],
        }
        for row in rows
    ]


def show(figures: list[dict[str, Any]]) -> None:
    """Print a table, one model after the other."""
    width = max(len(figure["program"]) for figure in figures)
    heads = f"{'ms a pair':>10} {'spread':>23} {'x numpy.exp':>12} {'x ckn-rs':>9}"
    print(f"{'model':<19} {'program':<{width}} {heads}")
    last = None
    for figure in figures:
        model = figure["model"] if figure["model"] != last else ""
        last = figure["model"]
        median, low, high = figure["milliseconds"].values()
        spread = f"{low:.4f} .. {high:.4f}"
        ratios = f"{ratio(figure['times_numpy_exp']):>12} {ratio(figure['times_ckn_rs']):>9}"
        print(f"{model:<19} {figure['program']:<{width}} {median:>10.4f} {spread:>23} {ratios}")


def ratio(value: float) -> str:
    """A ratio with as many digits as are useful."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.4f}"


def main() -> None:
    """Time all rows in turn, several times, and print a table."""
    names = [case.name for case in CASES]
    parser = argparse.ArgumentParser(description="Time our kernels beside other programs.")
    parser.add_argument("--images", type=int, default=32, help="rows and columns of a matrix")
    parser.add_argument("--repeat", type=int, default=5, help="turns of each program")
    parser.add_argument("--models", nargs="+", choices=names, default=names, metavar="MODEL")
    parser.add_argument("--original", type=Path, help="a folder with ckn_kernel, built there")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    arguments = parser.parse_args()
    if min(arguments.images, arguments.repeat) < 1:
        parser.error("--images and --repeat must be at least 1")
    cases = [case for case in CASES if case.name in arguments.models]

    before = peak_memory()
    rows = list(our_rows(cases, arguments.images))
    for row in rows:
        row.run()
    grown = peak_memory() - before
    rows += [Row(case.name, "numpy.exp", ours.numpy_exp(case)) for case in cases]
    others = rivals(arguments.original)
    for rival in others:
        rows += rival_rows(cases, rival)
        if isinstance(rival, Original) and FLAGSHIP in cases:
            program = f"{rival.name}, compute_kernel"
            rows.append(Row(FLAGSHIP.name, program, rival.one_pair(FLAGSHIP)))
    rows.sort(key=lambda row: names.index(row.model))
    for _ in range(arguments.repeat):
        for row in rows:
            row.times.append(row.run())

    machine = {
        "date": datetime.date.today().isoformat(),
        "processor": processor(),
        "processors": os.cpu_count(),
        "simd": _core.simd_level(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "ckn_rs": _core.__version__,
    }
    for rival in others:
        machine |= rival.versions
    print(", ".join(f"{key} {value}" for key, value in machine.items()))
    print(f"{arguments.images} x {arguments.images} pairs, one thread, norms given;")
    print("compute_kernel, symmetric matrices and neural-tangents include them")
    print(f"our peak memory grew by {grown:.0f} MB, all models' images and results included")
    figures = report(rows)
    show(figures)
    if arguments.json:
        result = {"machine": machine, "peak_memory_mb": grown, "figures": figures}
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
