"""The parts of a store: tiles of its matrix, and blocks of its norms and its diagonals.

A part is one chunk of one array. ``array`` is the name of that array on the disk, and ``place`` the
index of the chunk in it. Both belong to the formats 1 and 2 of stores, which do not change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, TypeVar


@dataclass(frozen=True)
class Tile:
    """A tile of the matrix: the kernels of two blocks of images."""

    row: int
    column: int

    @property
    def array(self) -> str:
        """The name of the array."""
        return "kernel"

    @property
    def place(self) -> tuple[int, int]:
        """Row and column of tiles."""
        return self.row, self.column


@dataclass(frozen=True)
class NormsBlock:
    """Patch norms of a block of images, of the first set or the second: ``which`` is 1 or 2."""

    which: int
    block: int

    @property
    def array(self) -> str:
        """The name of the array."""
        return f"norms{self.which}"

    @property
    def place(self) -> tuple[int, int]:
        """The block; a chunk has all columns."""
        return self.block, 0


@dataclass(frozen=True)
class DiagonalBlock:
    """Kernels of a block of images with themselves; ``which`` is 1 or 2, as for norms."""

    which: int
    block: int

    @property
    def array(self) -> str:
        """The name of the array."""
        return f"diagonal{self.which}"

    @property
    def place(self) -> tuple[int]:
        """The block."""
        return (self.block,)


Part: TypeAlias = Tile | NormsBlock | DiagonalBlock
"""A part of a store."""

AnyPart = TypeVar("AnyPart", Tile, NormsBlock, DiagonalBlock)
"""One of the three kinds of parts."""
