"""Arrays in ``.npy`` and ``.npz`` files, whose headers may say anything.

NumPy allocates what a header tells before it reads the numbers. Here the header is compared with
the length of the file first, so that a file of a hundred bytes cannot ask for a terabyte.
"""

from __future__ import annotations

import math
import struct
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

DAMAGE = (
    EOFError,
    IndexError,
    KeyError,
    MemoryError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What readers of damaged files raise, but for an OSError."""

DEFLATE = 1032
"""The most bytes that one byte of the method deflate, of zip and gzip files, stands for."""

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def map_npy(path: Path) -> NDArray[Any]:
    """The array of a ``.npy`` file, mapped into memory.

    Raises
    ------
    ValueError
        If the file is no such file, is shorter than its header tells, or has Python objects.
    OSError
        If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            shape, _, dtype = _read_header(file)
            if dtype.kind not in "biufc":
                raise ValueError(f"it has {dtype}")
            _check_length(shape, dtype, path.stat().st_size - file.tell())
        return np.asanyarray(np.lib.format.open_memmap(path, mode="r"))
    except DAMAGE as error:
        raise ValueError(f"{path} is no .npy file of numbers: {_said(error)}") from None


def member_names(file: zipfile.ZipFile) -> list[str]:
    """The names of the arrays of a ``.npz`` file."""
    return [name.removesuffix(".npy") for name in file.namelist() if name.endswith(".npy")]


def read_member(file: zipfile.ZipFile, name: str, *, compressed: bool) -> NDArray[Any]:
    """An array of a ``.npz`` file, read to its end, where its checksum is compared.

    Parameters
    ----------
    file : ZipFile
        The open file.
    name : str
        The name of the array.
    compressed : bool
        Whether it may be compressed.

    Raises
    ------
    ValueError, and all of ``DAMAGE``
        If it is damaged, or larger than so many bytes can be.
    """
    entry = file.getinfo(f"{name}.npy")
    methods = {zipfile.ZIP_STORED: 1, zipfile.ZIP_DEFLATED: DEFLATE if compressed else 0}
    most = methods.get(entry.compress_type, 0) * entry.compress_size
    if not methods.get(entry.compress_type):
        raise ValueError(
            f"{entry.filename} must be compressed by deflate or not at all"
            if compressed
            else f"{entry.filename} must not be compressed"
        )
    if entry.file_size > most:
        raise ValueError(f"{entry.filename} has {entry.file_size} bytes of {entry.compress_size}")
    with file.open(entry) as stream:
        shape, fortran, dtype = _read_header(stream)
        _check_length(shape, dtype, entry.file_size - stream.tell(), exact=True)
        array = np.empty(math.prod(shape), dtype)
        _fill(stream, array)
        if stream.read(1):
            raise ValueError(f"{entry.filename} is longer than it tells")
    _check_text(array)
    return array.reshape(shape, order="F" if fortran else "C")


def _read_header(stream: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """The shape, whether the order is Fortran's, and the dtype."""
    version = np.lib.format.read_magic(stream)
    if version not in _HEADERS:
        raise ValueError(f"it has the format {version}, which numbers do not need")
    shape, fortran, dtype = _HEADERS[version](stream)
    if dtype.hasobject:
        raise ValueError("it has Python objects")
    if dtype.names is not None or dtype.subdtype is not None:
        raise ValueError(f"it has records of dtype {dtype}")
    if any(length < 0 for length in shape):
        raise ValueError(f"it has the shape {shape}")
    return shape, fortran, dtype


def _check_length(
    shape: tuple[int, ...], dtype: np.dtype[Any], length: int, *, exact: bool = False
) -> None:
    wanted = math.prod(shape) * dtype.itemsize
    if wanted > length or (exact and wanted < length):
        raise ValueError(f"{shape} of {dtype} are {wanted} bytes, and it has {length}")


def _fill(stream: Any, array: NDArray[Any]) -> None:
    """Read the numbers of a contiguous array."""
    left = array.view(np.uint8).data if array.nbytes else memoryview(b"")
    while left.nbytes:
        count = stream.readinto(left)
        if not count:
            raise EOFError("it ends too early")
        left = left[count:]


def _check_text(array: NDArray[Any]) -> None:
    """Refuse text of numbers that are no characters, of which NumPy makes a broken ``str``."""
    if array.dtype.kind == "U" and array.nbytes:
        codes = array.view(np.dtype("u4").newbyteorder(array.dtype.byteorder))
        if ((codes > 0x10FFFF) | ((codes >= 0xD800) & (codes < 0xE000))).any():
            raise ValueError("it has text that is none")


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__
