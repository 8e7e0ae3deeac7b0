"""``ckn-rs model``: the geometry of a model, and its cost on this machine."""

from __future__ import annotations

import argparse

import numpy as np

from ckn_rs import _core, models
from ckn_rs._support.duration import duration
from ckn_rs._support.table import text_table
from ckn_rs.cli import _arguments
from ckn_rs.cli._timing import Workload, time_pairs

SECONDS = 0.5


def add_parser(commands: _arguments.Commands) -> argparse.ArgumentParser:
    """Add the arguments of ``ckn-rs model``."""
    parser = commands.add_parser("model", help="a model's geometry and cost; the named models")
    parser.add_argument("model", nargs="?", help="a .toml or .json file, or a model's name")
    parser.add_argument("--list", action="store_true", help="the named models")
    parser.add_argument("--shape", type=_arguments.shape, default=(32, 32, 3), metavar="H,W,C")
    parser.add_argument("--ntk", action="store_true", help="the NTK instead of the CKN")
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument("--n", type=_arguments.count, default=10_000, metavar="N", help="images")
    parser.set_defaults(mistake=parser.error)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Run ``ckn-rs model``."""
    if arguments.list:
        print(text_table([("name", "layers"), *((n, models.summary(n)) for n in models.NAMES)]))
        return 0
    if arguments.model is None:
        arguments.mistake("a model is needed, a file or a name, or --list")
    model = _arguments.load_model(arguments.model)
    print(model.describe(arguments.shape, arguments.ntk))
    work = Workload(model, arguments.shape, arguments.ntk, arguments.dtype)
    threads = _core.default_threads()
    sample = time_pairs(work, threads, SECONDS)
    n = arguments.n
    pairs = n * (n + 1) // 2
    seconds = pairs * sample.seconds_a_pair + n * sample.seconds_an_image
    itemsize = np.dtype(arguments.dtype).itemsize
    scratch = work.plan.scratch_bytes(work.dtype)
    print(
        f"""
a pair: {work.multiply_adds():,.0f} multiply-adds, {1e3 * sample.seconds_a_pair * threads:.3g} ms \
of a thread in {arguments.dtype}
memory: {scratch / 1e6:.3g} MB a thread, beside images, norms and matrix
{n:,} images: {pairs:,} pairs, {duration(seconds)} on {threads} thread{"s" * (threads > 1)}, \
{itemsize * n * n / 1e9:.3g} GB"""
    )
    return 0
