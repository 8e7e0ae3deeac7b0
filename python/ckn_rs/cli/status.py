"""``ckn-rs status``: how far a store is."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ckn_rs._extras import import_extra
from ckn_rs._timing import Workload, time_pairs

if TYPE_CHECKING:
    from ckn_rs.store import Gram

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

SECONDS = 0.5
"""For which pairs are timed to estimate the rest."""


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add the arguments of ``ckn-rs status``."""
    parser = commands.add_parser("status", help="how far a store is")
    parser.add_argument("store", metavar="STORE")
    return parser


def open_store(place: str) -> Gram:
    """The matrix in a store."""
    import_extra("zarr", "store", "a store")
    from ckn_rs.store import open_gram

    return open_gram(place)


def run(arguments: argparse.Namespace) -> int:
    """Run ``ckn-rs status``."""
    from ckn_rs import _core
    from ckn_rs.cli.bench import duration

    K = open_store(arguments.store)
    rows, columns = K.shape
    kind = "NTK" if K.manifest.ntk else "CKN"
    print(f"{arguments.store}: {kind}, {rows} x {columns} {K.dtype}")
    print(K.model)
    missing = K.missing
    print(f"{K.tiles - len(missing)} of {K.tiles} tiles done, {len(missing)} left")
    if missing:
        work = Workload(K.model, K.manifest.image_shape, K.manifest.ntk, K.dtype.name)
        each = time_pairs(work, _core.default_threads(), SECONDS).seconds_a_pair
        pairs = sum(K.pairs(tile) for tile in missing)
        print(
            f"{pairs:,} pairs are left; at {1 / each:,.0f} pairs/s, what this machine does now, "
            f"they take {duration(pairs * each)}"
        )
    return 0
