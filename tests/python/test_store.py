"""Stores: the bits of one call in memory, however they came about; and every mishap."""

from __future__ import annotations

import errno
import os
import pickle
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cases
import ckn_rs
from ckn_rs import Model

pytest.importorskip("zarr", reason="stores need zarr 3, on Python 3.11 or later")
from ckn_rs import store
from ckn_rs.store import _files

SHAPE = (8, 8, 1)
X = cases.images(23, SHAPE).astype(np.float32)
Y = cases.images(9, SHAPE, seed=1).astype(np.float32)
MODEL = cases.EXP

#: A job that is killed now and then: the arguments are the store and how many images.
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
    here = str(Path(__file__).parent)
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


def contents(path: Path) -> dict[str, bytes]:
    files = (file for file in path.rglob("*") if file.is_file())
    return {
        str(file.relative_to(path)): file.read_bytes()
        for file in files
        if file.suffix != _files.PARTIAL
    }


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("ntk", [False, True])
@pytest.mark.parametrize("tile", [1, 4, 23, 100])
def test_bits_are_those_of_one_call(tmp_path: Path, tile: int, ntk: bool) -> None:
    images = X[: 7 * tile]
    K = store.compute_gram(tmp_path / "K.zarr", images, model=MODEL, ntk=ntk, tile=tile)
    whole = ckn_rs.compute_kernel_matrix(images, model=MODEL, ntk=ntk)
    np.testing.assert_array_equal(np.asarray(K), whole)
    np.testing.assert_array_equal(K.diagonal(), np.diag(whole))
    np.testing.assert_array_equal(K.norms(), ckn_rs.compute_norms(images, MODEL, ntk)[0])
    K = store.compute_gram(tmp_path / "two.zarr", images, Y, model=MODEL, ntk=ntk, tile=tile)
    whole = ckn_rs.compute_kernel_matrix(images, Y, model=MODEL, ntk=ntk)
    np.testing.assert_array_equal(np.asarray(K), whole)
    np.testing.assert_array_equal(K.diagonal(2), ckn_rs.compute_diagonal(Y, MODEL, ntk))


def test_reads_as_an_array(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    K = store.compute_gram(tmp_path / "K.zarr", X, model=MODEL, tile=5)
    whole = np.asarray(K)
    flags = np.arange(23) % 3 == 0
    for key in (3, -1, slice(2, 19), slice(None, None, -2), [5, 1, 22], flags, slice(4, 4), ...):
        np.testing.assert_array_equal(K[key], whole[key])
        np.testing.assert_array_equal(K[key,], whole[key])
        for other in (0, slice(7, None, 4), slice(None)):
            np.testing.assert_array_equal(K[key, other], whole[key, other])
            np.testing.assert_array_equal(K[other, key], whole[other, key])
    block = np.ix_([5, 1, 22], [3, 3, 0, 7])
    np.testing.assert_array_equal(K[block], whole[block])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(K))[3], whole[3])
    monkeypatch.chdir(tmp_path)
    K = store.open_gram("K.zarr")
    monkeypatch.chdir("..")
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(K))[3], K[3])
    assert K.shape == (23, 23)
    assert len(K) == 23
    assert np.asarray(K, np.float64).dtype == np.float64
    assert K[4, 5].dtype == np.float32
    for wrong in (23, (0, 23), "a", 1.5, (1, 2, 3), ([0, 1], [0, 1]), [[1, 2]], block[::-1]):
        with pytest.raises(IndexError):
            K[wrong]
    with pytest.raises(IndexError, match=r"K\[numpy\.ix_\(rows, columns\)\]"):
        K[[0, 1], [0, 1]]
    with pytest.raises(ValueError, match="copy"):
        np.array(K, copy=False)
    assert "23 x 23 float32, 0 missing" in repr(store.open_gram(tmp_path / "K.zarr"))


def test_exports(tmp_path: Path) -> None:
    K = store.compute_gram(tmp_path / "K.zarr", X, model=MODEL, tile=5)
    file = K.export(tmp_path / "K.npy")
    np.testing.assert_array_equal(np.load(file, mmap_mode="r"), np.asarray(K))
    with pytest.raises(OSError, match="is a folder"):
        K.export(tmp_path)
    (tmp_path / "K.zarr" / "kernel" / "c" / "1" / "2").unlink()
    with pytest.raises(store.IncompleteError, match=r"1 of 15 tiles.*compute_gram"):
        K.export(tmp_path / "other.npy")
    file.unlink()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["K.zarr"]


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit there")
def test_exports_to_a_full_disk(tmp_path: Path) -> None:
    """A limit for files stands for it: what is written beyond is refused the same way."""
    import resource

    K = store.compute_gram(tmp_path / "K.zarr", X, model=MODEL, tile=5)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1500, limits[1]))
    try:
        with pytest.raises(OSError, match=r"cannot write .*K\.npy: .*ulimit -f"):
            K.export(tmp_path / "K.npy")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["K.zarr"]


def test_another_matrix_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "K.zarr"
    store.compute_gram(path, X, model=MODEL, tile=5)
    before = contents(path)
    refused: list[tuple[dict[str, Any], str]] = [
        ({"model": cases.RELU}, r"layer 0's kernel \(exp in the store, relu now\)"),
        ({"model": MODEL[:1]}, r"the model's layers \(2 in the store, 1 now\)"),
        ({"model": Model(MODEL, readout="mean")}, "readout"),
        ({"dtype": "float64"}, "float32 in the store, float64 now"),
        ({"ntk": True}, "ntk"),
        ({"ims1": X + 1}, r"the images \(ims1\);"),
        ({"ims1": X[:5]}, "the shape"),
        ({"ims2": X}, "sets of images are one"),
    ]
    for changes, words in refused:
        arguments: dict[str, Any] = {"ims1": X, "model": MODEL, "tile": 5, **changes}
        with pytest.raises(ValueError, match=words):
            store.compute_gram(path, **arguments)
    assert contents(path) == before


def test_bad_arguments(tmp_path: Path) -> None:
    path = tmp_path / "K.zarr"
    refused: list[tuple[dict[str, Any], str]] = [
        ({"tile": 0}, "tile"),
        ({"tile": 2.5}, "tile"),
        ({"shard": (0, 2)}, "shard"),
        ({"shard": 3}, "shard"),
        ({"shard": (True, 2)}, "shard"),
        ({"client": 3}, r"client must be a distributed\.Client, got int"),
        ({"path": ""}, "path must be a path or a URL"),
        ({"path": 3}, "path must be a path or a URL"),
        ({"ims1": np.where(np.arange(23)[:, None, None, None] == 20, np.nan, X)}, "image 20"),
        ({"ims1": X[0]}, "ims1 must have shape"),
        ({"ims2": Y[:, :4]}, "one shape"),
        ({"ntk": "both"}, "ntk"),
        ({"model": [{"npatch": 9}]}, "layer 0"),
    ]
    for changes, words in refused:
        arguments: dict[str, Any] = {"path": path, "ims1": X, "model": MODEL, **changes}
        with pytest.raises((ValueError, TypeError), match=words):
            store.compute_gram(**arguments)
    assert not path.exists()
    with pytest.raises(store.StoreError, match=r"there is no kernel matrix here|does not exist"):
        store.open_gram(path)


def test_damage_is_found_and_mended(tmp_path: Path) -> None:
    path = tmp_path / "K.zarr"
    K = store.compute_gram(path, X, model=MODEL, tile=5)
    before = contents(path)
    tile = path / "kernel" / "c" / "0" / "3"
    damage(tile)
    damage(path / "norms1" / "c" / "1" / "0")
    (path / "kernel" / "c" / "2" / "2").write_bytes(b"short")
    (path / "diagonal1" / "c" / "4").unlink()
    found = K.verify(X)
    assert found.damaged == [(0, 3), (2, 2)]
    assert not found.ok
    assert not found.wrong
    with pytest.raises(store.IncompleteError, match=r"tile \(0, 3\)"):
        K[0]
    K = store.compute_gram(path, X, model=MODEL, tile=5)
    assert K.verify(X).ok
    assert contents(path) == before


def test_damaged_metadata(tmp_path: Path) -> None:
    path = tmp_path / "K.zarr"
    whole = np.asarray(store.compute_gram(path, X, model=MODEL, tile=5))
    before = contents(path)
    for damage_it in (Path.unlink, lambda file: file.write_text("{")):
        damage_it(path / "kernel" / "zarr.json")
        with pytest.raises(store.StoreError, match="metadata of kernel are missing or damaged"):
            np.asarray(store.open_gram(path))
        np.testing.assert_array_equal(store.compute_gram(path, X, model=MODEL), whole)
    assert contents(path) == before
    # Without the manifest nobody knows what the tiles are of.
    (path / "zarr.json").write_text("{")
    with pytest.raises(store.StoreError, match=r"zarr\.json is damaged"):
        store.compute_gram(path, X, model=cases.RELU)
    (path / "zarr.json").unlink()
    with pytest.raises(store.StoreError, match="something else here"):
        store.compute_gram(path, X, model=cases.RELU)


def test_leftovers_are_swept(tmp_path: Path) -> None:
    path = tmp_path / "K.zarr"
    store.compute_gram(path, X, model=MODEL)
    old, new = (path / "kernel" / f".{name}{_files.PARTIAL}" for name in ("old", "new"))
    for file in (old, new):
        file.write_bytes(b"")
    os.utime(old, (0, 0))
    store.compute_gram(path, X, model=MODEL)
    assert new.exists()
    assert not old.exists()


def test_folders_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOTSUP, "no links")

    monkeypatch.setattr(os, "link", refuse)
    K = store.compute_gram(tmp_path / "K.zarr", X, model=MODEL)
    assert not store.compute_gram(tmp_path / "K.zarr", X, model=MODEL).missing
    assert K.verify(X).ok


def test_wrong_entries_are_found(tmp_path: Path) -> None:
    K = store.compute_gram(tmp_path / "K.zarr", X[:4], model=MODEL, tile=4)
    layout = K._layout
    writable = type(layout).open(tmp_path / "K.zarr", read_only=False)
    ((part, *_),) = [list(layout.parts())]
    values = np.array(layout.read(part))
    values[2, 3] += 1
    writable.write(part, values)
    assert set(K.verify(X[:4], entries=200).wrong) == {(2, 3)}
    with pytest.raises(ValueError, match="ims1 are not the images"):
        K.verify(X[1:5])
    with pytest.raises(ValueError, match="has the kernels of ims1 alone"):
        K.verify(X[:4], X[:4])
    with pytest.raises(ValueError, match="has the kernels of ims1 and ims2"):
        store.compute_gram(tmp_path / "two.zarr", X[:4], Y, model=MODEL).verify(X[:4])


def test_shards_share_the_work(tmp_path: Path) -> None:
    path = tmp_path / "K.zarr"
    for k in (3, 1):
        K = store.compute_gram(path, X, model=MODEL, tile=4, shard=(k, 3))
    assert len(K.missing) == 7
    with pytest.raises(store.IncompleteError):
        np.asarray(K)
    K = store.compute_gram(path, X, model=MODEL, tile=4, shard=(2, 3))
    np.testing.assert_array_equal(K, ckn_rs.compute_kernel_matrix(X, model=MODEL))


def test_images_need_not_be_in_memory(tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    K = store.compute_gram(tmp_path / "K.zarr", mapped, model=MODEL, tile=4)
    # The same store, and the images as they are in memory.
    store.compute_gram(tmp_path / "K.zarr", X, model=MODEL, tile=4)
    assert K.verify(mapped).ok


def test_a_url(tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    for url in (f"file://{tmp_path}/K.zarr", "memory://K.zarr"):
        store.compute_gram(url, X, model=MODEL, tile=9, shard=(1, 2))
        K = store.compute_gram(url, X, model=MODEL, tile=9)
        np.testing.assert_array_equal(K, ckn_rs.compute_kernel_matrix(X, model=MODEL))
        with pytest.raises(ValueError, match="kernel"):
            store.compute_gram(url, X, model=cases.RELU)
    assert not store.open_gram(tmp_path / "K.zarr").missing


@pytest.mark.parametrize(
    ("code", "words"), [(errno.ENOSPC, "disk is full"), (errno.EDQUOT, "quota")]
)
def test_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, words: str
) -> None:
    path = tmp_path / "K.zarr"
    sync = os.fsync

    def fill(descriptor: int) -> None:
        if len(list(path.glob("kernel/c/*/[0-9]"))) == 3:
            raise OSError(code, "no room")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fill)
    with pytest.raises(store.StoreError, match=f"{words}.*every tile that was finished is kept"):
        store.compute_gram(path, X, model=MODEL, tile=4)
    monkeypatch.undo()
    assert not list(path.rglob(f"*{_files.PARTIAL}"))
    assert len(store.open_gram(path).missing) == 21 - 3
    K = store.compute_gram(path, X, model=MODEL, tile=4)
    np.testing.assert_array_equal(K, ckn_rs.compute_kernel_matrix(X, model=MODEL))


def test_places_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(store.StoreError, match="in the way"):
        store.compute_gram(tmp_path / "file" / "K.zarr", X, model=MODEL)
    for code, words in [(errno.EROFS, "read-only"), (errno.EACCES, "permission")]:

        def refuse(*_: object, code: int = code, **__: object) -> None:
            raise OSError(code, "no")

        with monkeypatch.context() as patch:
            patch.setattr("tempfile.mkstemp", refuse)
            with pytest.raises(store.StoreError, match=words):
                store.compute_gram(tmp_path / "K.zarr", X, model=MODEL)


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


#: The matrix is 4 times what the process may have beyond what it begins with.
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
