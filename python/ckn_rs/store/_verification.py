"""What is wrong in a store: damaged tiles, and entries that the images do not give again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ckn_rs._support.arrays import Floats
from ckn_rs._support.images import Images
from ckn_rs.compute.operands import ImageSet
from ckn_rs.compute.run import fill_gram
from ckn_rs.store._layout import Layout


@dataclass(frozen=True)
class Verification:
    """The findings of :meth:`Gram.verify`."""

    tiles: int
    """How many tiles were read."""
    damaged: list[tuple[int, int]]
    """Tiles whose checksum or length is wrong."""
    entries: int
    """How many entries were computed again."""
    wrong: list[tuple[int, int]]
    """Those of them that differ from the stored ones."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.damaged and not self.wrong


def verify(
    layout: Layout,
    stored: Callable[[int, int], Any],
    given: tuple[Any, Any],
    entries: int,
    seed: int,
) -> Verification:
    """Read every tile, and compute a sample of entries again; ``Gram.verify`` has the details.

    Parameters
    ----------
    layout : Layout
        The store.
    stored : callable
        The entry of a row and a column as it is stored.
    given : pair of array_like or None
        The images.
    entries, seed : int
        How many entries, and the seed of their choice.
    """
    if entries < 0:
        raise ValueError(f"entries must be at least 0, got {entries}")
    ims1, ims2 = given
    symmetric = layout.manifest.symmetric
    if ims1 is not None and (ims2 is None) != symmetric:
        wanted = "one set" if symmetric else "two sets"
        raise ValueError(f"{layout.location} is the matrix of {wanted} of images")
    absent = set(layout.absent(layout.tiles()))
    tiles = [tile for tile in layout.tiles() if tile not in absent]
    unsound = {tile for tile in tiles if layout.read(tile) is None}
    sound = [tile for tile in tiles if tile not in unsound]
    damaged = [tile.place for tile in tiles if tile in unsound]
    if ims1 is None or not sound:
        return Verification(len(tiles), damaged, 0, [])
    sets = [Images(ims1, "ims1"), Images(ims1 if ims2 is None else ims2, "ims2")]
    _check_images(layout, sets[: len(layout.manifest.sha256)])
    rng, wrong = np.random.default_rng(seed), []
    for _ in range(entries):
        rows, columns = layout.region(sound[rng.integers(len(sound))])
        i = int(rng.integers(rows.start, rows.stop))
        j = int(rng.integers(columns.start, columns.stop))
        if stored(i, j) != _computed(layout, sets, i, j):
            wrong.append((i, j))
    return Verification(len(tiles), damaged, entries, wrong)


def _computed(layout: Layout, sets: list[Images], i: int, j: int) -> Any:
    """An entry, from the images."""
    dtype = np.dtype(layout.manifest.dtype)
    if layout.manifest.symmetric and i > j:
        i, j = j, i
    pair = [
        ImageSet(images.block(slice(k, k + 1), dtype))
        for images, k in zip(sets, (i, j), strict=True)
    ]
    entry: Floats = np.empty((1, 1), dtype)
    fill_gram(layout.plan, pair, [entry])
    return entry[0, 0]


def _check_images(layout: Layout, sets: list[Images]) -> None:
    manifest = layout.manifest
    for images, wanted in zip(sets, manifest.sha256, strict=True):
        if images.sha256(manifest.tile, np.dtype(manifest.dtype)) != wanted:
            raise ValueError(f"{images.name} are not the images of this store")
