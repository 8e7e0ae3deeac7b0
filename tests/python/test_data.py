"""Image and label files of every kind, and files that are neither."""

from __future__ import annotations

import gzip
import pickle
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ckn_rs.data import load_images, load_labels

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (6, 5, 4, 3), dtype=np.uint8)
LABELS = RNG.integers(0, 10, 6)


def write_idx(path: Path, values: NDArray[Any]) -> Path:
    codes = {"uint8": 8, "int32": 12, "float32": 13}
    head = struct.pack(">HBB", 0, codes[values.dtype.name], values.ndim)
    data = head + struct.pack(f">{values.ndim}I", *values.shape)
    data += values.astype(values.dtype.newbyteorder(">")).tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def write_cifar(folder: Path) -> NDArray[np.uint8]:
    """Write five training batches and a test batch, of 2 images each; return all 12 images."""
    images = RNG.integers(0, 256, (12, 32, 32, 3), dtype=np.uint8)
    rows = images.transpose(0, 3, 1, 2).reshape(12, -1)
    folder.mkdir()
    for index in range(6):
        name = f"data_batch_{index + 1}" if index < 5 else "test_batch"
        part = slice(2 * index, 2 * index + 2)
        batch = {
            b"batch_label": name.encode(),
            b"labels": list(range(10))[part],
            b"data": rows[part],
            b"filenames": [b"a.png", b"b.png"],
        }
        if index == 5:
            batch[b"labels"] = [7, 8]
        (folder / name).write_bytes(pickle.dumps(batch, protocol=2))
    return images


def test_numpy_files(tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", PIXELS)
    mapped = load_images(tmp_path / "X.npy")
    assert isinstance(mapped, np.memmap)
    np.testing.assert_array_equal(mapped, PIXELS)
    np.savez(tmp_path / "one.npz", PIXELS)
    np.testing.assert_array_equal(load_images(str(tmp_path / "one.npz")), PIXELS)
    np.savez(tmp_path / "both.npz", X=PIXELS, y=LABELS)
    np.testing.assert_array_equal(load_images(tmp_path / "both.npz"), PIXELS)
    np.testing.assert_array_equal(load_labels(tmp_path / "both.npz"), LABELS)
    np.save(tmp_path / "y.npy", LABELS)
    np.testing.assert_array_equal(load_labels(tmp_path / "y.npy"), LABELS)
    np.save(tmp_path / "grey.npy", PIXELS[..., 0])
    np.testing.assert_array_equal(load_images(tmp_path / "grey.npy"), PIXELS[..., :1])


def test_a_zarr_array(tmp_path: Path) -> None:
    zarr: Any = pytest.importorskip("zarr", minversion="3")
    array = zarr.create_array(tmp_path / "X.zarr", shape=PIXELS.shape, dtype="uint8")
    array[:] = PIXELS
    images = load_images(tmp_path / "X.zarr")
    np.testing.assert_array_equal(images[1:3], PIXELS[1:3])
    np.testing.assert_array_equal(images[[2, 0]], PIXELS[[2, 0]])
    np.testing.assert_array_equal(images, PIXELS)
    np.testing.assert_array_equal([*images], PIXELS)
    np.testing.assert_array_equal(np.asarray(images, np.float32), PIXELS)
    with pytest.raises(ValueError, match="not in memory"):
        images.__array__(copy=False)
    zarr.create_array(tmp_path / "grey.zarr", data=PIXELS[..., 0])
    np.testing.assert_array_equal(load_images(tmp_path / "grey.zarr"), PIXELS[..., :1])
    zarr.create_group(tmp_path / "group.zarr")
    with pytest.raises(ValueError, match="no Zarr array"):
        load_images(tmp_path / "group.zarr")


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_idx_files(tmp_path: Path, ending: str) -> None:
    grey = PIXELS[..., 0]
    for dtype in (np.uint8, np.int32, np.float32):
        path = write_idx(tmp_path / f"images-idx3-ubyte{ending}", grey.astype(dtype))
        images = load_images(path)
        np.testing.assert_array_equal(images, grey[..., None].astype(dtype))
    path = write_idx(tmp_path / f"labels-idx1-ubyte{ending}", LABELS.astype(np.uint8))
    np.testing.assert_array_equal(load_labels(path), LABELS)


def test_cifar_batches(tmp_path: Path) -> None:
    folder = tmp_path / "cifar-10-batches-py"
    images = write_cifar(folder)
    np.testing.assert_array_equal(load_images(folder), images[:10])
    np.testing.assert_array_equal(load_labels(folder), np.arange(10))
    np.testing.assert_array_equal(load_images(folder / "test_batch"), images[10:])
    np.testing.assert_array_equal(load_labels(folder / "test_batch"), [7, 8])
    np.testing.assert_array_equal(load_images(folder / "data_batch_2"), images[2:4])


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures(tmp_path: Path, channels: int) -> None:
    image = pytest.importorskip("PIL.Image", reason="pictures need Pillow")
    for index, pixels in enumerate(PIXELS):
        shown = pixels if channels == 3 else pixels[..., 0]
        image.fromarray(shown).save(tmp_path / f"{index}.png")
    (tmp_path / "notes.txt").write_text("no picture")
    np.testing.assert_array_equal(load_images(tmp_path), PIXELS[..., :channels])
    image.fromarray(PIXELS[0, :3]).save(tmp_path / "9.PNG")
    with pytest.raises(ValueError, match=r"9\.PNG is of shape .*make all of one size"):
        load_images(tmp_path)


def test_pictures_without_pillow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(ImportError, match=r"pip install ckn-rs\[images\]"):
        load_images(tmp_path)


def test_a_pickle_that_calls_something_is_refused(tmp_path: Path) -> None:
    class Call:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "called",))

    (tmp_path / "batch").write_bytes(pickle.dumps({b"data": Call(), b"labels": []}))
    with pytest.raises(ValueError, match="not part of an array"):
        load_images(tmp_path / "batch")
    assert not (tmp_path / "called").exists()


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent"):
        load_images(tmp_path / "absent")
    with pytest.raises(FileNotFoundError, match="absent"):
        load_images(tmp_path / "absent.npy")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="PNG"):
        load_images(tmp_path / "empty")
    (tmp_path / "text").write_text("hello")
    with pytest.raises(ValueError, match="text is no"):
        load_images(tmp_path / "text")
    (tmp_path / "other").write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(ValueError, match="not a batch of CIFAR-10"):
        load_images(tmp_path / "other")
    (tmp_path / "text.npy").write_text("hello")
    with pytest.raises(ValueError, match=r"text\.npy"):
        load_images(tmp_path / "text.npy")
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(ValueError, match=r"text\.npz is no"):
        load_labels(tmp_path / "text.npz")
    np.save(tmp_path / "flat.npy", np.zeros((3, 4)))
    with pytest.raises(ValueError, match=r"shape \(3, 4\), not images"):
        load_images(tmp_path / "flat.npy")
    with pytest.raises(ValueError, match="whole numbers"):
        load_labels(tmp_path / "flat.npy")
    np.savez(tmp_path / "two.npz", a=PIXELS, b=PIXELS)
    with pytest.raises(ValueError, match="one must be called X or images"):
        load_images(tmp_path / "two.npz")
    short = write_idx(tmp_path / "short-idx3", PIXELS[..., 0])
    short.write_bytes(short.read_bytes()[:-3])
    with pytest.raises(ValueError, match=r"too short for the shape \(6, 5, 4\)"):
        load_images(short)
