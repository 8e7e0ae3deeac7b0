"""Symmetric matrices that are read tile by tile, and what one reading of all tiles gives."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import DTypeLike, NDArray

Doubles: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.intp]
Block: TypeAlias = tuple[slice, slice, NDArray[Any]]
Report: TypeAlias = Callable[[], object]

ROWS = 1024
"""Rows and columns of the tiles that an array in memory is read by."""


@runtime_checkable
class SymmetricMatrix(Protocol):
    """A symmetric matrix of finite numbers, in memory or on a disk.

    The pivots of a low-rank approximation are many, and at random, so that they meet every tile:
    there is no faster way to their columns than through all tiles. So :meth:`triangle` is the only
    access to what is not on the diagonal.
    """

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns, as many."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64."""
        ...

    @property
    def tile(self) -> int:
        """The largest number of rows or columns of a tile."""
        ...

    def diagonal(self) -> NDArray[Any]:
        """The diagonal, ``(n,)``."""
        ...

    def triangle(self) -> Iterator[Block]:
        """The tiles on the diagonal and on one side of it: rows, columns, and their entries."""
        ...

    def digest(self) -> str:
        """A digest that another matrix does not have."""
        ...


@runtime_checkable
class Remote(SymmetricMatrix, Protocol):
    """A symmetric matrix whose tiles are multiplied where they are read, on other machines."""

    def multiply(self, X: Doubles, report: Report | None = None) -> Doubles:
        """As :func:`multiply`."""
        ...

    def columns(self, wanted: Indices, report: Report | None = None) -> Doubles:
        """As :func:`columns_of`."""
        ...


class InMemory:
    """An array as a symmetric matrix; its upper triangle is read."""

    def __init__(self, values: NDArray[Any]) -> None:
        self.values = values

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = self.values.shape
        return rows, columns

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the array."""
        return self.values.dtype

    @property
    def tile(self) -> int:
        """The largest number of rows or columns of a tile."""
        return ROWS

    def diagonal(self) -> NDArray[Any]:
        """The diagonal, ``(n,)``."""
        return self.values.diagonal()

    def triangle(self) -> Iterator[Block]:
        """The tiles of the upper triangle."""
        parts = list(blocks(len(self.values), ROWS))
        for index, rows in enumerate(parts):
            for columns in parts[index:]:
                yield rows, columns, self.values[rows, columns]

    def digest(self) -> str:
        """The SHA-256 of dtype, shape and entries."""
        found = hashlib.sha256(repr((self.dtype.str, self.shape)).encode())
        for rows in blocks(len(self.values), ROWS):
            found.update(self.values[rows].tobytes())
        return found.hexdigest()


class Part:
    """Some rows of a symmetric matrix and the same columns.

    Parameters
    ----------
    whole : SymmetricMatrix
        The matrix.
    kept : ndarray of int of shape (k,)
        The rows, in ascending order.
    """

    def __init__(self, whole: SymmetricMatrix, kept: Indices) -> None:
        self.whole, self.kept = whole, kept

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.kept), len(self.kept)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the whole matrix."""
        return self.whole.dtype

    @property
    def tile(self) -> int:
        """The largest number of rows or columns of a tile."""
        return self.whole.tile

    def diagonal(self) -> NDArray[Any]:
        """The diagonal, ``(k,)``."""
        return self.whole.diagonal()[self.kept]

    def triangle(self) -> Iterator[Block]:
        """The parts of the tiles of the whole matrix; some may be empty."""
        for rows, columns, values in self.whole.triangle():
            places, inside = zip(*map(self._within, (rows, columns)), strict=True)
            yield *places, values[np.ix_(*inside)]

    def digest(self) -> str:
        """A digest of the whole matrix and the rows."""
        return hashlib.sha256(self.whole.digest().encode() + self.kept.tobytes()).hexdigest()

    def _within(self, span: slice) -> tuple[slice, Indices]:
        """Which of the kept rows are in a block of the whole matrix, and where they are in it."""
        place = slice(*np.searchsorted(self.kept, (span.start, span.stop)).tolist())
        return place, self.kept[place] - span.start


def blocks(n: int, size: int) -> Iterator[slice]:
    """The blocks of ``size`` rows that ``n`` rows are cut into; the last may be shorter."""
    return (slice(begin, min(begin + size, n)) for begin in range(0, n, size))


def multiply(K: SymmetricMatrix, X: Doubles, report: Report | None = None) -> Doubles:
    """The product ``K X`` in float64, from one reading of the tiles of a triangle.

    Parameters
    ----------
    K : SymmetricMatrix
        The matrix, ``(n, n)``.
    X : ndarray of shape (n, columns)
        The right factor.
    report : callable, optional
        Called after each tile.

    Returns
    -------
    ndarray of shape (n, columns), float64
        The product.
    """
    if isinstance(K, Remote):
        return K.multiply(X, report)
    if isinstance(K, Part) and isinstance(K.whole, Remote):
        wide = np.zeros((K.whole.shape[0], X.shape[1]))
        wide[K.kept] = X
        return K.whole.multiply(wide, report)[K.kept]
    return product_of(K.triangle(), X, report)


def columns_of(K: SymmetricMatrix, wanted: Indices, report: Report | None = None) -> Doubles:
    """Columns of the matrix in float64, from one reading of the tiles of a triangle.

    Parameters
    ----------
    K : SymmetricMatrix
        The matrix, ``(n, n)``.
    wanted : ndarray of int of shape (k,)
        The columns, in any order.
    report : callable, optional
        Called after each tile.

    Returns
    -------
    ndarray of shape (n, k), float64
        The columns.
    """
    if isinstance(K, Remote):
        return K.columns(wanted, report)
    if isinstance(K, Part) and isinstance(K.whole, Remote):
        return K.whole.columns(K.kept[wanted], report)[K.kept]
    return columns_from(K.triangle(), K.shape[0], wanted, report)


def product_of(tiles: Iterable[Block], X: Doubles, report: Report | None = None) -> Doubles:
    """What these tiles, each once, contribute to the product ``K X``.

    A tile serves both triangles while it is in memory. One of float32 is converted for its
    products: they cost far more than the conversion, and a product in float32 would limit the
    residual of a solution to about ``1e-7 |K| |a| / |Y|``.
    """
    product = np.zeros(X.shape)
    for rows, columns, values in tiles:
        tile = values.astype(np.float64, copy=False)
        product[rows] += tile @ X[columns]
        if rows != columns:
            product[columns] += tile.T @ X[rows]
        if report is not None:
            report()
    return product


def columns_from(
    tiles: Iterable[Block], n: int, wanted: Indices, report: Report | None = None
) -> Doubles:
    """The entries of these tiles, each once, in some columns of the matrix; others are 0."""
    result = np.zeros((n, len(wanted)))
    for rows, columns, values in tiles:
        for span, other, tile in ((columns, rows, values), (rows, columns, values.T)):
            here = np.flatnonzero((wanted >= span.start) & (wanted < span.stop))
            result[other, here] = tile[:, wanted[here] - span.start]
        if report is not None:
            report()
    return result


def whole(K: SymmetricMatrix, dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """All entries in float64, or in another dtype, in one new array."""
    matrix = np.empty(K.shape, dtype)
    for rows, columns, values in K.triangle():
        matrix[rows, columns] = values
        matrix[columns, rows] = values.T
    return matrix
