"""Images in a Zarr array."""

from __future__ import annotations

import math
import reprlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ckn_rs._support import memory
from ckn_rs._support.extras import import_zarr

#: Chunks of grey images, which are read at once, and of one image of another array, at most: a
#: chunk takes Zarr 0.1 ms and 2.5 kB, and need not have a file.
GREY_CHUNKS, IMAGE_CHUNKS = 100_000, 256


class ZarrImages:
    """An array that is read where it is indexed.

    Raises
    ------
    ValueError
        If there is no array, or its chunks are too many; or, where it is indexed, if a chunk is
        damaged, or the numbers do not fit into the memory that is free.
    """

    def __init__(self, path: Path) -> None:
        zarr = import_zarr("a Zarr array")
        self._path = path
        try:
            self._array = zarr.open_array(path, mode="r")
            self.shape: tuple[int, ...] = self._array.shape
            self.dtype: np.dtype[Any] = self._array.dtype
            chunk = self._array.chunks
            chunks = [-(-n // max(part, 1)) for n, part in zip(self.shape, chunk, strict=True)]
        except Exception as error:  # of the many packages that Zarr reads its metadata by
            raise ValueError(f"{path} is no Zarr array: {_reason(error)}") from None
        if max(self.shape, default=0) > sys.maxsize:
            shape = reprlib.repr(self.shape)  # a damaged length may have many digits
            raise ValueError(f"{path} has the shape {shape}, more than Python can count")
        grey = len(chunks) == 3
        most = GREY_CHUNKS if grey else IMAGE_CHUNKS
        if (count := math.prod(chunks if grey else chunks[1:])) > most:
            raise ValueError(
                f"{path} has {count} chunks{'' if grey else ' an image'}, each of shape "
                f"{reprlib.repr(chunk)}, and at most {most} are read; write it with larger chunks"
            )

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> NDArray[Any]:
        # Only slices are long here: blocks of images. A list of indices is the caller's.
        rows = len(range(*index.indices(len(self)))) if isinstance(index, slice) else 1
        memory.check_fits(self._path, rows * math.prod(self.shape[1:]) * self.dtype.itemsize)
        try:
            return np.asarray(self._array[index])
        except IndexError:  # also where an iteration ends
            raise
        except Exception as error:  # of the many packages that Zarr reads its chunks by
            raise ValueError(f"{self._path} has damaged chunks: {_reason(error)}") from None

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError(f"{self._path} is not in memory: it cannot be read without a copy")
        images = self[:]
        return images if dtype is None else images.astype(dtype, copy=False)


def _reason(error: Exception) -> str:
    return str(error)[:200]  # it may have the whole of a damaged word
