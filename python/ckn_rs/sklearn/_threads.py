"""How many threads a kernel takes that an estimator calls, maybe several times at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_one_at_a_time = threading.Lock()
"""Held by a call that takes all processors."""


def _renew() -> None:
    """Give a forked process a lock of its own: the thread that held the other is not in it."""
    global _one_at_a_time
    _one_at_a_time = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)


@contextmanager
def threads_for(n_threads: int | None) -> Iterator[int | None]:
    """A context in which a kernel may be computed, with the number of threads for the core.

    A number that somebody gave holds for each call: ``n_threads``, or the environment variable
    ``CKN_NUM_THREADS``, or else ``OMP_NUM_THREADS``, which joblib sets in its worker processes so
    that all workers together have one thread a processor. Without a number a call takes all
    processors, and other threads that come meanwhile wait for their turn.

    Examples
    --------
    >>> with threads_for(2) as n_threads:
    ...     print(n_threads)
    2
    """
    if n_threads is None and "CKN_NUM_THREADS" not in os.environ:
        n_threads = _omp_num_threads()
        if n_threads is None:
            with _one_at_a_time:
                yield None
            return
    # Without a number the core reads CKN_NUM_THREADS, and says what is wrong with it.
    yield n_threads


def _omp_num_threads() -> int | None:
    """The number in ``OMP_NUM_THREADS``, of a list for nested loops the first one.

    None stands for no number. OpenMP takes no notice of a value that it does not understand.
    """
    first = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return int(first) if first.isdecimal() and int(first) > 0 else None
