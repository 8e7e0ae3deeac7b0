"""``ckn-rs export``: a store's matrix in a file of NumPy's."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ckn_rs.cli.status import open_store

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add the arguments of ``ckn-rs export``."""
    parser = commands.add_parser("export", help="write a store's matrix to a .npy file")
    parser.add_argument("store", metavar="STORE")
    parser.add_argument("file", type=Path, metavar="FILE.npy")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Run ``ckn-rs export``."""
    K = open_store(arguments.store)
    rows, columns = K.shape
    print(f"{K.export(arguments.file)}: {rows} x {columns} {K.dtype}")
    return 0
