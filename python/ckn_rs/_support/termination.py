"""SIGTERM as an exception, so that a long computation ends in order."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Terminated(KeyboardInterrupt):
    """The process was asked to end by SIGTERM; all finished work is kept."""


@contextmanager
def raise_on_sigterm(message: str) -> Iterator[None]:
    """Raise :class:`Terminated` on SIGTERM, the signal by which schedulers announce the end.

    Nothing changes in another thread than the main one, or if the caller handles SIGTERM already.
    """
    ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    )
    if not ours:
        yield
        return

    def end(_signal: int, _frame: object) -> None:
        raise Terminated(message)

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
