"""What memory is available, and calls that an interruption does not wait for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ckn_rs._support import interruptible, memory


@pytest.mark.parametrize("value", ["", "4XB", "GB", "-1GB", 0, -5, True, None, "nan", "1e999GB"])
def test_amounts_that_are_none(value: Any) -> None:
    with pytest.raises(ValueError, match=r"memory must be a number of bytes or text such as '4GB'"):
        memory.as_bytes(value, "memory")


def test_available() -> None:
    found = memory.available()
    if sys.platform == "linux":
        assert found is not None
    assert found is None or 1e6 < found < 1e15


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with 8 GB left, and a group of two levels without limits."""
    (tmp_path / "meminfo").write_text("MemTotal: 9000000 kB\nMemAvailable: 8000000 kB\n")
    (tmp_path / "cgroup").write_text("0::/outer/inner\n")
    inner = tmp_path / "groups" / "outer" / "inner"
    inner.mkdir(parents=True)
    for folder in (inner, inner.parent):
        (folder / "memory.max").write_text("max\n")
        (folder / "memory.current").write_text("1000\n")
        (folder / "memory.stat").write_text("anon 700\ninactive_file 300\n")
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "_GROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(memory, "_CGROUP", tmp_path / "groups")
    monkeypatch.setattr(memory, "_of_limit", lambda: None)
    return tmp_path / "groups"


def test_the_least_of_all_limits(machine: Path) -> None:
    assert memory.available() == 8_000_000 * 1024
    (machine / "outer" / "memory.max").write_text("5000\n")
    assert memory.available() == 5000 - 1000 + 300
    (machine / "outer" / "inner" / "memory.max").write_text("900\n")
    assert memory.available() == 200
    (machine / "outer" / "inner" / "memory.max").write_text("100\n")
    assert memory.available() == 0


def test_systems_that_do_not_tell(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (machine.parent / "meminfo").unlink()
    (machine.parent / "cgroup").unlink()
    pages = {"SC_AVPHYS_PAGES": 7, "SC_PAGE_SIZE": 100}
    monkeypatch.setattr(os, "sysconf", pages.__getitem__, raising=False)
    assert memory.available() == 700
    monkeypatch.delattr(os, "sysconf")
    assert memory.available() is None


@pytest.mark.skipif(sys.platform != "linux", reason="the limit, and /proc, are Linux's")
def test_a_limit_of_the_shell() -> None:
    program = (
        "import resource; from ckn_rs._support import memory;"
        "resource.setrlimit(resource.RLIMIT_AS, (8 * 10**9,) * 2); print(memory.available())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert 0 < int(done.stdout) < 8 * 10**9


def test_results_and_errors() -> None:
    assert interruptible.run(lambda: 7) == 7
    with pytest.raises(np.linalg.LinAlgError):
        interruptible.run(lambda: np.linalg.cholesky(-np.eye(2)))


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal there")
def test_an_interruption_does_not_wait() -> None:
    done = threading.Event()
    timer = threading.Timer(0.2, lambda: signal.raise_signal(signal.SIGINT))
    timer.start()
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        interruptible.run(lambda: done.wait(20))
    assert time.monotonic() - begin < 5
    done.set()
    timer.join()
