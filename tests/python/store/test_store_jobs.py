"""Processes on a store: killed, stopped, side by side, short of memory."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import cases
import ckn_rs

pytest.importorskip("zarr", reason="stores need zarr 3, on Python 3.11 or later")
from ckn_rs import store
from stores import MODEL, SHAPE, contents

#: A job that is killed now and then. The arguments are the store and the number of images.
JOB = """
import sys, numpy as np
sys.path.insert(0, sys.argv[3])
import cases
from ckn_rs import store
X = cases.images(int(sys.argv[2]), (8, 8, 1)).astype(np.float32)
print("begins", flush=True)
store.compute_gram(sys.argv[1], X, model=cases.EXP, tile=4, n_threads=1)
print("ends", flush=True)
"""


def job(path: Path, images: int) -> subprocess.Popen[str]:
    here = str(Path(__file__).parents[1])
    return subprocess.Popen(
        [sys.executable, "-c", JOB, str(path), str(images), here],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def begun(process: subprocess.Popen[str]) -> subprocess.Popen[str]:
    assert process.stdout is not None
    assert process.stdout.readline() == "begins\n"
    return process


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals there")
def test_killed_at_random_moments(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole.zarr", tmp_path / "killed.zarr"
    process = job(whole, 90)
    begun(process).communicate()
    assert len(store.open_gram(whole).missing) == 0
    chance = random.Random(0)
    deaths = 0
    for _ in range(20):
        process = begun(job(killed, 90))
        time.sleep(chance.uniform(0, 0.25))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        deaths += process.returncode != 0
    assert deaths >= 5
    begun(job(killed, 90)).communicate()
    assert contents(killed) == contents(whole)


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals there")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_within_a_second(tmp_path: Path, number: signal.Signals) -> None:
    process = begun(job(tmp_path / "K.zarr", 2000))
    time.sleep(0.7)
    begin = time.monotonic()
    process.send_signal(number)
    _, errors = process.communicate(timeout=20)
    assert time.monotonic() - begin < 1.5
    assert ("Terminated" if number == signal.SIGTERM else "KeyboardInterrupt") in errors


def test_two_processes_on_one_store(tmp_path: Path) -> None:
    path = tmp_path / "K.zarr"
    both = [job(path, 60), job(path, 60)]
    assert [process.communicate()[1] for process in both] == ["", ""]
    images = cases.images(60, SHAPE).astype(np.float32)
    wanted = ckn_rs.compute_kernel_matrix(images, model=MODEL)
    np.testing.assert_array_equal(store.open_gram(path), wanted)


#: The matrix is 4 times the memory that the process may take in addition to its first.
LIMITED = """
import resource, sys
import numpy as np
from ckn_rs import store
X = np.random.default_rng(0).random((6000, 1, 2, 1), dtype=np.float32)
model = [{"npatch": 1, "kernel": "linear", "pooling": "none"}]
store.compute_gram(sys.argv[1] + "/warm.zarr", X[:600], model=model, tile=300, n_threads=1)
def size(name):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(name)) << 10
limit = size("VmSize") + (36 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
before = size("VmHWM")
K = store.compute_gram(sys.argv[1] + "/K.zarr", X, model=model, tile=300, n_threads=1)
assert X.itemsize * K.shape[0] * K.shape[1] == 144_000_000
print(size("VmHWM") - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits and /proc are Linux's")
def test_larger_than_memory(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 16 << 20
    K = store.open_gram(tmp_path / "K.zarr")
    assert not K.missing
