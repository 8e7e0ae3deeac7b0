"""Stores that the processes of a Dask cluster write."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cases
import ckn_rs

pytest.importorskip("zarr", reason="stores need zarr 3, on Python 3.11 or later")
pytest.importorskip("distributed", reason="clusters need dask.distributed")
import distributed

from ckn_rs import store
from ckn_rs.cli import main

X = cases.images(120, (8, 8, 1)).astype(np.float32)

pytestmark = pytest.mark.filterwarnings("ignore")  # of Dask's own sockets and loops


@pytest.fixture
def client() -> Iterator[Any]:
    make: Any = distributed.LocalCluster
    connect: Any = distributed.Client
    with (
        make(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        connect(cluster) as client,
    ):
        yield client


def test_a_worker_that_dies_costs_its_tiles(tmp_path: Path, client: Any) -> None:
    path = tmp_path / "K.zarr"
    (victim, *_) = client.run(os.getpid).values()
    deaths = []

    def kill() -> None:
        while not (path / "kernel" / "c" / "2").exists():
            time.sleep(0.002)
        os.kill(victim, signal.SIGKILL)
        deaths.append(victim)

    killer = threading.Thread(target=kill)
    killer.start()
    K = store.compute_gram(path, X, model=cases.EXP, tile=6, n_threads=1, client=client)
    killer.join()
    assert deaths
    assert not K.missing
    np.testing.assert_array_equal(K, ckn_rs.compute_kernel_matrix(X, model=cases.EXP))
    # Nothing is left to do, and other images are two sets.
    store.compute_gram(path, X, model=cases.EXP, client=client)
    K = store.compute_gram(tmp_path / "two", X[:9], X[:4], model=cases.EXP, tile=3, client=client)
    np.testing.assert_array_equal(K, ckn_rs.compute_kernel_matrix(X[:9], X[:4], model=cases.EXP))


def test_from_the_command_line(
    tmp_path: Path,
    client: Any,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In another folder than the workers."""
    monkeypatch.chdir(tmp_path)
    np.save("X.npy", X)
    ckn_rs.Model.from_dicts(cases.EXP).save("m.toml")
    words = ("gram", "X.npy", "--model", "m.toml", "--tile", "50", "--out", "K.zarr")
    assert main([*words, "--dask", client.scheduler.address]) == 0
    assert "120 x 120 float32, complete" in capsys.readouterr().out


def test_a_failure_is_raised(tmp_path: Path, client: Any) -> None:
    bad = X[:9].copy()
    bad[4] = 1e30
    with pytest.raises(ValueError, match="overflow"):
        store.compute_gram(tmp_path / "K.zarr", bad, model=cases.EXP, tile=3, client=client)
