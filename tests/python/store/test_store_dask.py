"""Stores that the processes of a Dask cluster write."""

from __future__ import annotations

import os
import signal
import sys
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
from ckn_rs.store import _dask
from ckn_rs.store._parts import Tile

X = cases.images(120, (8, 8, 1)).astype(np.float32)

pytestmark = pytest.mark.filterwarnings("ignore")  # warnings about Dask's own sockets and loops


@pytest.fixture
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A client of a cluster with as many workers as a test asks for, by default 2."""
    workers = getattr(request, "param", 2)
    make: Any = distributed.LocalCluster
    connect: Any = distributed.Client
    with (
        make(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster,
        connect(cluster) as client,
    ):
        yield client


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal there")
@pytest.mark.parametrize("client", [1, 2], indirect=True)
def test_a_worker_that_dies_costs_its_tiles(tmp_path: Path, client: Any) -> None:
    """If it was the last one, the images are sent to the next one that comes."""
    path = tmp_path / "K.zarr"
    (victim, *_) = client.run(os.getpid).values()
    deaths = []

    def kill() -> None:
        while len(list(path.glob("kernel/c/*/*"))) < 20:
            time.sleep(0.002)
        os.kill(victim, signal.SIGKILL)
        deaths.append(victim)
        client.cluster.scale(len(client.cluster.workers) + 1)  # Dask may not start it again

    killer = threading.Thread(target=kill)
    killer.start()
    K = store.compute_gram(path, X, model=cases.EXP, tile=6, n_threads=1, client=client)
    killer.join()
    assert deaths
    assert not K.missing
    np.testing.assert_array_equal(K, ckn_rs.compute_kernel_matrix(X, model=cases.EXP))
    # Once more with nothing left to do, and then with two sets.
    store.compute_gram(path, X, model=cases.EXP, client=client)
    K = store.compute_gram(tmp_path / "two", X[:9], X[:4], model=cases.EXP, tile=3, client=client)
    np.testing.assert_array_equal(K, ckn_rs.compute_kernel_matrix(X[:9], X[:4], model=cases.EXP))


@pytest.mark.parametrize("client", [1], indirect=True)
def test_workers_that_always_die(
    tmp_path: Path, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_dask, "work", lambda *_: os._exit(1))
    client.cluster.scheduler.allowed_failures = 0
    with pytest.raises(store.StoreError, match=r"finished is kept\. Their logs say why"):
        store.compute_gram(tmp_path / "K.zarr", X[:9], model=cases.EXP, client=client)


def test_tasks_that_are_given_up(
    tmp_path: Path, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dask gives a task up that waited on workers that died; it is submitted anew."""
    attempt, attempts = _dask._attempt, []
    last_worker: Any = None

    def given_up(client: Any, job: Any, parts: list[Any]) -> Iterator[Any]:
        attempts.append(len(parts))
        yield next(attempt(client, job, parts))
        if len(parts) > 1:
            raise distributed.KilledWorker("a task", last_worker, 3)

    monkeypatch.setattr(_dask, "_attempt", given_up)
    K = store.compute_gram(tmp_path / "K.zarr", X[:9], model=cases.EXP, tile=3, client=client)
    assert attempts == list(range(attempts[0], 0, -1))
    np.testing.assert_array_equal(K, ckn_rs.compute_kernel_matrix(X[:9], model=cases.EXP))


def test_work_that_is_cancelled(
    tmp_path: Path, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody cancels it, or Dask does, because the scheduler is gone."""
    submit = client.submit

    def cancelled(*args: Any, **kwargs: Any) -> Any:
        future = submit(*args, **kwargs)
        future.cancel()
        return future

    monkeypatch.setattr(client, "submit", cancelled)
    with pytest.raises(store.StoreError, match=r"scheduler is gone.*what was finished is kept"):
        store.compute_gram(tmp_path / "K.zarr", X[:9], model=cases.EXP, client=client)


@pytest.mark.parametrize("client", [0], indirect=True)
def test_workers_that_come_later(
    tmp_path: Path, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers come later from a scheduler's queue, or on a cluster that adapts to its load."""
    client.cluster.adapt(minimum=0, maximum=1)
    monkeypatch.setattr(_dask, "PATIENCE", 0.001)
    with pytest.warns(UserWarning, match="waiting for one"):
        K = store.compute_gram(tmp_path / "K.zarr", X[:9], model=cases.EXP, client=client)
    assert not K.missing


def test_workers_that_do_not_see_the_store(tmp_path: Path) -> None:
    with pytest.raises(store.StoreError, match="all workers must see the store"):
        _dask.work(str(tmp_path / "K.zarr"), [X], Tile(0, 0), 1)


def test_from_the_command_line(
    tmp_path: Path,
    client: Any,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The command runs in another folder than the workers."""
    monkeypatch.chdir(tmp_path)
    np.save("X.npy", X)
    ckn_rs.Model.from_dicts(cases.EXP).save("m.toml")
    arguments = ("gram", "X.npy", "--model", "m.toml", "--tile", "50", "--out", "K.zarr")
    assert main([*arguments, "--dask", client.scheduler.address]) == 0
    assert "120 x 120 float32, complete" in capsys.readouterr().out


def test_a_failure_is_raised(tmp_path: Path, client: Any) -> None:
    bad = X[:9].copy()
    bad[4] = 1e30
    with pytest.raises(ValueError, match="overflow"):
        store.compute_gram(tmp_path / "K.zarr", bad, model=cases.EXP, tile=3, client=client)
