"""The threads of the linear algebra that NumPy calls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """A context in which each call of linear algebra stays in its thread.

    For matrices of a few dozen rows, threads of its own only wait for each other: on a busy machine
    an eigendecomposition of 27 rows took a hundred times as long. Without threadpoolctl, which
    comes with several extras, nothing is changed.
    """
    try:
        from threadpoolctl import threadpool_limits
    except ModuleNotFoundError:
        yield
        return
    with threadpool_limits(1, user_api="blas"):
        yield
