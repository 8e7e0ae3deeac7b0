"""Output that cannot be written, because its reader is gone or the disk is full."""

from __future__ import annotations

import errno
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


@contextmanager
def plain_warnings() -> Iterator[None]:
    """A context in which warnings are shown as errors are, without a line of source."""

    def show(
        message: Warning | str,
        category: type[Warning],  # noqa: ARG001
        filename: str,  # noqa: ARG001
        lineno: int,  # noqa: ARG001
        file: TextIO | None = None,  # noqa: ARG001
        line: str | None = None,  # noqa: ARG001
    ) -> None:
        print(f"ckn-rs: warning: {message}", file=sys.stderr)

    usual, warnings.showwarning = warnings.showwarning, show
    try:
        yield
    finally:
        warnings.showwarning = usual


def flush() -> None:
    """Write out all that was printed, so that an error is raised here and not at Python's exit.

    Raises
    ------
    OSError
        If the output cannot be written.
    """
    if sys.stdout is not None:  # None if the process was started without it
        sys.stdout.flush()


def reader_is_gone(error: Exception) -> bool:
    """Whether the reader of a pipe has closed it, as ``head`` does after ten lines.

    Windows reports this as an invalid argument.
    """
    if sys.platform == "win32" and isinstance(error, OSError) and error.filename is None:
        return error.errno in (errno.EPIPE, errno.EINVAL)
    return isinstance(error, BrokenPipeError)


def discard_unwritten() -> None:
    """Redirect each stream that cannot be written to nowhere, since Python flushes it at exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
