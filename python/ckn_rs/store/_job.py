"""Computing parts of a store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ckn_rs._support.arrays import Floats
from ckn_rs._support.images import Images
from ckn_rs.compute.operands import ImageSet
from ckn_rs.compute.run import fill_gram, patch_norms, self_kernels
from ckn_rs.store._layout import Layout
from ckn_rs.store._parts import DiagonalBlock, NormsBlock, Part, Tile


class Job:
    """The computation of a store's parts from its images.

    Parameters
    ----------
    layout : Layout
        The store, open for writing.
    sets : sequence of Images
        The one set of a symmetric matrix, or the two.
    n_threads : int or None
        None is the core's own choice.
    """

    def __init__(self, layout: Layout, sets: Sequence[Images], n_threads: int | None) -> None:
        self.layout, self.sets, self.n_threads = layout, sets, n_threads
        self._blocks: dict[tuple[int, int], ImageSet] = {}

    def run(self, parts: Sequence[Part]) -> Iterator[Part]:
        """Compute and write these parts, and give each when it is in the store.

        Parts that another process has written meanwhile are not computed.
        """
        for part in parts:
            if self.layout.read(part) is None:
                self._complete(part)
            yield part

    def _complete(self, part: Part) -> None:
        match part:
            case Tile():
                self.layout.write(part, self._tile(part))
            case DiagonalBlock(which, block):
                self.layout.write(part, self._diagonal(self._block(which, block)))
            case NormsBlock(which, block):
                self._load(which, block)

    def _tile(self, tile: Tile) -> Floats:
        layout = self.layout
        sets = [self._block(1, tile.row)]
        if not layout.manifest.symmetric:
            sets.append(self._block(2, tile.column))
        elif tile.row != tile.column:
            sets.append(self._block(1, tile.column))
        values: Floats = np.empty((len(sets[0].images), len(sets[-1].images)), layout.dtype)
        fill_gram(layout.plan, sets, [values], n_threads=self.n_threads)
        return values

    def _diagonal(self, block: ImageSet) -> Floats:
        (diagonal,) = self_kernels(self.layout.plan, block.images, n_threads=self.n_threads)
        return diagonal

    def _block(self, which: int, block: int) -> ImageSet:
        """Images of a block with their norms; the last few blocks are kept."""
        if (which, block) not in self._blocks:
            while len(self._blocks) > 2:
                # The second oldest: all tiles of a row need the oldest, the block of that row.
                self._blocks.pop(list(self._blocks)[1])
            self._blocks[which, block] = self._load(which, block)
        return self._blocks[which, block]

    def _load(self, which: int, block: int) -> ImageSet:
        """Images of a block with their norms, which are written if they were not there."""
        layout = self.layout
        part = NormsBlock(which, block)
        images = self.sets[which - 1].block(layout.region(part)[0], layout.dtype)
        norms = layout.read(part)
        if norms is None:
            norms = patch_norms(layout.plan, images, n_threads=self.n_threads)
            layout.write(part, norms)
        return ImageSet(images, norms)
