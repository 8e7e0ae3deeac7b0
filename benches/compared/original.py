"""The original, ``ckn_kernel``, from a folder where it has been built."""

from __future__ import annotations

import ctypes
import importlib.util
import platform
from collections.abc import Callable
from importlib.machinery import PathFinder
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from compared.cases import Array, Case
from compared.ours import Timed, timed


class Original:
    """The extension module in a folder, loaded beside our own module of the same name."""

    name = "original"

    def __init__(self, folder: Path) -> None:
        spec = PathFinder.find_spec("ckn_kernel", [str(folder)])
        if spec is None or spec.loader is None:
            raise SystemExit(f"--original: no module ckn_kernel for this Python in {folder}")
        keep_memory()
        self._module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self._module)
        self.versions = {"original": self._module.dtype.__name__}

    def has(self, case: Case) -> bool:
        """Whether the model is pooled in each layer, and read as a trace."""
        pooled = all(layer.get("pooling") != "none" for layer in case.layers)
        return pooled and case.readout == "trace"

    def block(self, case: Case) -> int:
        """The rows and columns to time: few, since a pair takes tens of milliseconds."""
        return 4 if case.shape[0] > 16 else 32

    def prepare(self, case: Case, X: Array, Y: Array) -> Callable[[], Array]:
        """A function that gives the matrix on one thread, with the norms given."""
        kernel = self._module.CKNKernel(X.shape[1:], case.layers, ntk=case.ntk)
        norms = [self._module.compute_norms(Z, case.layers, case.ntk) for Z in (X, Y)]
        (nx, ix), (ny, iy) = norms

        def run() -> Array:
            with threadpool_limits(1):
                matrix: Array = kernel.compute_kernel_matrix(X, Y, nx, ny, ix, iy, ntk=case.ntk)
            return matrix

        return run

    def one_pair(self, case: Case) -> Timed:
        """One call of ``compute_kernel``, which computes in float64, norms included."""
        X, Y = case.images(1, np.float64)
        return timed(lambda: self._module.compute_kernel(X[0], Y[0], case.layers, case.ntk), 1)


def keep_memory() -> None:
    """Tell glibc to keep freed memory, in fairness to a program that allocates whole maps.

    Otherwise each pair may get its memory from the system anew. That doubles the original's time in
    some runs and not in others, as the heap happens to lie.
    """
    m_trim_threshold, m_mmap_threshold = -1, -3
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(m_trim_threshold, 1 << 30)
        libc.mallopt(m_mmap_threshold, 1 << 25)
