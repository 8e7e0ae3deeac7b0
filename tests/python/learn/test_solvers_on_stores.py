"""Conjugate gradients on a store: kills, interruptions, full disks, damage."""

from __future__ import annotations

import signal
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cases
from ckn_rs import ridge
from ckn_rs.learn import checkpoint
from ckn_rs.learn.ridge import one_hot

pytest.importorskip("zarr", reason="stores need zarr 3, on Python 3.11 or later")
from ckn_rs import store

X = cases.images(130, (8, 8, 1)).astype(np.float32)
Y = np.arange(130) % 3
LAMBDAS = [1e-3, 1e-2]
RANK = 20
TILES = 6
"""Tiles of a pass."""

#: A process that is killed when it has read so many tiles, if that is not 0.
PROGRAM = """
import os, signal, sys
import numpy as np
from ckn_rs import ridge, store
from ckn_rs.learn import checkpoint
path, tiles = sys.argv[1], int(sys.argv[2])
checkpoint.SECONDS = 0
read, count = store.Gram._tile, 0
def counted(self, tile):
    global count
    count += 1
    if count == tiles:
        os.kill(os.getpid(), signal.SIGKILL)
    return read(self, tile)
store.Gram._tile = counted
fitted = ridge.fit(
    store.open_gram(path + "/K.zarr"), np.arange(130) % 3, [1e-3, 1e-2],
    solver="cg", rank=20, checkpoint=path + "/K.fit",
)
np.save(path + "/a.npy", fitted.coefficients)
print(count)
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> store.Gram:
    path = tmp_path_factory.mktemp("store") / "K.zarr"
    return store.compute_gram(path, X, model=cases.EXP, tile=45)


def fit(K: Any, **options: Any) -> ridge.Ridge:
    return ridge.fit(K, Y, LAMBDAS, **{"solver": "cg", "rank": RANK, **options})


def error(K: store.Gram, coefficients: Any) -> float:
    """The largest relative residual."""
    whole, targets = np.asarray(K, np.float64), one_hot(Y, np.unique(Y))
    added = np.array(LAMBDAS) * np.trace(whole) / len(whole)
    lefts = [
        np.linalg.norm(targets - whole @ each - r * each, axis=0)
        for r, each in zip(added, coefficients, strict=True)
    ]
    return float((np.array(lefts) / np.linalg.norm(targets, axis=0)).max())


@pytest.mark.parametrize("solver", ["eigh", "cholesky", "cg"])
def test_stores_are_solved(kernel: store.Gram, solver: str) -> None:
    if solver == "cholesky":
        pytest.importorskip("scipy")
    found = fit(kernel, solver=solver, rank=None, holdout=0.1)
    wanted = ridge.fit(np.asarray(kernel), Y, LAMBDAS, holdout=0.1)
    np.testing.assert_allclose(found.coefficients, wanted.coefficients, rtol=1e-3, atol=1e-6)
    np.testing.assert_array_equal(found.held_out, wanted.held_out)


def run(folder: Path, tiles: int) -> int:
    arguments = [sys.executable, "-c", PROGRAM, str(folder), str(tiles)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if not tiles:
        assert done.returncode == 0, done.stderr
        return int(done.stdout)
    assert done.returncode == -signal.SIGKILL, done.stderr
    return tiles


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal there")
def test_kills(kernel: store.Gram, tmp_path: Path) -> None:
    """A kill costs the pass that it interrupts, and one that makes the preconditioner again."""
    (tmp_path / "K.zarr").symlink_to(kernel._layout.address)
    alone = run(tmp_path, 0)
    wanted = np.load(tmp_path / "a.npy")
    assert error(kernel, wanted) < 1e-6
    assert alone > 20 * TILES
    (tmp_path / "a.npy").unlink()
    rng = np.random.default_rng()  # a failure shows the numbers below
    kills = [int(each) for each in rng.integers(2 * TILES, alone // 4, 5)]
    read = sum(run(tmp_path, each) for each in kills) + run(tmp_path, 0)
    assert read <= alone + 2 * TILES * len(kills), kills
    found = np.load(tmp_path / "a.npy")
    assert error(kernel, found) < 1e-6
    np.testing.assert_allclose(found, wanted, rtol=1e-2, atol=1e-4 * np.abs(wanted).max())
    assert not list(tmp_path.glob("*.fit*"))
    assert not list(tmp_path.glob(".*"))


class Stop(KeyboardInterrupt):
    """An interruption that the tests make."""


def stopping(K: store.Gram, tiles: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupt the reading of so many tiles from now on."""
    read, left = type(K)._tile, [tiles]

    def counted(self: store.Gram, tile: Any) -> Any:
        left[0] -= 1
        if not left[0]:
            raise Stop
        return read(self, tile)

    monkeypatch.setattr(store.Gram, "_tile", counted)


@pytest.fixture
def begun(kernel: store.Gram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The checkpoint of a fit that was interrupted."""
    monkeypatch.setattr(checkpoint, "SECONDS", 0)
    with monkeypatch.context() as patch:
        stopping(kernel, 16 * TILES, patch)
        with pytest.raises(Stop):
            fit(kernel, checkpoint=tmp_path / "fit")
    (file,) = tmp_path.iterdir()
    assert file.name.startswith("fit.")
    return file


def test_going_on(kernel: store.Gram, begun: Path) -> None:
    alone = fit(kernel)
    with np.load(begun) as file:
        assert 0 < file["passes"] < alone.passes
    (begun.parent / f".{begun.name}.partial").write_bytes(b"what a kill has left")
    found = fit(kernel, checkpoint=begun.parent / "fit")
    assert found.passes == alone.passes  # as if there had been no interruption
    assert found.converged.all()
    assert error(kernel, found.coefficients) < 1e-6
    assert not list(begun.parent.iterdir())


def test_interruptions_of_the_preconditioner(
    kernel: store.Gram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        stopping(kernel, TILES + 3, patch)
        with pytest.raises(Stop):
            fit(kernel, checkpoint=tmp_path / "fit")
    (file,) = tmp_path.iterdir()
    with np.load(file) as kept:
        assert 0 < len(kept["pivots"]) < RANK
        assert "passes" not in kept
    assert error(kernel, fit(kernel, checkpoint=tmp_path / "fit").coefficients) < 1e-6
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "change",
    [{"holdout": 0.1}, {"seed": 1}, {"rank": 21}, {"lambdas": [1e-3]}, {"y": (Y + 1) % 3}],
)
def test_a_checkpoint_is_of_one_problem(
    kernel: store.Gram, begun: Path, change: dict[str, Any]
) -> None:
    before = begun.read_bytes()
    options: dict[str, Any] = {"y": Y, "lambdas": LAMBDAS, "rank": RANK, "solver": "cg", **change}
    ridge.fit(kernel, checkpoint=begun.parent / "fit", **options)
    assert begun.read_bytes() == before
    assert [begun] == list(begun.parent.iterdir())


def test_a_damaged_checkpoint(kernel: store.Gram, begun: Path) -> None:
    whole = begun.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    for data in (whole[:middle], b"", flipped):
        begun.write_bytes(data)
        with pytest.warns(UserWarning, match="is damaged .*; the fit begins anew"):
            found = fit(kernel, checkpoint=begun.parent / "fit")
        assert error(kernel, found.coefficients) < 1e-6
        assert not begun.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit there")
def test_a_full_disk(kernel: store.Gram, begun: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fit goes on, and the checkpoint that was there before is kept.

    A limit for the size of files has the effect of a full disk.
    """
    import resource

    before = begun.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1500, limits[1]))
    try:
        with monkeypatch.context() as patch, warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            stopping(kernel, 4 * TILES, patch)
            with pytest.raises(Stop):
                fit(kernel, checkpoint=begun.parent / "fit")
        (text,) = (str(each.message) for each in said)
        assert text.startswith("no checkpoint: cannot write")
        assert "ulimit -f" in text
        assert begun.read_bytes() == before
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = fit(kernel, checkpoint=begun.parent / "fit")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert error(kernel, found.coefficients) < 1e-6
    assert not list(begun.parent.iterdir())


def test_places_that_do_not_exist(kernel: store.Gram, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        fit(kernel, checkpoint=tmp_path / "no" / "fit")


@pytest.mark.parametrize("solver", ["eigh", "cholesky", "cg"])
def test_a_damaged_tile_is_named(solver: str, tmp_path: Path) -> None:
    if solver == "cholesky":
        pytest.importorskip("scipy")
    K = store.compute_gram(tmp_path / "K.zarr", X, model=cases.EXP, tile=45)
    file = tmp_path / "K.zarr" / "kernel" / "c" / "1" / "2"
    data = bytearray(file.read_bytes())
    data[100] ^= 1
    file.write_bytes(bytes(data))
    with pytest.raises(store.IncompleteError, match=r"tile \(1, 2\) missing or damaged; run comp"):
        fit(K, solver=solver)


def test_two_sets(tmp_path: Path) -> None:
    K = store.compute_gram(tmp_path / "K.zarr", X[:9], X[9:18], model=cases.EXP)
    with pytest.raises(ValueError, match="is the matrix of two sets of images"):
        ridge.fit(K, Y[:9], solver="cg")
