"""Checks of error messages, for all tests."""

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

ANY = (TypeError, ValueError)

LITTLE = 20_000_000
"""Bytes that a refusal may take."""


def check_message(message: str, fragments: list[str]) -> None:
    for fragment in fragments:
        assert fragment in message
    assert "\n" not in message
    assert len(message) < 400


@contextmanager
def refused(message: str) -> Iterator[None]:
    """A context that ends in a ValueError with this message, and takes little memory."""
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=message):
            yield
        assert tracemalloc.get_traced_memory()[1] < LITTLE
    finally:
        tracemalloc.stop()
