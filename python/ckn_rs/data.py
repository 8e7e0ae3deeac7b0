"""Images and labels, from files of the usual kinds."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ckn_rs._support import memory
from ckn_rs._support.batches import read_batch
from ckn_rs._support.extras import import_extra
from ckn_rs._support.idx import is_idx, read_idx
from ckn_rs._support.npy import DAMAGE, map_npy, member_names, read_member
from ckn_rs._support.zarr_images import ZarrImages

__all__ = ["load_images", "load_labels"]

PICTURES = (".png", ".jpg", ".jpeg")
_CIFAR_SHAPE = (3, 32, 32)


def load_images(path: str | Path) -> Any:
    """Load images of shape ``(n, h, w, c)``.

    Parameters
    ----------
    path : path
        One of these:

        - a ``.npy`` file, which is mapped into memory, not read;
        - a ``.npz`` file with a single array, or with an array called ``X`` or ``images``;
        - a Zarr array, which is read where the result is indexed (grey images: at once);
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
        If the file holds no images, or images of several sizes, or more than fits into memory; or
        if a Zarr array has more than 256 chunks an image (grey images: 100,000 in all).
    OSError
        If it cannot be read.

    Notes
    -----
    The batches of CIFAR-10 are pickles. Here they are read by a reader that makes arrays of
    numbers, and calls nothing. No file makes this function take more memory than it has numbers;
    a compressed one has a thousand times its bytes at most, and is refused if they do not fit into
    the memory that is free.

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
        images = images[:][..., None]
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
        labels = map_npy(path)
    elif is_idx(path):
        labels = read_idx(path)
    else:
        labels = np.concatenate([labels for _, labels in _cifar_batches(path)])
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
        return map_npy(path)
    if path.suffix == ".npz":
        return _from_npz(path, ("X", "images"))
    if (path / "zarr.json").exists():
        return ZarrImages(path)
    if path.is_dir() and any(file.suffix.lower() in PICTURES for file in path.iterdir()):
        return _read_pictures(path)
    if is_idx(path):
        return read_idx(path)
    pixels = np.concatenate([pixels for pixels, _ in _cifar_batches(path)])
    return pixels.reshape(-1, *_CIFAR_SHAPE).transpose(0, 2, 3, 1)


def _from_npz(path: Path, names: tuple[str, ...]) -> NDArray[Any]:
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is no .npz file")
    try:
        with zipfile.ZipFile(path) as file:
            members = member_names(file)
            found = [name for name in members if name in names] or members
            if len(found) != 1:
                raise ValueError(
                    f"the arrays {', '.join(members)}: one must be called {' or '.join(names)}"
                )
            memory.check_fits(path, sum(entry.file_size for entry in file.infolist()))
            return read_member(file, found[0], compressed=True)
    except DAMAGE as error:
        raise ValueError(f"{path} has {str(error) or type(error).__name__}") from None


def _read_pictures(folder: Path) -> NDArray[Any]:
    image = import_extra("PIL.Image", "images", "a folder of pictures")
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in PICTURES)
    pictures: list[NDArray[Any]] = []
    for file in files:
        pixels = _read_picture(image, file)
        if pictures and pixels.shape != pictures[0].shape:
            raise ValueError(
                f"{file} is of shape {pixels.shape}, {files[0].name} of {pictures[0].shape}; make "
                "all of one size"
            )
        pictures.append(pixels)
    return np.stack(pictures)


def _read_picture(image: Any, file: Path) -> NDArray[Any]:
    try:
        # No other format is tried: Pillow knows some that start other programs.
        with image.open(file, formats=("PNG", "JPEG")) as picture:
            pixels = np.asarray(picture if picture.mode == "L" else picture.convert("RGB"))
    except (*DAMAGE, image.DecompressionBombError) as error:
        raise ValueError(f"{file} is no PNG or JPEG file of a usual size: {error}") from None
    return pixels if pixels.ndim == 3 else pixels[..., None]


def _cifar_batches(path: Path) -> list[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
    files = [path / f"data_batch_{k}" for k in range(1, 6)] if path.is_dir() else [path]
    for file in files:
        if not file.is_file():
            raise ValueError(
                f"{path} is no .npy, .npz, Zarr array, idx file, CIFAR-10 batch or folder of PNG "
                "or JPEG files"
            )
    return [read_batch(file) for file in files]
