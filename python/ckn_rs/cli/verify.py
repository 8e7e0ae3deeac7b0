"""``ckn-rs verify``: check whether a store is sound."""

from __future__ import annotations

import argparse
from pathlib import Path

from ckn_rs.cli import _arguments
from ckn_rs.data import load_images


def add_parser(commands: _arguments.Commands) -> argparse.ArgumentParser:
    """Add the arguments of ``ckn-rs verify``."""
    parser = commands.add_parser("verify", help="check a store's checksums and entries")
    parser.add_argument("store", metavar="STORE")
    parser.add_argument(
        "train", type=Path, nargs="?", metavar="TRAIN", help="the images of the store"
    )
    parser.add_argument(
        "test", type=Path, nargs="?", metavar="TEST", help="its second set of images"
    )
    parser.add_argument(
        "--entries", type=int, default=100, help="how many entries to compute again: 100"
    )
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Run ``ckn-rs verify``; the exit code is 1 if something is wrong."""
    K = _arguments.open_store(arguments.store)
    images = (None if p is None else load_images(p) for p in (arguments.train, arguments.test))
    found = K.verify(*images, entries=arguments.entries)
    print(f"{found.tiles} of {K.tiles} tiles read, {len(found.damaged)} damaged")
    if arguments.train is not None:
        print(f"{found.entries} entries computed again, {len(found.wrong)} others than stored")
    for tile in found.damaged:
        print(f"tile {tile} is damaged; ckn-rs gram computes it again")
    for entry in found.wrong:
        print(f"entry {entry} is wrong")
    return 0 if found.ok else 1
