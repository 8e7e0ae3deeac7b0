"""Explanations of disk errors, and files that are complete or absent."""

from __future__ import annotations

import errno
import io
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

_ADVICE = {
    errno.ENOSPC: "the disk is full; make room and run the same call again",
    errno.EDQUOT: "the quota is used up; make room and run the same call again",
    errno.EFBIG: "files may not be that large here (ulimit -f, or the file system)",
    errno.EROFS: "the file system is read-only; choose another place",
    errno.EACCES: "permission is denied; choose another place, or have it granted",
    errno.EPERM: "permission is denied; choose another place, or have it granted",
    errno.ENOTDIR: "a file is in the way; choose another name",
    errno.EEXIST: "a file is in the way; choose another name",
}


_WINDOWS = os.name == "nt"

_WAITS = (0.01, 0.03, 0.1, 0.3, 1.0)
"""Seconds between the trials to replace a file that another process has open, on Windows."""


def advice(error: OSError) -> str:
    """An explanation of the error, with what to do about it."""
    return _ADVICE.get(error.errno or 0, str(error))


def check_place(path: Path) -> None:
    """Raise an OSError if ``path`` is a folder, or if its folder does not exist."""
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; give the name of a file")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent} for {path.name}")


def partial_of(path: Path) -> Path:
    """The file in which ``path`` is written before it takes its name; a kill may leave it."""
    return path.with_name(f".{path.name}.partial")


def replace(source: str | Path, target: Path) -> None:
    """Give the file ``source`` the name ``target``, which may be that of another file.

    Windows refuses this while another process reads ``target``. There it is tried again for a
    second and a half.

    Raises
    ------
    OSError
        If it cannot be replaced.
    """
    for wait in _WAITS if _WINDOWS else ():
        try:
            os.replace(source, target)
            return
        except PermissionError:
            time.sleep(wait)
    os.replace(source, target)


def write_file(path: Path, data: bytes) -> None:
    """Write a file that is complete, or is not there, or is the one that was there before.

    Raises
    ------
    OSError
        If ``path`` is a folder, if its folder does not exist, or if it cannot be written. The
        message says why.
    """
    with _replaced(path) as append:
        append(memoryview(data))


@contextmanager
def npy_file(
    path: Path, shape: tuple[int, ...], dtype: DTypeLike
) -> Iterator[Callable[[NDArray[Any]], None]]:
    """A context with a function that appends rows to the ``.npy`` file ``path``.

    The file appears at the end, if there was no error. It is not a memory map, since writing to a
    map on a full disk ends the process by a signal.

    Raises
    ------
    OSError
        As for :func:`write_file`.
    """
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
    )
    with _replaced(path) as append:
        append(header.getbuffer())
        yield lambda rows: append(
            rows.astype(dtype, order="C", copy=False).reshape(-1).view(np.uint8).data
        )


def write_npz(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays to a ``.npz`` file, which is complete or is the one that was there before.

    They go to the disk as they are, without a copy of all of them in memory. Each has a checksum,
    which :func:`numpy.load` tests.

    Raises
    ------
    OSError
        As for :func:`write_file`.
    """
    with _replaced(path) as append:
        np.savez(_Appended(append), **arrays)  # type: ignore[arg-type]


class _Appended(io.RawIOBase):
    """A file that can only be appended to."""

    def __init__(self, append: Callable[[memoryview], None]) -> None:
        self._append = append

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        view = memoryview(data)
        self._append(view)
        return view.nbytes


@contextmanager
def _replaced(path: Path) -> Iterator[Callable[[memoryview], None]]:
    """A context with a function that appends bytes to a file, which replaces ``path`` at the end.

    A link stays one, and the file that it names is replaced. A device or a pipe, such as
    ``/dev/stdout``, cannot be replaced: it is written to at once. Errors of this file are
    explained; others that are raised within the context are left alone.
    """
    check_place(path)
    if path.exists() and not path.is_file():
        with _explained(path), path.open("wb", buffering=0) as device:
            yield lambda data: _write_all(device, data)
        return
    target = path.resolve()
    partial = partial_of(target)
    try:
        with _explained(path):
            # Without a buffer, closing the file writes nothing, so that it cannot fail.
            file = partial.open("wb", buffering=0)
        with file:

            def append(data: memoryview) -> None:
                with _explained(path):
                    _write_all(file, data)

            yield append
            with _explained(path):
                os.fsync(file.fileno())
        with _explained(path):
            replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def _write_all(file: io.RawIOBase, data: memoryview) -> None:
    while data:
        data = data[file.write(data) :]


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OSError(f"cannot write {path}: {advice(error)}") from error
