"""``ckn-rs status``: the progress of a store."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ckn_rs import _core
from ckn_rs._support.duration import duration
from ckn_rs.cli import _arguments
from ckn_rs.cli._timing import Workload, time_pairs
from ckn_rs.compute.augment import kernels_of

if TYPE_CHECKING:
    from ckn_rs.store import Gram, Pace

SECONDS = 0.5
"""The time of the sample by which the rest is estimated."""


def add_parser(commands: _arguments.Commands) -> argparse.ArgumentParser:
    """Add the arguments of ``ckn-rs status``."""
    parser = commands.add_parser("status", help="show the progress of a store")
    parser.add_argument("store", metavar="STORE")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Run ``ckn-rs status``."""
    K = _arguments.open_store(arguments.store)
    rows, columns = K.shape
    manifest = K.manifest
    kind = manifest.kernel_name()
    images = "x".join(map(str, manifest.image_shape))
    print(f"{arguments.store}: {kind} of {rows:,} x {columns:,} images {images}, {K.dtype}")
    print(f"begun with ckn-rs {manifest.version}, in tiles of {manifest.tile:,}\n\n{K.model}\n")
    missing = K.missing
    print(f"{K.tiles - len(missing):,} of {K.tiles:,} tiles done, {len(missing):,} left")
    pace = K.pace()
    if pace is not None:
        print(
            f"the latest came at {pace.pairs_a_second:,.0f} pairs/s, the last "
            f"{duration(pace.idle)} ago"
        )
    if missing:
        print(_estimate(K, missing, pace))
    return 0


def _estimate(K: Gram, missing: list[tuple[int, int]], pace: Pace | None) -> str:
    """The time of the rest, at the pace of the store or, if that is not known, of this machine."""
    pairs = sum(K.pairs(tile) for tile in missing)
    if pace is not None:
        return f"{pairs:,} pairs are left: {duration(pairs / pace.pairs_a_second)} at that rate"
    work = Workload(K.model, K.manifest.image_shape, K.manifest.ntk, K.dtype.name)
    each = time_pairs(work, _core.default_threads(), SECONDS).seconds_a_pair
    each *= kernels_of(K.manifest.plan())
    rate = f"{1 / each:,.0f} pairs/s, which this machine does now"
    return f"{pairs:,} pairs are left: {duration(pairs * each)} at {rate}"
