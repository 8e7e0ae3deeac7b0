"""Conjugate gradients whose tiles the workers of a Dask cluster multiply."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import cases
from ckn_rs import ridge

pytest.importorskip("zarr", reason="stores need zarr 3, on Python 3.11 or later")
pytest.importorskip("distributed", reason="clusters need dask.distributed")
import distributed

from ckn_rs import store
from ckn_rs.cli import main
from ckn_rs.store._cluster import OnCluster

X = cases.images(70, (8, 8, 1)).astype(np.float32)
Y = np.arange(70) % 3
OPTIONS: dict[str, Any] = {"solver": "cg", "rank": 20}

pytestmark = pytest.mark.filterwarnings("ignore")  # warnings about Dask's own sockets and loops


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    make: Any = distributed.LocalCluster
    connect: Any = distributed.Client
    with (
        make(n_workers=2, threads_per_worker=2, dashboard_address=None) as cluster,
        connect(cluster) as client,
    ):
        yield client


@pytest.fixture
def kernel(tmp_path: Path) -> store.Gram:
    return store.compute_gram(tmp_path / "K.zarr", X, model=cases.EXP, tile=15)


@pytest.mark.parametrize("holdout", [0.0, 0.2])
def test_workers_multiply(
    kernel: store.Gram, client: Any, holdout: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = ridge.fit(kernel, Y, [1e-2], holdout=holdout, tolerance=1e-9, **OPTIONS)

    def here(_: object, __: object) -> None:
        raise AssertionError("a tile is read in this process")

    monkeypatch.setattr(store.Gram, "_tile", here)
    found = ridge.fit(kernel, Y, [1e-2], holdout=holdout, tolerance=1e-9, client=client, **OPTIONS)
    np.testing.assert_allclose(found.coefficients, wanted.coefficients, rtol=1e-5, atol=1e-8)
    np.testing.assert_array_equal(found.fitted, wanted.fitted)
    assert found.passes == wanted.passes


def test_a_damaged_tile_is_named(kernel: store.Gram, client: Any, tmp_path: Path) -> None:
    (tmp_path / "K.zarr/kernel/c/1/3").write_bytes(b"short")
    with pytest.raises(store.IncompleteError, match=r"tile \(1, 3\) missing or damaged"):
        ridge.fit(kernel, Y, [1e-2], client=client, **OPTIONS)


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal there")
@pytest.mark.parametrize("moment", [0.05, 0.3])
def test_a_worker_that_dies(kernel: store.Gram, client: Any, moment: float) -> None:
    """Its share is given to another one, and the residual is the one that was asked for."""
    (victim, *_) = client.run(os.getpid).values()
    client.cluster.scale(len(client.cluster.workers) + 1)  # Dask may not start the victim again

    def kill() -> None:
        time.sleep(moment)
        os.kill(victim, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    fitted = ridge.fit(kernel, Y, [1e-2], client=client, tolerance=1e-9, **OPTIONS)
    killer.join()
    assert fitted.residuals.max() < 1e-9


@pytest.mark.parametrize("deaths", [1, 2])
def test_a_sum_that_is_given_up(
    kernel: store.Gram, client: Any, deaths: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once it is begun anew; when Dask gives it up again, the error says what to do."""
    K, done = OnCluster(kernel, client), []
    whole, worker = OnCluster._sum, SimpleNamespace(address="tcp://one")
    killed: Any = distributed.KilledWorker

    def dies(self: OnCluster, *arguments: Any) -> Any:
        done.append(arguments)
        if len(done) <= deaths:
            raise killed("share", worker, deaths)
        return whole(self, *arguments)

    monkeypatch.setattr(OnCluster, "_sum", dies)
    if deaths == 1:
        np.testing.assert_allclose(K.multiply(np.eye(70)), np.asarray(kernel), rtol=1e-12)
    else:
        with pytest.raises(store.StoreError, match="take fewer threads a worker"):
            K.multiply(np.eye(70))
    assert len(done) == 2


def test_a_scheduler_that_does_not_answer(
    kernel: store.Gram, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent() -> None:
        raise OSError("Timed out trying to connect")

    monkeypatch.setattr(client, "nthreads", silent)
    with pytest.raises(store.StoreError, match="the scheduler is gone"):
        OnCluster(kernel, client).multiply(np.eye(70))


def test_from_the_command_line(
    kernel: store.Gram,
    client: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert not kernel.missing
    monkeypatch.chdir(tmp_path)
    np.save("y.npy", Y)
    command = ("fit", "K.zarr", "--labels", "y.npy", "--lambdas", "0.1", "--solver", "cg")
    assert main([*command, "--dask", client.scheduler.address]) == 0
    assert "solver: cg" in capsys.readouterr().out
    assert main([*command[:-1], "eigh", "--dask", client.scheduler.address]) == 1
    assert "client goes with the solver cg" in capsys.readouterr().err


def test_mistakes(kernel: store.Gram, client: Any) -> None:
    with pytest.raises(TypeError, match=r"client must be a distributed\.Client, got str"):
        ridge.fit(kernel, Y, client="tcp://here", **OPTIONS)
    with pytest.raises(TypeError, match="client goes with a matrix in a store"):
        ridge.fit(np.asarray(kernel), Y, client=client, **OPTIONS)
    with pytest.raises(ValueError, match="client goes with the solver cg, got 'eigh'"):
        ridge.fit(kernel, Y, client=client)
