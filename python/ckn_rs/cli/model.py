"""``ckn-rs model``: what a model does to images, and what that costs here."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ckn_rs import _core, models
from ckn_rs._table import text_table
from ckn_rs._timing import Workload, time_pairs
from ckn_rs.cli import _arguments
from ckn_rs.cli.bench import duration

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

SECONDS = 0.5


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add the arguments of ``ckn-rs model``."""
    parser = commands.add_parser("model", help="a model's geometry and cost; the named models")
    parser.add_argument("model", nargs="?", help="a .toml or .json file, or a model's name")
    parser.add_argument("--list", action="store_true", help="the named models")
    parser.add_argument("--shape", type=_arguments.shape, default=(32, 32, 3), metavar="H,W,C")
    parser.add_argument("--ntk", action="store_true", help="the NTK instead of the CKN")
    parser.add_argument("--n", type=_arguments.count, default=10_000, metavar="N", help="images")
    parser.set_defaults(mistake=parser.error)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Run ``ckn-rs model``."""
    if arguments.list:
        rows = [("name", "what"), *((name, what) for name, (what, _) in models.NAMES.items())]
        print(text_table(rows))
        return 0
    if arguments.model is None:
        arguments.mistake("a model is needed, a file or a name, or --list")
    model = _arguments.load_model(arguments.model)
    print(model.describe(arguments.shape, arguments.ntk))
    work = Workload(model, arguments.shape, arguments.ntk, "float32")
    threads = _core.default_threads()
    each = time_pairs(work, threads, SECONDS).seconds_a_pair
    n = arguments.n
    pairs = n * (n + 1) // 2
    print(
        f"\n{work.multiply_adds():,} multiply-adds a pair; {1e3 * each:.3g} ms a pair on "
        f"{threads} threads, float32\n{n:,} images: {pairs:,} pairs, {duration(pairs * each)}, "
        f"{4 * n * n / 1e9:.3g} GB"
    )
    return 0
