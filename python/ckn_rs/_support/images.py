"""Sets of images that are read block by block."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from ckn_rs._support.arrays import Floats, as_images, check_finite, for_core


class Images:
    """A set of images that need not be in memory: an array, a memory map, a Zarr array.

    Parameters
    ----------
    images : array_like of shape (n, h, w, c)
        The images. What has a shape and a dtype is kept as it is, and read when it is needed.
    name : str
        The argument that they came as, for error messages.
    """

    def __init__(self, images: Any, name: str) -> None:
        if not hasattr(images, "shape") or not hasattr(images, "dtype"):
            images = as_images(images, name)
        if len(images.shape) != 4:
            as_images(np.empty(images.shape, np.float32), name)  # raises the error that explains it
        self.images, self.name = images, name
        self.shape: tuple[int, ...] = tuple(images.shape[1:])

    def __len__(self) -> int:
        return int(self.images.shape[0])

    def none(self) -> Floats:
        """No images, of the shape and the dtype of these."""
        return as_images(np.asarray(self.images[:0]), self.name)

    def block(self, rows: slice, dtype: np.dtype[Any]) -> Floats:
        """The images of these indices, as the core takes them."""
        return for_core(as_images(np.asarray(self.images[rows]), self.name), dtype)

    def sha256(self, tile: int, dtype: np.dtype[Any]) -> str:
        """The digest of the values that the kernel sees.

        Raises
        ------
        ValueError
            If one of them is not finite.
        """
        digest = hashlib.sha256(repr((dtype.str, len(self), *self.shape)).encode())
        for rows in blocks(len(self), tile):
            block = self.block(rows, dtype)
            check_finite(block, self.name, rows.start)
            digest.update(block.tobytes())
        return digest.hexdigest()


def blocks(n: int, tile: int) -> Iterator[slice]:
    """The blocks of ``tile`` images that ``n`` images are cut into; the last may be shorter."""
    return (slice(begin, min(begin + tile, n)) for begin in range(0, n, tile))
