"""Computing parts of a store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ckn_rs._support.arrays import Floats
from ckn_rs.compute.operands import ImageSet
from ckn_rs.compute.run import fill_gram, patch_norms, self_kernels
from ckn_rs.store._layout import Layout, Part
from ckn_rs.store._manifest import Images


class Job:
    """What computes parts of a store."""

    def __init__(
        self, layout: Layout, images1: Images, images2: Images | None, n_threads: int | None
    ) -> None:
        self.layout, self.n_threads = layout, n_threads
        self.sets = [images1, images1 if images2 is None else images2]
        self._blocks: dict[tuple[int, int], ImageSet] = {}

    def run(self, parts: Sequence[Part]) -> Iterator[Part]:
        """Compute and write them, but for those that others have finished meanwhile."""
        for part in parts:
            if self.layout.read(part) is None:
                if part.array.startswith("norms"):
                    self._load(int(part.array[-1]) - 1, part.place[0])
                else:
                    self.layout.write(part, self._compute(part))
            yield part

    def _compute(self, part: Part) -> Floats:
        layout = self.layout
        if part.array != "kernel":
            block = self._block(int(part.array[-1]) - 1, part.place[0])
            (diagonal,) = self_kernels(layout.plan, block.images, n_threads=self.n_threads)
            return diagonal
        i, j = part.place
        sets = [self._block(0, i)]
        if not layout.manifest.symmetric:
            sets.append(self._block(1, j))
        elif i != j:
            sets.append(self._block(0, j))
        tile: Floats = np.empty((len(sets[0].images), len(sets[-1].images)), layout.dtype)
        fill_gram(layout.plan, sets, [tile], n_threads=self.n_threads)
        return tile

    def _block(self, which: int, index: int) -> ImageSet:
        """Images of a block with their norms; the last few blocks are kept."""
        if (which, index) not in self._blocks:
            while len(self._blocks) > 2:
                # The oldest but one: a row of tiles has its first block in common.
                self._blocks.pop(list(self._blocks)[1])
            self._blocks[which, index] = self._load(which, index)
        return self._blocks[which, index]

    def _load(self, which: int, index: int) -> ImageSet:
        """Images of a block with their norms, which are written if they were not there."""
        layout = self.layout
        part = Part(f"norms{which + 1}", (index, 0))
        images = self.sets[which].block(layout.region(part)[0], layout.dtype)
        norms = layout.read(part)
        if norms is None:
            norms = patch_norms(layout.plan, images, n_threads=self.n_threads)
            layout.write(part, norms)
        return ImageSet(images, norms)
