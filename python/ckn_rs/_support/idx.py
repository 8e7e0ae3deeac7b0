"""idx files, the format of MNIST: two zero bytes, a type, the number of axes, lengths, numbers."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ckn_rs._support.npy import DEFLATE

MOST_AXES = 4
"""The most axes of an array of images."""

_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_DAMAGE = (EOFError, gzip.BadGzipFile, zlib.error)


def is_idx(path: Path) -> bool:
    """Whether a file begins as an idx file does.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    if not path.is_file():
        return False
    try:
        with _open(path) as file:
            head = file.read(4)
    except _DAMAGE:
        return False
    return len(head) == 4 and head[:2] == b"\0\0" and head[2] in _TYPES and head[3] > 0


def read_idx(path: Path) -> NDArray[Any]:
    """Read an idx file, compressed by gzip if its name ends in ``.gz``.

    Raises
    ------
    ValueError
        If it is damaged, or shorter or longer than its shape.
    OSError
        If it cannot be read.
    """
    size = path.stat().st_size
    most = size * DEFLATE if path.suffix == ".gz" else size
    try:
        with _open(path) as file:
            _, kind, axes = struct.unpack(">HBB", file.read(4))
            lengths = file.read(4 * axes)
            if axes > MOST_AXES or len(lengths) < 4 * axes:
                raise ValueError(f"{path} must have the lengths of at most {MOST_AXES} axes")
            shape = struct.unpack(f">{axes}I", lengths)
            dtype = np.dtype(_TYPES[kind])
            wanted = math.prod(shape) * dtype.itemsize
            if wanted > most:  # before anything is allocated for it
                raise ValueError(f"{path} is too short for the shape {shape}")
            data = file.read(wanted + 1)
    except _DAMAGE as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    if len(data) != wanted:
        length = "long" if len(data) > wanted else "short"
        raise ValueError(f"{path} is too {length} for the shape {shape}")
    return np.frombuffer(data, dtype).reshape(shape)


def _open(path: Path) -> Any:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")
