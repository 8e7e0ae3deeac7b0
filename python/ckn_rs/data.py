"""Images and labels, from files of the usual kinds."""

from __future__ import annotations

import gzip
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ckn_rs._support.extras import import_extra, import_zarr

__all__ = ["load_images", "load_labels"]

PICTURES = (".png", ".jpg", ".jpeg")
_IDX_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_CIFAR_SHAPE = (3, 32, 32)


def load_images(path: str | Path) -> Any:
    """Load images of shape ``(n, h, w, c)``.

    Parameters
    ----------
    path : path
        One of these:

        - a ``.npy`` file, which is mapped into memory, not read;
        - a ``.npz`` file with a single array, or with an array called ``X`` or ``images``;
        - a Zarr array, which is not read;
        - a folder of PNG and JPEG files of one size, in the order of their names (needs Pillow);
        - an idx file, the format of MNIST, compressed or not;
        - a python batch of CIFAR-10, or the folder ``cifar-10-batches-py``, of which the five
          training batches are taken (``test_batch`` is loaded as a file).

        Greyscale images ``(n, h, w)`` get a channel.

    Returns
    -------
    array_like of shape (n, h, w, c)
        The images, with the dtype that they have in the file.

    Raises
    ------
    ImportError
        If the kind of file needs a package that is not installed.
    ValueError
        If the file holds no images, or images of several sizes.
    OSError
        If it cannot be read.

    Notes
    -----
    The batches of CIFAR-10 are pickles. Here they are read by a reader that creates only arrays.
    Take them from a source that you trust nevertheless.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from ckn_rs.data import load_images
    >>> path = tempfile.mkdtemp() + "/grey.npy"
    >>> np.save(path, np.zeros((5, 8, 8)))
    >>> load_images(path).shape
    (5, 8, 8, 1)
    """
    path = _existing(path)
    images = _images(path)
    if len(images.shape) == 3:
        images = (images if isinstance(images, np.ndarray) else np.asarray(images))[..., None]
    if len(images.shape) != 4:
        raise ValueError(f"{path} has an array of shape {images.shape}, not images (n, h, w, c)")
    return images


def load_labels(path: str | Path) -> NDArray[np.int64]:
    """Load labels.

    Parameters
    ----------
    path : path
        A ``.npy`` file; a ``.npz`` file with a single array, or with an array called ``y`` or
        ``labels``; an idx file; or a batch of CIFAR-10, or its folder, as for :func:`load_images`.

    Returns
    -------
    ndarray of shape (n,), int64
        The labels.

    Raises
    ------
    ValueError
        If the file does not hold whole numbers of shape ``(n,)``.
    OSError
        If it cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from ckn_rs.data import load_labels
    >>> path = tempfile.mkdtemp() + "/y.npy"
    >>> np.save(path, np.array([3, 1, 4], np.uint8))
    >>> load_labels(path).tolist()
    [3, 1, 4]
    """
    path = _existing(path)
    if path.suffix == ".npz":
        labels = _from_npz(path, ("y", "labels"))
    elif path.suffix == ".npy":
        labels = _from_npy(path)
    elif _is_idx(path):
        labels = _read_idx(path)
    else:
        labels = np.concatenate([batch[b"labels"] for batch in _cifar_batches(path)])
    if labels.ndim != 1 or labels.dtype.kind not in "iub":
        raise ValueError(
            f"{path} must have labels of shape (n,), whole numbers, got shape {labels.shape} of "
            f"{labels.dtype}"
        )
    return labels.astype(np.int64)


def _existing(path: str | Path) -> Path:
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    return path


def _images(path: Path) -> Any:
    if path.suffix == ".npy":
        return _from_npy(path)
    if path.suffix == ".npz":
        return _from_npz(path, ("X", "images"))
    if (path / "zarr.json").exists():
        zarr = import_zarr("a Zarr array")
        try:
            return zarr.open_array(path, mode="r")
        except (ValueError, TypeError, OSError) as error:
            raise ValueError(f"{path} is no Zarr array: {error}") from None
    if path.is_dir() and any(file.suffix.lower() in PICTURES for file in path.iterdir()):
        return _read_pictures(path)
    if _is_idx(path):
        return _read_idx(path)
    batches = _cifar_batches(path)
    pixels = np.concatenate([batch[b"data"] for batch in batches])
    return pixels.reshape(-1, *_CIFAR_SHAPE).transpose(0, 2, 3, 1)


def _from_npy(path: Path) -> NDArray[Any]:
    try:
        return np.asanyarray(np.lib.format.open_memmap(path, mode="r"))
    except ValueError as error:
        raise ValueError(f"{path} is no .npy file of numbers: {error}") from None


def _from_npz(path: Path, names: tuple[str, ...]) -> NDArray[Any]:
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is no .npz file")
    with np.load(path) as file:
        found = [name for name in file.files if name in names] or file.files
        if len(found) != 1:
            raise ValueError(
                f"{path} has the arrays {', '.join(file.files)}: one must be called "
                f"{' or '.join(names)}"
            )
        array: NDArray[Any] = file[found[0]]
        return array


def _read_pictures(folder: Path) -> NDArray[Any]:
    image = import_extra("PIL.Image", "images", "a folder of pictures")
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in PICTURES)
    pictures: list[NDArray[Any]] = []
    for file in files:
        with image.open(file) as picture:
            pixels = np.asarray(picture if picture.mode == "L" else picture.convert("RGB"))
        pixels = pixels if pixels.ndim == 3 else pixels[..., None]
        if pictures and pixels.shape != pictures[0].shape:
            raise ValueError(
                f"{file} is of shape {pixels.shape}, {files[0].name} of {pictures[0].shape}; make "
                "all of one size"
            )
        pictures.append(pixels)
    return np.stack(pictures)


def _open(path: Path) -> Any:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")


def _is_idx(path: Path) -> bool:
    if not path.is_file():
        return False
    with _open(path) as file:
        head = file.read(4)
    return len(head) == 4 and head[:2] == b"\0\0" and head[2] in _IDX_TYPES and head[3] > 0


def _read_idx(path: Path) -> NDArray[Any]:
    """Read an idx file: two zero bytes, a type, the number of axes, their lengths, the numbers."""
    with _open(path) as file:
        _, kind, axes = struct.unpack(">HBB", file.read(4))
        shape = struct.unpack(f">{axes}I", file.read(4 * axes))
        values = np.frombuffer(file.read(), _IDX_TYPES[kind])
    if values.size != int(np.prod(shape)):
        raise ValueError(f"{path} has {values.size} numbers, not those of the shape {shape}")
    return values.reshape(shape)


class _Arrays(pickle.Unpickler):
    """A reader of pickles that creates arrays and Python's own types, and calls nothing else."""

    _MODULES = ("numpy.core.multiarray", "numpy._core.multiarray", "numpy")
    _NAMES = ("_reconstruct", "ndarray", "dtype")

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("_codecs", "encode"):  # pickles for Python 2 have bytes by it
            return super().find_class(module, name)
        if module in self._MODULES and name in self._NAMES:
            return super().find_class(module.replace("numpy.core", "numpy._core"), name)
        raise pickle.UnpicklingError(f"{module}.{name} is not part of an array")


def _cifar_batches(path: Path) -> list[dict[bytes, Any]]:
    files = [path / f"data_batch_{k}" for k in range(1, 6)] if path.is_dir() else [path]
    batches = []
    for file in files:
        if not file.is_file():
            raise ValueError(
                f"{path} is no .npy, .npz, Zarr array, idx file, CIFAR-10 batch or folder of PNG "
                "or JPEG files"
            )
        with file.open("rb") as stream:
            try:
                batch = _Arrays(stream, encoding="bytes").load()
            except (pickle.UnpicklingError, EOFError, ValueError, IndexError, KeyError) as error:
                raise ValueError(f"{file} is not an image file that is known: {error}") from None
        if not isinstance(batch, dict) or not {b"data", b"labels"} <= set(batch):
            raise ValueError(f"{file} is a pickle, but not a batch of CIFAR-10")
        batches.append(batch)
    return batches
