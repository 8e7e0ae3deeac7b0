"""Computing parts of a store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from ckn_rs._support.arrays import Floats
from ckn_rs.compute.distances import compute_diagonal
from ckn_rs.compute.matrix import compute_kernel_matrix
from ckn_rs.compute.norms import compute_norms
from ckn_rs.store._layout import Layout, Part
from ckn_rs.store._manifest import Images


class Job:
    """What computes parts of a store."""

    def __init__(
        self, layout: Layout, images1: Images, images2: Images | None, n_threads: int | None
    ) -> None:
        self.layout, self.n_threads = layout, n_threads
        self.sets = [images1, images1 if images2 is None else images2]
        self._blocks: dict[tuple[int, int], tuple[Floats, Floats]] = {}

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
        manifest = self.layout.manifest
        compute: Any = partial(
            compute_kernel_matrix,
            model=manifest.typed_model(),
            ntk=manifest.ntk,
            n_threads=self.n_threads,
        )
        if part.array != "kernel":
            block, _ = self._block(int(part.array[-1]) - 1, part.place[0])
            return compute_diagonal(
                block, manifest.typed_model(), manifest.ntk, n_threads=self.n_threads
            )
        i, j = part.place
        left, left_norms = self._block(0, i)
        if manifest.symmetric and i == j:
            return np.asarray(compute(left, norms1=left_norms))
        right, right_norms = self._block(0 if manifest.symmetric else 1, j)
        return np.asarray(compute(left, right, left_norms, right_norms))

    def _block(self, which: int, index: int) -> tuple[Floats, Floats]:
        """Images of a block with their norms; the last few blocks are kept."""
        if (which, index) not in self._blocks:
            while len(self._blocks) > 2:
                # The oldest but one: a row of tiles has its first block in common.
                self._blocks.pop(list(self._blocks)[1])
            self._blocks[which, index] = self._load(which, index)
        return self._blocks[which, index]

    def _load(self, which: int, index: int) -> tuple[Floats, Floats]:
        """Images of a block with their norms, which are written if they were not there."""
        layout, manifest = self.layout, self.layout.manifest
        part = Part(f"norms{which + 1}", (index, 0))
        images = self.sets[which].block(layout.region(part)[0], np.dtype(manifest.dtype))
        norms = layout.read(part)
        if norms is None:
            norms, _ = compute_norms(
                images, manifest.typed_model(), manifest.ntk, n_threads=self.n_threads
            )
            layout.write(part, norms)
        return images, norms
