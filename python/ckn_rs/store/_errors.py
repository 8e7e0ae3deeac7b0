"""The errors of stores."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from ckn_rs._support.disk import advice


class StoreError(OSError):
    """The store cannot be read, written or completed; what is in it stays as it is."""

    def __str__(self) -> str:
        # Without the number in ``errno``: the message explains it.
        return str(self.args[-1])


class IncompleteError(ValueError):
    """Entries were read that have not been computed yet."""


@contextmanager
def explained(location: str | os.PathLike[str], verb: str) -> Iterator[None]:
    """Turn an error of the file system into a StoreError that says what to do.

    ``verb`` says what was tried: ``read`` or ``write``.
    """
    try:
        yield
    except StoreError:
        raise
    except OSError as error:
        kept = "" if verb == "read" else "; every tile that was finished is kept"
        message = f"{os.fspath(location)}: cannot {verb} the store: {advice(error)}{kept}"
        raise StoreError(error.errno, message) from error
