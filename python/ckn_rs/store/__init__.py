"""Kernel matrices larger than memory, in a Zarr array on disk or wherever fsspec reaches.

A store is a Zarr v3 group. It holds a matrix in tiles, each a chunk with its CRC-32C, and beside it
patch norms, diagonals and a manifest. A tile is complete or absent, so that a job that was
interrupted or killed goes on with the same call, to the same bits.

Needs ``pip install ckn-rs[store]``, on Python 3.11 or later.
"""

from ckn_rs._support.termination import Terminated
from ckn_rs.store._compute import compute_gram
from ckn_rs.store._errors import IncompleteError, StoreError
from ckn_rs.store._gram import Gram, Pace, open_gram
from ckn_rs.store._verification import Verification

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
