"""Kernel matrices larger than memory, in a Zarr array on disk or wherever fsspec reaches.

A store is a Zarr v3 group with a matrix in tiles, one tile a chunk with its CRC-32C, beside norms
and diagonals, and a manifest of what they are of. A tile is complete or absent, so a job that was
interrupted or killed goes on with the same call, to the same bits.

Needs ``pip install ckn-rs[store]``, on Python 3.11 or later.
"""

from ckn_rs._support.termination import Terminated
from ckn_rs.store._compute import compute_gram
from ckn_rs.store._gram import Gram, IncompleteError, Pace, Verification, open_gram
from ckn_rs.store._layout import StoreError

__all__ = [
    "Gram",
    "IncompleteError",
    "Pace",
    "StoreError",
    "Terminated",
    "Verification",
    "compute_gram",
    "open_gram",
]
