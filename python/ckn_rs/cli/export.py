"""``ckn-rs export``: the matrix of a store as a ``.npy`` file."""

from __future__ import annotations

import argparse
from pathlib import Path

from ckn_rs.cli import _arguments


def add_parser(commands: _arguments.Commands) -> argparse.ArgumentParser:
    """Add the arguments of ``ckn-rs export``."""
    parser = commands.add_parser("export", help="write a store's matrix to a .npy file")
    parser.add_argument("store", metavar="STORE")
    parser.add_argument("file", type=Path, metavar="FILE.npy")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Run ``ckn-rs export``."""
    K = _arguments.open_store(arguments.store)
    rows, columns = K.shape
    print(f"{K.export(arguments.file)}: {rows} x {columns} {K.dtype}")
    return 0
