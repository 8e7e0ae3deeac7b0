"""Stores of kernels averaged over flips: bits, resumption, and what the manifest keeps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cases
import ckn_rs

pytest.importorskip("zarr", reason="stores need zarr 3, on Python 3.11 or later")
from ckn_rs import store
from ckn_rs.store._layout import Layout
from ckn_rs.store._manifest import Manifest
from ckn_rs.store._parts import DiagonalBlock, NormsBlock, Tile
from stores import MODEL, X, Y, contents

AVERAGE: cases.Layers = [{**MODEL[0], "pooling": "average"}]
MODELS = [pytest.param(AVERAGE, id="symmetric"), pytest.param(MODEL, id="gaussian")]


def manifest_of(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((path / "zarr.json").read_bytes())["attributes"]["ckn_rs"]
    return found


@pytest.mark.parametrize("layers", MODELS)
def test_bits_are_those_of_one_call(tmp_path: Path, layers: cases.Layers) -> None:
    options: dict[str, Any] = {"model": layers, "augment": "flip"}
    K = store.compute_gram(tmp_path / "K.zarr", X, tile=5, **options)
    whole = ckn_rs.compute_kernel_matrix(X, **options)
    np.testing.assert_array_equal(np.asarray(K), whole)
    np.testing.assert_array_equal(K.diagonal(), whole.diagonal())
    np.testing.assert_array_equal(K.norms(), ckn_rs.compute_norms(X, layers)[0])
    assert K.verify(X, entries=20).ok
    K = store.compute_gram(tmp_path / "T.zarr", X, Y, tile=5, **options)
    np.testing.assert_array_equal(np.asarray(K), ckn_rs.compute_kernel_matrix(X, Y, **options))
    np.testing.assert_array_equal(K.diagonal(2), ckn_rs.compute_diagonal(Y, **options))
    assert K.verify(X, Y, entries=20).ok
    plain = store.compute_gram(tmp_path / "plain.zarr", X, model=layers, tile=5)
    assert len(plain.verify(X, entries=5).wrong) == 0
    assert plain.digest() != store.open_gram(tmp_path / "K.zarr").digest()


def test_missing_parts_are_computed_again(tmp_path: Path) -> None:
    options: dict[str, Any] = {"model": MODEL, "augment": "flip", "tile": 5}
    path = tmp_path / "K.zarr"
    store.compute_gram(path, X, **options)
    before = contents(path)
    layout = Layout.open(path)
    for part in (Tile(0, 0), Tile(1, 3), DiagonalBlock(1, 2), NormsBlock(1, 1)):
        (path / layout._key(part)).unlink()
    with pytest.raises(store.IncompleteError, match=r"--augment flip --dtype float32 --out"):
        store.open_gram(path).check_complete()
    store.compute_gram(path, X, n_threads=2, **options)
    assert contents(path) == before


def test_shares_make_the_same_store(tmp_path: Path) -> None:
    options: dict[str, Any] = {"model": AVERAGE, "augment": "flip", "tile": 5}
    for k in (2, 1):
        K = store.compute_gram(tmp_path / "K.zarr", X, shard=(k, 2), **options)
    assert not K.missing
    np.testing.assert_array_equal(
        np.asarray(K), ckn_rs.compute_kernel_matrix(X, model=AVERAGE, augment="flip")
    )


@pytest.mark.parametrize("pair", [(None, "flip"), ("flip", None)])
def test_another_augment_is_refused(tmp_path: Path, pair: tuple[str | None, str | None]) -> None:
    ours, theirs = pair
    store.compute_gram(tmp_path / "K.zarr", X, model=MODEL, augment=ours)
    with pytest.raises(ValueError, match=rf"augment \({ours} in the store, {theirs} now\)"):
        store.compute_gram(tmp_path / "K.zarr", X, model=MODEL, augment=theirs)
    with pytest.raises(ValueError, match="augment must be None or 'flip'"):
        store.compute_gram(tmp_path / "new.zarr", X, model=MODEL, augment="flop")
    assert not (tmp_path / "new.zarr").exists()


def test_manifest(tmp_path: Path) -> None:
    """Without ``augment`` it is as it was; with it, versions that do not know it refuse it."""
    store.compute_gram(tmp_path / "plain.zarr", X, model=MODEL)
    plain = manifest_of(tmp_path / "plain.zarr")
    assert list(plain) == [
        *("model", "ntk", "dtype", "shape", "image_shape", "tile", "symmetric", "sha256"),
        *("version", "format"),
    ]
    assert plain["format"] == 1
    store.compute_gram(tmp_path / "K.zarr", X, model=MODEL, augment="flip")
    assert manifest_of(tmp_path / "K.zarr") == {**plain, "format": 2, "augment": "flip"}
    for damaged in ({**plain, "format": 2}, {**plain, "format": 2, "augment": "flop"}):
        with pytest.raises(ValueError, match=r"manifest is damaged|augment must be"):
            Manifest.from_dict(damaged)
    with pytest.raises(ValueError, match="a store of format 3 is for another version"):
        Manifest.from_dict({**plain, "format": 3})
    shown = store.open_gram(tmp_path / "K.zarr")._repr_html_()
    assert "CKN averaged over flips of images 8x8x1" in shown


def test_a_fit_takes_test_images_of_the_same_kernel(tmp_path: Path) -> None:
    K = store.compute_gram(tmp_path / "K.zarr", X, model=MODEL, augment="flip")
    T = store.compute_gram(tmp_path / "T.zarr", X, Y, model=MODEL)
    with pytest.raises(ValueError, match="by the same kernel: augment differ"):
        K.manifest.check_same_training(T.manifest, "--test")


def test_on_a_cluster(tmp_path: Path) -> None:
    distributed: Any = pytest.importorskip("distributed")
    options: dict[str, Any] = {"model": AVERAGE, "augment": "flip", "tile": 8}
    with distributed.Client(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
    ) as client:
        K = store.compute_gram(tmp_path / "K.zarr", X, client=client, **options)
    np.testing.assert_array_equal(
        np.asarray(K), ckn_rs.compute_kernel_matrix(X, model=AVERAGE, augment="flip")
    )
