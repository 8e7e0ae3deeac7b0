"""The end of a command's output, whoever reads it."""

from __future__ import annotations

import errno
import os
import sys


def flush() -> None:
    """Write out all that was printed, so that an error of it comes here and not at Python's exit.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    if sys.stdout is not None:  # as it is if the process was started without one
        sys.stdout.flush()


def reader_is_gone(error: Exception) -> bool:
    """Whether a pipe was closed at its other end, as ``head`` does after ten lines.

    Windows has no error of its own for this: it calls the argument invalid.
    """
    if sys.platform == "win32" and isinstance(error, OSError) and error.filename is None:
        return error.errno in (errno.EPIPE, errno.EINVAL)
    return isinstance(error, BrokenPipeError)


def discard_unwritten() -> None:
    """Point each stream that cannot be written at nothing; Python writes them once more at exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
