"""``ckn-rs bench``: the speed of this machine, and the time that a matrix would take on it.

Without a job, a few models are timed and compared with the peak of the processor. That is measured,
too, by multiply-adds on registers, without access to memory. With a job (``--n``, ``--shape`` and
``--model``), a sample of its matrix is timed, and scaled to the number of its pairs.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ckn_rs import _core
from ckn_rs._support.duration import duration
from ckn_rs._support.table import text_table
from ckn_rs.cli import _arguments, _files
from ckn_rs.cli._timing import TILE, Workload, time_pairs
from ckn_rs.layer import Layer
from ckn_rs.model import Model, as_spec

MODEL_SECONDS = 0.3
JOB_SECONDS = 1.5


def _two_layers(kernel: str, *subsampling: int) -> Model:
    return Model([Layer(3, s, kernel=kernel, sigma=0.6) for s in subsampling])


CIFAR, MNIST, DIGITS = (32, 32, 3), (28, 28, 1), (8, 8, 1)
MODELS = {
    "exp": Workload(_two_layers("exp", 2, 5), CIFAR),
    "exp, float64": Workload(_two_layers("exp", 2, 5), CIFAR, dtype="float64"),
    "relu": Workload(_two_layers("relu", 2, 5), CIFAR),
    "relu, NTK": Workload(_two_layers("relu", 2, 5), CIFAR, ntk=True),
    "exp, MNIST's shape": Workload(_two_layers("exp", 2, 5), MNIST),
    "exp, digits' shape": Workload(_two_layers("exp", 2, 1), DIGITS),
}
"""Models of two layers of 3x3 patches, pooled by 2 and by 5, for digits by 2 and by 1."""


@dataclass(frozen=True)
class Machine:
    """The threads of this machine, and its peaks in GFLOP/s by dtype; a multiply-add is two."""

    threads: int
    peak_one_thread: dict[str, float]
    peak_all_threads: dict[str, float]


def add_parser(commands: _arguments.Commands) -> argparse.ArgumentParser:
    """Add the arguments of ``ckn-rs bench``."""
    parser = commands.add_parser("bench", help="time this machine, or estimate a job's time")
    parser.description = (
        "Time a few models on random images and compare them with the processor's measured peak; "
        "or, with --n, --shape and --model, estimate how long that kernel matrix would take here."
    )
    parser.add_argument(
        "--threads", type=_arguments.thread_count, metavar="N", help="default: one a processor"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE, too")
    job = parser.add_argument_group("a job")
    job.add_argument(
        "--n", type=_arguments.count, metavar="N", help="images: the matrix is n x n, symmetric"
    )
    job.add_argument(
        "--test", type=_arguments.count, metavar="M", help="other images: the matrix is n x m"
    )
    job.add_argument("--shape", type=_arguments.shape, metavar="H,W,C", help="of an image: 32,32,3")
    job.add_argument("--model", help="a .toml or .json file, or a model's name")
    job.add_argument("--ntk", action="store_true", help="the NTK instead of the CKN")
    job.add_argument("--dtype", choices=("float32", "float64"), help="default: float32")
    parser.set_defaults(mistake=parser.error)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Run ``ckn-rs bench``."""
    workload = _workload(arguments)
    _files.check("--json", arguments.json)
    machine = measure_machine(arguments.threads or _core.default_threads())
    print(describe_machine(machine), end="\n\n", flush=True)
    report: dict[str, Any] = {
        "version": _core.__version__,
        "simd_level": _core.simd_level(),
        "threads": machine.threads,
        "peak_gflops": {"one_thread": machine.peak_one_thread, "all": machine.peak_all_threads},
    }
    if workload is None:
        report["models"] = [measure(name, w, machine) for name, w in MODELS.items()]
        print(describe_models(report["models"], machine))
    else:
        report["job"] = estimate(workload, arguments.n, arguments.test, machine)
        print(describe_job(report["job"], machine))
    if arguments.json is not None:
        _files.write_json(arguments.json, report)
    return 0


def measure_machine(threads: int) -> Machine:
    """Measure the peaks of one thread and of all threads."""

    def peaks(count: int) -> dict[str, float]:
        return {d: 2e-9 * _core.multiply_add_peak(d, count) for d in ("float32", "float64")}

    return Machine(threads, peaks(1), peaks(threads))


def measure(name: str, workload: Workload, machine: Machine) -> dict[str, Any]:
    """The figures of one model, on one thread and on all threads."""
    one = time_pairs(workload, 1, MODEL_SECONDS)
    every = time_pairs(workload, machine.threads, MODEL_SECONDS)
    gflops = 2e-9 * workload.multiply_adds() / one.seconds_a_pair
    return {
        "name": name,
        **_facts(workload),
        "ms_a_pair_one_thread": 1e3 * one.seconds_a_pair,
        "gflops_one_thread": gflops,
        "share_of_peak": gflops / machine.peak_one_thread[workload.dtype],
        "pairs_per_second": 1 / every.seconds_a_pair,
    }


def estimate(workload: Workload, n: int, test: int | None, machine: Machine) -> dict[str, Any]:
    """The time and memory of a matrix of ``n`` images, or of ``n`` images and ``test`` others."""
    peak = 1e9 * machine.peak_one_thread[workload.dtype]
    least = 2 * workload.multiply_adds() * TILE / peak
    if least > JOB_SECONDS:
        print(f"The least sample takes a few times {duration(least)} ...\n", flush=True)
    sample = time_pairs(workload, machine.threads, JOB_SECONDS)
    pairs = n * (n + 1) // 2 if test is None else n * test
    norms = (n + (test or 0)) * sample.seconds_an_image
    itemsize = 4 if workload.dtype == "float32" else 8
    return {
        **_facts(workload),
        "n": n,
        "test": test,
        "pairs": pairs,
        "pairs_per_second": 1 / sample.seconds_a_pair,
        "sample_pairs": sample.pairs,
        "seconds_norms": norms,
        "seconds": norms + pairs * sample.seconds_a_pair,
        "matrix_bytes": n * (n if test is None else test) * itemsize,
    }


def describe_machine(machine: Machine) -> str:
    """The machine, as text."""
    rows = [("multiply-add peak", "1 thread", _threads(machine.threads))]
    for dtype, peak in machine.peak_one_thread.items():
        every = machine.peak_all_threads[dtype]
        rows.append((dtype, f"{peak:.0f} GFLOP/s", f"{every:.0f} GFLOP/s"))
    return f"ckn-rs {_core.__version__}, {_core.simd_level()}\n\n{text_table(rows)}"


def describe_models(models: list[dict[str, Any]], machine: Machine) -> str:
    """The models' figures, as text."""
    head = ("model", "images", "ms a pair", "GFLOP/s", "of peak")
    rows = [(*head, f"pairs/s, {_threads(machine.threads)}")]
    rows += [
        (
            model["name"],
            "x".join(map(str, model["shape"])),
            f"{model['ms_a_pair_one_thread']:.3g}",
            f"{model['gflops_one_thread']:.1f}",
            f"{model['share_of_peak']:.0%}",
            f"{model['pairs_per_second']:,.0f}",
        )
        for model in models
    ]
    note = (
        "Two layers; one thread, norms given, except for pairs/s. GFLOP/s by a nominal count of\n"
        "multiply-adds, two each."
    )
    return f"{text_table(rows)}\n\n{note}"


def describe_job(job: dict[str, Any], machine: Machine) -> str:
    """A job's figures, as text."""
    columns = job["n"] if job["test"] is None else job["test"]
    kind = "symmetric, " if job["test"] is None else ""
    images = "x".join(map(str, job["shape"]))
    return (
        f"{'NTK' if job['ntk'] else 'CKN'} of {job['n']:,} x {columns:,} images {images}, "
        f"{kind}{job['dtype']}: {job['pairs']:,} pairs\n"
        f"{job['pairs_per_second']:,.0f} pairs/s on {_threads(machine.threads)}, "
        f"from a sample of {job['sample_pairs']:,}\n"
        f"{duration(job['seconds'])} in all, {duration(job['seconds_norms'])} of it for norms\n"
        f"{job['matrix_bytes'] / 1e6:,.1f} MB for the matrix"
    )


def _workload(arguments: argparse.Namespace) -> Workload | None:
    """The job that the arguments ask for, if any."""
    needed = {"--n": arguments.n, "--shape": arguments.shape, "--model": arguments.model}
    extra = {"--test": arguments.test, "--ntk": arguments.ntk, "--dtype": arguments.dtype}
    missing = [option for option, value in needed.items() if value is None]
    given = [option for option, value in (needed | extra).items() if value]
    if not given:
        return None
    if missing:
        arguments.mistake(f"{given[0]} is about a job, which needs {', '.join(missing)}, too")
    asked = _arguments.load_model(arguments.model)
    try:
        # With all keys, for the report.
        resolved = _core.resolve_model(as_spec(asked), arguments.ntk)
        model = Model(**resolved)
        workload = Workload(model, arguments.shape, arguments.ntk, arguments.dtype or "float32")
        workload.entries()  # raises an error if layers do not fit the shape
    except (TypeError, ValueError) as error:
        raise ValueError(f"{arguments.model}: {error}") from None
    return workload


def _facts(workload: Workload) -> dict[str, Any]:
    """A workload's entries in a report."""
    model = workload.model
    return {
        "layers": model.to_dicts(),
        "convention": model.convention,
        "readout": model.readout,
        "dense": None if model.dense is None else model.dense.to_dict(),
        "shape": list(workload.shape),
        "ntk": workload.ntk,
        "dtype": workload.dtype,
        "entries_a_pair": workload.entries(),
        "multiply_adds_a_pair": workload.multiply_adds(),
    }


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"
