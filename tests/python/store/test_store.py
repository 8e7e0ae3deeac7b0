"""Stores as arrays: they have the bits of one call in memory, however they were computed."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cases
import ckn_rs
from ckn_rs import Dense, Model

pytest.importorskip("zarr", reason="stores need zarr 3, on Python 3.11 or later")
from ckn_rs import store
from ckn_rs.store._parts import DiagonalBlock, NormsBlock, Tile
from stores import MODEL, X, Y, contents


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


def test_another_matrix_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "K.zarr"
    store.compute_gram(path, X, model=MODEL, tile=5)
    before = contents(path)
    refused: list[tuple[dict[str, Any], str]] = [
        ({"model": cases.RELU}, r"layer 0's kernel \(exp in the store, relu now\)"),
        ({"model": MODEL[:1]}, r"the model's layers \(2 in the store, 1 now\)"),
        ({"model": Model(MODEL, readout="mean")}, "readout"),
        ({"model": Model(MODEL, dense=Dense(1.4))}, r"dense \(None in the store, .*1\.4.* now\)"),
        (
            {"model": [MODEL[0], {**MODEL[1], "weight_std": 1.4}]},
            r"layer 1's weight_std \(1\.0 in the store, 1\.4 now\)",
        ),
        ({"dtype": "float64"}, "float32 in the store, float64 now"),
        ({"ntk": True}, "ntk"),
        ({"ims1": X + 1}, r"the images \(ims1\);"),
        ({"ims1": X[:5]}, "the shape"),
        ({"ims2": X}, "sets of images are one"),
    ]
    for changes, message in refused:
        arguments: dict[str, Any] = {"ims1": X, "model": MODEL, "tile": 5, **changes}
        with pytest.raises(ValueError, match=message):
            store.compute_gram(path, **arguments)
    assert contents(path) == before


def test_scales_are_part_of_a_matrix(tmp_path: Path) -> None:
    """A model without them has the manifest that it had before there were any."""
    layer = {
        "npatch": 3, "subsampling": 2, "poolfactor": 2, "kernel": "exp", "sigma": 0.5,
        "pooling": "average", "padding": "same", "stride": 1, "dilation": 1,
    }  # fmt: skip
    plain = store.compute_gram(tmp_path / "plain.zarr", X, model=[layer])
    options = {"convention": "original", "readout": "trace"}
    assert plain.manifest.model == {"layers": [layer], **options}
    scales, dense = {"weight_std": 1.4, "bias_std": 0.1}, {"weight_std": 0.5, "bias_std": 0.25}
    model = Model([layer | scales], dense=dense)
    K = store.compute_gram(tmp_path / "K.zarr", X, model=model)
    assert K.manifest.model == {"layers": [layer | scales], **options, "dense": dense}
    assert K.model == Model(**K.manifest.model)
    assert K.model.dense == model.dense
    np.testing.assert_array_equal(K, ckn_rs.compute_kernel_matrix(X, model=model))
    again = store.compute_gram(tmp_path / "K.zarr", X, model=K.model)
    np.testing.assert_array_equal(again, K)


def test_bad_arguments(tmp_path: Path) -> None:
    path = tmp_path / "K.zarr"
    refused: list[tuple[dict[str, Any], str]] = [
        ({"tile": 0}, "tile"),
        ({"tile": 2.5}, "tile"),
        ({"shard": (0, 2)}, "shard"),
        ({"shard": 3}, "shard"),
        ({"shard": (True, 2)}, "shard"),
        ({"progress": "False"}, "progress must be False or True"),
        ({"client": 3}, r"client must be a distributed\.Client, got int"),
        ({"path": ""}, "path must be a path or a URL"),
        ({"path": 3}, "path must be a path or a URL"),
        ({"ims1": np.where(np.arange(23)[:, None, None, None] == 20, np.nan, X)}, "image 20"),
        ({"ims1": X[0]}, "ims1 must have shape"),
        ({"ims2": Y[:, :4]}, "one shape"),
        ({"ntk": "both"}, "ntk"),
        ({"model": [{"npatch": 9}]}, "layer 0"),
    ]
    for changes, message in refused:
        arguments: dict[str, Any] = {"path": path, "ims1": X, "model": MODEL, **changes}
        with pytest.raises((ValueError, TypeError), match=message):
            store.compute_gram(**arguments)
    assert not path.exists()
    with pytest.raises(store.StoreError, match=r"there is no kernel matrix here|does not exist"):
        store.open_gram(path)


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
    with pytest.raises(ValueError, match="is the matrix of one set of images"):
        K.verify(X[:4], X[:4])
    with pytest.raises(ValueError, match="is the matrix of two sets of images"):
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
    # Images in memory are the images of that store, too.
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


def test_names_on_disk_are_those_of_format_1(tmp_path: Path) -> None:
    """Other versions of ckn-rs, and other programs, find the arrays by these names."""
    K = store.compute_gram(tmp_path / "K.zarr", X, model=MODEL, tile=12)
    names = {Path(name).as_posix() for name in contents(tmp_path / "K.zarr")}
    tiles = {f"kernel/c/{place}" for place in ("0/0", "0/1", "1/1")}
    blocks = {f"norms1/c/{k}/0" for k in (0, 1)} | {f"diagonal1/c/{k}" for k in (0, 1)}
    metadata = {f"{array}zarr.json" for array in ("", "kernel/", "norms1/", "diagonal1/")}
    assert names == tiles | blocks | metadata
    assert K.manifest.format == 1
    store.compute_gram(tmp_path / "two.zarr", X[:2], Y[:2], model=MODEL)
    arrays = {path.name for path in (tmp_path / "two.zarr").iterdir() if path.is_dir()}
    assert arrays == {"kernel", "norms1", "norms2", "diagonal1", "diagonal2"}


def test_parts_of_different_arrays_are_different() -> None:
    """They are keys of one dict where a job keeps the parts that are left."""
    assert len({Tile(1, 0), NormsBlock(1, 0), DiagonalBlock(1, 0)}) == 3


def test_a_set_without_images(tmp_path: Path) -> None:
    K = store.compute_gram(tmp_path / "K.zarr", X[:0], Y, model=MODEL)
    assert np.asarray(K).shape == (0, 9)
    assert K.diagonal().shape == (0,)
    assert K.norms().shape == (0, K.norms(2).shape[1])
    assert K.diagonal(2).shape == (9,)
