"""Stores in notebooks."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ckn_rs.model import Model
from page import Page

pytest.importorskip("zarr", reason="stores need zarr 3, on Python 3.11 or later")
from ckn_rs import store
from stores import MODEL, X, Y


def fields(gram: store.Gram) -> dict[str, str]:
    """The names of the first table, and what is said of them."""
    return {row[0]: row[1] for row in Page(gram._repr_html_()).rows if len(row) == 2}


def test_a_store_shows_its_matrix_and_its_model(tmp_path: Path) -> None:
    path = tmp_path / ("K&amp;.zarr" if os.name == "nt" else "<K>&.zarr")  # no brackets there
    K = store.compute_gram(path, X, Y, model=MODEL, ntk=True, tile=8)
    shown = fields(K)
    assert shown.pop("latest tiles").endswith(" ago")
    assert shown == {
        "store": str(path),
        "matrix": "23 x 9 float32",
        "kernel": "NTK of images 8x8x1",
        "tiles": "6 of 6 done, 100 %",
    }
    assert K.model._repr_html_() in K._repr_html_()
    assert K.model == Model(**K.manifest.model)


def test_progress_and_rate(tmp_path: Path) -> None:
    path = tmp_path / "K.zarr"
    store.compute_gram(path, X, model=MODEL, tile=8, shard=(1, 3))
    K = store.open_gram(path)
    done = K.tiles - len(K.missing)
    assert 0 < done < K.tiles == 6
    assert fields(K)["tiles"] == f"{done} of 6 done, {100 * done // 6} %"
    files = sorted((path / "kernel" / "c").glob("*/*"))
    for file in files[1:]:
        file.unlink()
    # One tile alone says nothing of the rate, and nothing is made up.
    assert "latest tiles" not in fields(K)
    assert fields(K)["tiles"] == "1 of 6 done, 16 %"
    store.compute_gram(path, X, model=MODEL, tile=8)
    files = sorted((path / "kernel" / "c").glob("*/*"))
    for second, file in enumerate(files):
        os.utime(file, (second, second))
    pace = K.pace()
    assert pace is not None
    assert f"{pace.pairs_a_second:,.0f} pairs/s, the last " in fields(K)["latest tiles"]
    assert "days ago" in fields(K)["latest tiles"]


def test_a_model_of_another_version(tmp_path: Path) -> None:
    path = tmp_path / "K.zarr"
    store.compute_gram(path, X, model=MODEL)
    file = path / "zarr.json"
    manifest = json.loads(file.read_text("utf-8"))
    manifest["attributes"]["ckn_rs"]["model"]["layers"][0]["kernel"] = "<i>new</i>"
    file.write_text(json.dumps(manifest), "utf-8")
    shown = fields(store.open_gram(path))
    assert "cannot use its model" in shown["model"]
    assert "<i>new</i>" in shown["model"]
    assert shown["tiles"] == "1 of 1 done, 100 %"
