"""The threads of the linear algebra that NumPy calls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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


@contextmanager
def scipy_in_one_thread() -> Iterator[None]:
    """A context in which SciPy's linear algebra stays in its thread, and NumPy's keeps all of its.

    Wheels of the two bring a library each. Threads of one wait for its next call by turning in a
    loop, on the processors that the other one wants: products by NumPy with triangular solves by
    SciPy between them took twice as long as with one thread of SciPy. Where the two share a
    library, and without threadpoolctl, nothing is changed.
    """
    try:
        from threadpoolctl import ThreadpoolController
    except ModuleNotFoundError:
        yield
        return
    libraries = ThreadpoolController()
    own = [
        library.filepath
        for library in libraries.lib_controllers
        if {"scipy.libs", ".dylibs"} & {*Path(library.filepath).parts}
        and "numpy" not in Path(library.filepath).parts
    ]
    with libraries.select(filepath=own).limit(limits=1):
        yield
