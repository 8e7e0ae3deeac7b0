"""Zarr arrays that ask for more than they have: a ValueError, and soon."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ckn_rs.data import load_images
from messages import refused

pytest.importorskip("zarr", minversion="3")


def zarr_metadata(shape: list[int], chunk: list[int]) -> dict[str, Any]:
    return {
        "shape": shape,
        "data_type": "float64",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunk}},
        "chunk_key_encoding": {"name": "default"},
        "fill_value": 0.0,
        "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
        "zarr_format": 3,
        "node_type": "array",
    }


def test_a_zarr_array_of_grey_images_that_does_not_fit(tmp_path: Path) -> None:
    metadata = zarr_metadata([2**40, 28, 28], [2**30, 28, 28])
    (tmp_path / "zarr.json").write_text(json.dumps(metadata))
    with refused("of memory that are free"):
        load_images(tmp_path)
    encoding = json.dumps({**metadata, "chunk_key_encoding": {"name": "x" * 10_000}})
    shape = json.dumps({**metadata, "shape": "a"})
    for damaged in ("[", "[]", "{}", "[" * 100_000, shape, encoding):
        (tmp_path / "zarr.json").write_text(damaged)
        with refused("no Zarr array.{,300}$"):
            load_images(tmp_path)


@pytest.mark.parametrize(
    ("shape", "chunk", "text"),
    [
        ([3, 5, 6_562_635], [3, 5, 4], r"1640659 chunks, each of shape \(3, 5, 4\), and at most"),
        ([10, 64, 64, 3], [10, 1, 1, 3], r"4096 chunks an image, each of shape \(10, 1, 1, 3\)"),
    ],
)
def test_a_zarr_array_of_small_chunks(
    tmp_path: Path, shape: list[int], chunk: list[int], text: str
) -> None:
    (tmp_path / "zarr.json").write_text(json.dumps(zarr_metadata(shape, chunk)))
    with refused(text):
        load_images(tmp_path)


def test_a_zarr_array_of_colour_images_is_checked_where_it_is_read(tmp_path: Path) -> None:
    metadata = zarr_metadata([2, 4, 4, 2**40], [1, 4, 4, 2**40])
    (tmp_path / "zarr.json").write_text(json.dumps(metadata))
    with refused("of memory that are free"):
        load_images(tmp_path)[:1]
    (tmp_path / "zarr.json").write_text(json.dumps(zarr_metadata([10**4000] * 4, [1, 4, 4, 1])))
    with refused("has the shape .{,250}, more than Python can count"):
        load_images(tmp_path)
    (tmp_path / "zarr.json").write_text(json.dumps(zarr_metadata([2, 4, 4, 1], [1, 4, 4, 1])))
    (tmp_path / "c/1/0/0").mkdir(parents=True)
    (tmp_path / "c/1/0/0/0").write_bytes(b"short")
    images = load_images(tmp_path)
    assert images[0].shape == (4, 4, 1)
    with refused("damaged chunks"):
        images[1:]
