"""Mishaps to files: damage, full disks, places that cannot be written."""

from __future__ import annotations

import errno
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import cases
import ckn_rs

pytest.importorskip("zarr", reason="stores need zarr 3, on Python 3.11 or later")
from ckn_rs import store
from ckn_rs.cli import main
from ckn_rs.store import _files
from stores import MODEL, X, contents


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit there")
def test_exports_to_a_full_disk(tmp_path: Path) -> None:
    """A limit for the size of files has the effect of a full disk."""
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
    # Without the manifest nobody knows which matrix the tiles belong to.
    (path / "zarr.json").write_text("{")
    with pytest.raises(store.StoreError, match=r"zarr\.json is damaged"):
        store.compute_gram(path, X, model=cases.RELU)
    (path / "zarr.json").unlink()
    with pytest.raises(store.StoreError, match="something else here"):
        store.compute_gram(path, X, model=cases.RELU)


def test_a_model_that_is_not_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A later version may have other kernels. All that needs no model can be read."""
    path = tmp_path / "K.zarr"
    whole = store.compute_gram(path, X, model=MODEL, tile=5)
    diagonal, norms = whole.diagonal(), whole.norms()
    manifest = path / "zarr.json"
    manifest.write_text(manifest.read_text().replace('"exp"', '"airy"'))
    before = contents(path)
    K = store.open_gram(path)
    np.testing.assert_array_equal(K, ckn_rs.compute_kernel_matrix(X, model=MODEL))
    np.testing.assert_array_equal(K.diagonal(), diagonal)
    np.testing.assert_array_equal(K.norms(), norms)
    assert not K.missing
    assert K.verify().ok
    for call in (lambda: K.model, lambda: K.verify(X)):
        with pytest.raises(store.StoreError, match=r"K\.zarr: ckn-rs .* its model.*layer 0.*airy"):
            call()
    assert main(["status", str(path)]) == 1
    assert re.search(r"K\.zarr: .*layer 0.*airy", capsys.readouterr().err)
    with pytest.raises(ValueError, match=r"layer 0's kernel \(airy in the store, exp now\)"):
        store.compute_gram(path, X, model=MODEL)
    assert contents(path) == before


@pytest.mark.parametrize("change", [('"tile": 5', '"tile": 0'), ('"layers"', '"layer"')])
def test_a_damaged_manifest(tmp_path: Path, change: tuple[str, str]) -> None:
    path = tmp_path / "K.zarr"
    store.compute_gram(path, X, model=MODEL, tile=5)
    manifest = path / "zarr.json"
    manifest.write_text(manifest.read_text().replace(*change))
    with pytest.raises(store.StoreError, match=r"K\.zarr: "):
        store.open_gram(path)


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


@pytest.mark.parametrize(
    ("code", "message"), [(errno.ENOSPC, "disk is full"), (errno.EDQUOT, "quota")]
)
def test_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, message: str
) -> None:
    path = tmp_path / "K.zarr"
    sync = os.fsync

    def fill(descriptor: int) -> None:
        if len(list(path.glob("kernel/c/*/[0-9]"))) == 3:
            raise OSError(code, "no room")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fill)
    with pytest.raises(store.StoreError, match=f"{message}.*every tile that was finished is kept"):
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
    for code, message in [(errno.EROFS, "read-only"), (errno.EACCES, "permission")]:

        def refuse(*_: object, code: int = code, **__: object) -> None:
            raise OSError(code, "no")

        with monkeypatch.context() as patch:
            patch.setattr("tempfile.mkstemp", refuse)
            with pytest.raises(store.StoreError, match=message):
                store.compute_gram(tmp_path / "K.zarr", X, model=MODEL)
