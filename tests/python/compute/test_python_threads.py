"""Python threads that compute at the same time, also without the lock of the interpreter."""

from __future__ import annotations

import importlib
import subprocess
import sys
import sysconfig
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import cases
import ckn_rs
from ckn_rs import Layer, Model

X = cases.images(9, (8, 7, 2))
MODEL = Model([Layer(3, 2, kernel="exp", sigma=0.7), Layer(2, 1, kernel="relu")])
FREE = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


def test_threads_share_plans_and_arrays() -> None:
    """One kernel object, one array of images, and one matrix for each thread to write a part of."""
    wanted = ckn_rs.compute_kernel_matrix(X, X, model=MODEL, n_threads=1)
    kernel = ckn_rs.CKNKernel(X.shape[1:], MODEL)
    out = [np.empty_like(wanted) for _ in range(8)]
    begin = threading.Barrier(8)

    def work(index: int) -> None:
        begin.wait()
        for _ in range(20):
            ckn_rs.compute_kernel_matrix(X, X, model=MODEL, out=out[index], n_threads=1 + index % 2)
            np.testing.assert_array_equal(out[index], wanted)
            row = kernel.compute_kernel_matrix(X[:1], X, None, None, None, None)
            np.testing.assert_allclose(np.asarray(row), wanted[:1], rtol=1e-13)

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(work, index) for index in range(8)]:
            done.result()


def test_an_array_that_is_written_is_not_read_by_another_thread() -> None:
    """The two calls that share it are one after the other, or one of them is refused."""
    shared = np.zeros((40, 40))
    images = cases.images(40, (12, 12, 1))
    begin = threading.Barrier(2)

    def write() -> str:
        begin.wait()
        try:
            ckn_rs.compute_kernel_matrix(images, model=MODEL, out=shared, n_threads=1)
        except (TypeError, ValueError) as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(2) as pool:
        messages = [done.result() for done in [pool.submit(write), pool.submit(write)]]
    assert "" in messages
    assert all("borrow" in message for message in messages if message)
    np.testing.assert_array_equal(shared, ckn_rs.compute_kernel_matrix(images, model=MODEL))


@pytest.mark.skipif(not FREE, reason="a Python with the lock")
def test_the_lock_stays_off() -> None:
    """A module that needs the lock would switch it on when it is imported, with a warning."""
    program = "import sys, ckn_rs; print(sys._is_gil_enabled())"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


def test_the_wheel_is_for_this_python() -> None:
    """The stable interface is for Pythons with the lock."""
    suffix = importlib.import_module("ckn_rs._core").__file__ or ""
    assert ("abi3" in suffix) == (not FREE and sys.platform != "win32")
