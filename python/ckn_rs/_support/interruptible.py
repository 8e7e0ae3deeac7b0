"""Long calls of compiled code that Ctrl-C does not wait for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

POLL = 0.1
"""Seconds between two looks for a signal."""


def run(function: Callable[[], T]) -> T:
    """Call a function in a thread of its own, so that signals are handled while it runs.

    Python handles a signal when a call returns, and a decomposition may take minutes. The function
    must release the lock of the interpreter, as those of :mod:`numpy.linalg` do. After an
    interruption its result is dropped when it comes.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(function())
        except BaseException as error:  # raised again below, whatever it is
            errors.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(POLL)
    if errors:
        raise errors[0]
    return results[0]
