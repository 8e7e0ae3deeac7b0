"""Reading a store as an array."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ckn_rs._support.arrays import Floats
from ckn_rs._support.disk import npy_file
from ckn_rs._support.duration import duration
from ckn_rs._support.html_table import html_table
from ckn_rs._support.images import blocks
from ckn_rs.model import Model
from ckn_rs.store._cluster import OnCluster
from ckn_rs.store._command import command
from ckn_rs.store._errors import IncompleteError, StoreError
from ckn_rs.store._indices import positions
from ckn_rs.store._layout import Layout
from ckn_rs.store._manifest import Manifest
from ckn_rs.store._parts import DiagonalBlock, NormsBlock, Tile
from ckn_rs.store._verification import Verification, verify


@dataclass(frozen=True)
class Pace:
    """How fast a store is being filled."""

    pairs_a_second: float
    """Over the latest tiles."""
    idle: float
    """Seconds since the latest tile was written."""


def open_gram(path: str | os.PathLike[str]) -> Gram:
    """The kernel matrix in a store, complete or not.

    Parameters
    ----------
    path : path or URL
        The store that :func:`compute_gram` writes.

    Raises
    ------
    StoreError
        If there is no kernel matrix at that place.
    """
    return Gram(Layout.open(path))


class Gram:
    """A kernel matrix in a store; ``K[i:j, :]`` and ``numpy.asarray(K)`` read it.

    Both triangles of a symmetric matrix can be read, though only one is stored. An index is an
    integer, a slice, or an array of integers or flags; one for rows, or one for rows and one for
    columns. For a block of some rows and some columns give the two arrays as ``numpy.ix_`` makes
    them.
    """

    ndim = 2

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def __repr__(self) -> str:
        n, m = self.shape
        return (
            f"<Gram {self._layout.location}: {n} x {m} {self.dtype}, {len(self.missing)} missing>"
        )

    def _repr_html_(self) -> str:
        manifest, (n, m) = self.manifest, self.shape
        images = "x".join(map(str, manifest.image_shape))
        tiles, missing = self.tiles, len(self.missing)
        done = tiles - missing
        rows = [
            ("store", self._layout.location),
            ("matrix", f"{n:,} x {m:,} {self.dtype}"),
            ("kernel", f"{manifest.kernel_name()} of images {images}"),
            # Rounded down, so that a matrix with a tile missing does not have 100 %.
            ("tiles", f"{done:,} of {tiles:,} done, {100 * done // tiles} %"),
        ]
        if (pace := self.pace()) is not None:
            latest = f"{pace.pairs_a_second:,.0f} pairs/s, the last {duration(pace.idle)} ago"
            rows.append(("latest tiles", latest))
        try:
            model = self.model._repr_html_()
        except StoreError as error:
            rows.append(("model", str(error)))
            model = ""
        return html_table(rows, head=False) + "\n" + model

    @property
    def manifest(self) -> Manifest:
        """The manifest: the kernel, the images and the tiles of the matrix."""
        return self._layout.manifest

    @property
    def model(self) -> Model:
        """The model.

        Raises
        ------
        StoreError
            If this version of ckn-rs does not know it. The matrix can be read all the same.
        """
        return self._layout.model

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.manifest.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64."""
        return np.dtype(self.manifest.dtype)

    @property
    def chunks(self) -> tuple[int, int]:
        """Rows and columns of a tile: blocks of whole tiles are read without reading one twice."""
        return self.manifest.tile, self.manifest.tile

    def __reduce__(self) -> tuple[Any, ...]:
        return open_gram, (self._layout.address,)

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def tiles(self) -> int:
        """How many tiles the matrix has."""
        return sum(1 for _ in self._layout.tiles())

    @property
    def tile(self) -> int:
        """Rows and columns of a tile; those at the edges may have fewer."""
        return self.manifest.tile

    @property
    def missing(self) -> list[tuple[int, int]]:
        """Tiles that are not computed yet, by row and column of tiles."""
        return [tile.place for tile in self._layout.absent(self._layout.tiles())]

    def pairs(self, tile: tuple[int, int]) -> int:
        """The number of pairs of images of a tile."""
        return self._layout.pairs(Tile(*tile))

    def pace(self, latest: int = 20) -> Pace | None:
        """How fast the latest tiles were written, by all processes together.

        None if that is not known. It is known of a store on a disk that has two tiles or more.
        """
        layout = self._layout
        times = [(when, tile) for tile in layout.tiles() if (when := layout.written(tile))]
        times = sorted(times, key=lambda each: each[0])[-latest - 1 :]
        if not times or times[-1][0] <= times[0][0]:
            return None
        begin, end = times[0][0], times[-1][0]
        pairs = sum(layout.pairs(tile) for _, tile in times[1:])
        return Pace(pairs / (end - begin), max(0.0, time.time() - end))

    def __getitem__(self, key: Any) -> Any:
        picked = positions(key, self.shape)
        result: Any = self._read(*(np.atleast_1d(each) for each in picked))
        # An index that is one integer removes its axis.
        for axis in (1, 0):
            if picked[axis].ndim == 0:
                result = result.take(0, axis=axis)
        return result[()]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Floats:
        if copy is False:
            raise ValueError("a matrix in a store cannot be read without a copy")
        values: Floats = self[:, :]
        return values if dtype is None else values.astype(dtype, copy=False)

    def diagonal(self, which: int = 1) -> Floats:
        """The kernel of each image with itself.

        Parameters
        ----------
        which : {1, 2}
            The first set of images or the second. A symmetric matrix has one set for both.

        Returns
        -------
        ndarray of shape (n,), float32 or float64
            The diagonal.

        Raises
        ------
        IncompleteError
            If a part of it is missing or damaged.
        ValueError
            If ``which`` is neither 1 nor 2.
        """
        return self._whole(DiagonalBlock, which)

    def triangle(self) -> Iterator[tuple[slice, slice, Floats]]:
        """The tiles of a symmetric matrix that are stored, for solvers that read it in passes.

        Yields
        ------
        rows, columns : slice
            The place of a tile on the diagonal or above it.
        values : ndarray, float32 or float64
            Its entries.

        Raises
        ------
        ValueError
            If the matrix is of two sets of images.
        IncompleteError
            If a tile is missing or damaged. The message names it.
        """
        if not self.manifest.symmetric:
            raise ValueError(f"{self._layout.location} is the matrix of two sets of images")
        yield from self.read_tiles(self._layout.tiles())

    def read_tiles(self, tiles: Iterable[Tile]) -> Iterator[tuple[slice, slice, Floats]]:
        """Some of the tiles: rows, columns and entries, as :meth:`triangle` gives all of them.

        While the caller works with one, the next one is read.
        """
        with ThreadPoolExecutor(1) as reader:
            begun = ((tile, reader.submit(self._tile, tile)) for tile in tiles)
            current = next(begun, None)
            while current is not None:
                tile, values = current
                current = next(begun, None)  # its reading begins here
                rows, columns = self._layout.region(tile)
                yield rows, columns, values.result()

    def on(self, client: Any) -> OnCluster:
        """The same matrix, whose tiles are multiplied by the workers of a cluster.

        Parameters
        ----------
        client : dask.distributed.Client
            The client of the cluster. All of its workers must see the store.

        Returns
        -------
        OnCluster
            The matrix for :func:`ckn_rs.ridge.fit` with the solver ``cg``.

        Raises
        ------
        TypeError
            If this is not such a client.
        """
        return OnCluster(self, client)

    def digest(self) -> str:
        """A digest of the manifest, which another matrix does not have."""
        manifest = json.dumps(self.manifest.to_dict(), sort_keys=True)
        return hashlib.sha256(manifest.encode()).hexdigest()

    def check_complete(self) -> None:
        """Raise an error that says how to go on, unless every tile is there.

        Raises
        ------
        IncompleteError
            If tiles are missing. The message says how many, and which command computes them.
        """
        missing = len(self.missing)
        if missing:
            raise IncompleteError(
                f"{self._layout.location}: {missing:,} of {self.tiles:,} tiles missing; to "
                "complete it with the same images run compute_gram, or "
                f"{command(self.manifest, self._layout.location)}"
            )

    def norms(self, which: int = 1) -> Floats:
        """Patch norms, as :func:`ckn_rs.compute_norms` has them.

        Parameters
        ----------
        which : {1, 2}
            The first set of images or the second. A symmetric matrix has one set for both.

        Returns
        -------
        ndarray of shape (n, L*h*w), float32 or float64
            The norms.

        Raises
        ------
        IncompleteError
            If a part of them is missing or damaged.
        ValueError
            If ``which`` is neither 1 nor 2.
        """
        return self._whole(NormsBlock, which)

    def verify(
        self, ims1: Any = None, ims2: Any = None, *, entries: int = 100, seed: int = 0
    ) -> Verification:
        """Read every tile, and compute a sample of entries again.

        Parameters
        ----------
        ims1, ims2 : array_like, optional
            The images. Without them only the checksums are verified.
        entries : int
            How many entries are computed again, at random.
        seed : int
            The seed of the random choice.

        Raises
        ------
        ValueError
            If the images are not those of the store, or ``entries`` is below 0.
        StoreError
            If there are images, and this version of ckn-rs does not know the model.
        """
        return verify(self._layout, lambda i, j: self[i, j], (ims1, ims2), entries, seed)

    def export(self, path: str | os.PathLike[str]) -> Path:
        """Write the matrix to a ``.npy`` file, for ``numpy.load(path, mmap_mode="r")``.

        Raises
        ------
        IncompleteError
            If tiles are missing; then no file is written.
        OSError
            If the file cannot be written.
        """
        self.check_complete()
        path = Path(path)
        with npy_file(path, self.shape, self.dtype) as append:
            for rows in blocks(len(self), self.manifest.tile):
                append(self[rows, :])
        return path

    def _whole(self, kind: type[NormsBlock] | type[DiagonalBlock], which: int) -> Floats:
        """All norms, or the whole diagonal, of the first set or the second."""
        if which not in (1, 2):
            raise ValueError(f"which must be 1 or 2, got {which!r}")
        layout, which = self._layout, 1 if self.manifest.symmetric else which
        shape, _ = layout.shapes()[kind(which, 0).array]
        values = np.empty(shape, self.dtype)
        for block in layout.blocks(which):
            part = kind(which, block)
            read = layout.read(part)
            if read is None:
                raise IncompleteError(self._advice(f"part {block} of {part.array}"))
            values[layout.region(part)] = read
        return values

    def _read(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Floats:
        """The entries of these rows and columns, tile by tile."""
        result = np.empty((len(rows), len(columns)), self.dtype)
        tile = self.manifest.tile
        for i in np.unique(rows // tile):
            at_rows = np.flatnonzero(rows // tile == i)
            for j in np.unique(columns // tile):
                at_columns = np.flatnonzero(columns // tile == j)
                mirrored = self.manifest.symmetric and i > j
                index = (int(j), int(i)) if mirrored else (int(i), int(j))
                values = self._tile(Tile(*index))
                values = values.T if mirrored else values
                inside = np.ix_(rows[at_rows] - i * tile, columns[at_columns] - j * tile)
                result[np.ix_(at_rows, at_columns)] = values[inside]
        return result

    def _tile(self, tile: Tile) -> Floats:
        values = self._layout.read(tile)
        if values is None:
            raise IncompleteError(self._advice(f"tile {tile.place}"))
        return values

    def _advice(self, what: str) -> str:
        return (
            f"{self._layout.location}: {what} missing or damaged; run compute_gram, or ckn-rs gram "
            "at the command line, with the same images and model to complete it"
        )
