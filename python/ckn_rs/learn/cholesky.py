"""Cholesky decompositions of regularised matrices, all in the memory of one matrix.

A decomposition is in float64 or in float32, and conjugate gradients refine what it gives, with
residuals in float64. A decomposition in float32 is that of ``K + r I + E``, with errors ``E`` whose
norm is some ``n eps t / 14`` at most, as measured, with ``t`` the mean of the diagonal. Plain
iterative refinement multiplies the residual by about ``|E| / r`` each step, and diverges where
``r`` is no larger than ``|E|``. Conjugate gradients converge wherever there is a factor. In both,
what counts is ``r`` beside ``|E|``: the condition of ``K + r I`` may be beyond ``1 / eps``. See N.
J. Higham, *Accuracy and Stability of Numerical Algorithms*, 2002, chapters 10 and 12.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ckn_rs._support.extras import import_extra
from ckn_rs.learn.tiles import Block, Doubles, InMemory, SymmetricMatrix, blocks, whole

TILE = 768
"""The most rows and columns of a tile of a decomposition."""

DEPTH = 8192
"""The most terms of a sum that one call computes: so many take a tenth of a second or two."""


def tile_of(n: int) -> int:
    """Rows and columns of a tile; a few of them take little memory beside that of the matrix."""
    return min(TILE, -(-n // 4))


class Below(InMemory):
    """An array as a symmetric matrix, by the triangle below the diagonal and the diagonal of now.

    What is written above them or on the diagonal later does not change this matrix.
    """

    def __init__(self, values: NDArray[Any]) -> None:
        super().__init__(values)
        self._diagonal: NDArray[Any] = values.diagonal().copy()

    @property
    def tile(self) -> int:
        """Rows and columns of a tile."""
        return tile_of(len(self.values))

    def diagonal(self) -> NDArray[Any]:
        """The diagonal, ``(n,)``."""
        return self._diagonal

    def corner(self, rows: slice) -> NDArray[Any]:
        """A new array with the entries of these rows and the same columns."""
        corner = np.tril(self.values[rows, rows], -1)
        corner += corner.T
        np.einsum("ii->i", corner)[:] = self._diagonal[rows]
        return corner

    def triangle(self) -> Iterator[Block]:
        """The tiles on the diagonal and below."""
        parts = list(blocks(len(self.values), self.tile))
        for index, rows in enumerate(parts):
            yield rows, rows, self.corner(rows)
            for columns in parts[:index]:
                yield rows, columns, self.values[rows, columns]


class CholeskyFactor:
    """A matrix whose upper triangle is overwritten by ``U``, with ``K + r I = U^T U``.

    The triangle below keeps the entries of ``K``, for the next regularisation and for residuals.
    ``U`` is computed tile by tile, so that Ctrl-C never waits for long: one call of LAPACK for all
    of it takes minutes.

    Parameters
    ----------
    K : SymmetricMatrix
        The matrix, ``(n, n)``. It is copied.
    dtype : dtype
        float64 or float32, in which the copy is held and decomposed.

    Attributes
    ----------
    matrix : SymmetricMatrix
        What residuals are to be computed from: the copy, or ``K`` if its entries are more exact.

    Raises
    ------
    ImportError
        If SciPy is not installed.
    ValueError
        If an entry is too large for ``dtype``.
    """

    def __init__(self, K: SymmetricMatrix, dtype: np.dtype[Any]) -> None:
        lapack: Any = import_extra("scipy.linalg.lapack", "solve", "the solver cholesky")
        blas: Any = import_extra("scipy.linalg.blas", "solve", "the solver cholesky")
        letter = "s" if dtype == np.float32 else "d"
        self._potrf = getattr(lapack, f"{letter}potrf")
        self._trsm = getattr(blas, f"{letter}trsm")
        with np.errstate(over="ignore"):  # an error below says it
            self._values = whole(K, dtype)
        self._below = Below(self._values)
        self._tiles = list(blocks(len(self._values), self._below.tile))
        exact = np.can_cast(K.dtype, dtype)
        self.matrix: SymmetricMatrix = self._below if exact else K
        if not exact and not all(np.isfinite(self._values[rows]).all() for rows in self._tiles):
            raise ValueError(f"K has entries too large for {dtype}: take precision float64")
        self._added = 0.0

    def decompose(self, added: float) -> None:
        """Compute ``U`` for this ``r``, its rows a tile's height at a time.

        Raises
        ------
        ValueError
            If ``K + r I`` is not positive definite in the dtype.
        """
        A, self._added = self._values, added
        for index, rows in enumerate(self._tiles):
            corner = self._below.corner(rows)
            np.einsum("ii->i", corner)[:] += corner.dtype.type(added)
            self._subtract(corner, rows, rows)
            # The transpose of an array is in the order of Fortran: LAPACK takes it without a copy.
            factor, failed = self._potrf(corner.T, lower=1, clean=1, overwrite_a=1)
            if failed:
                raise self._failure("not positive definite")
            np.copyto(A[rows, rows], factor.T, where=np.tri(len(factor), dtype=np.bool_).T)
            for columns in self._tiles[index + 1 :]:
                tile = A[columns, rows].T.copy()
                self._subtract(tile, rows, columns)
                solved = self._trsm(1.0, factor, tile.T, side=1, lower=1, trans_a=1, overwrite_b=1)
                A[rows, columns] = solved.T

    def solve(self, vectors: Doubles, _shifts: Doubles) -> Doubles:
        """``(U^T U)^-1`` times the vectors, computed in the dtype.

        Parameters
        ----------
        vectors : ndarray of shape (n, columns)
            The vectors. Scaled to the length 1, they neither overflow nor vanish in the dtype.
        _shifts : ndarray
            Not needed, since ``r`` is that of the decomposition.

        Returns
        -------
        ndarray of shape (n, columns), float64
            The products.

        Raises
        ------
        ValueError
            If a product is too large for the dtype.
        """
        lengths = np.linalg.norm(vectors, axis=0)
        lengths[lengths == 0] = 1
        A = self._values
        X = (vectors / lengths).astype(A.dtype)
        for rows in self._tiles:
            for above in blocks(rows.start, DEPTH):
                X[rows] -= A[above, rows].T @ X[above]
            X[rows] = self._trsm(1.0, A[rows, rows].T, X[rows], lower=1)
        for rows in reversed(self._tiles):
            for right in blocks(len(A) - rows.stop, DEPTH):
                columns = slice(rows.stop + right.start, rows.stop + right.stop)
                X[rows] -= A[rows, columns] @ X[columns]
            X[rows] = self._trsm(1.0, A[rows, rows].T, X[rows], lower=1, trans_a=1)
        if not np.isfinite(X).all():
            raise self._failure("too near to singular")
        return np.asarray(X * lengths, np.float64)

    def _subtract(self, tile: NDArray[Any], rows: slice, columns: slice) -> None:
        """Subtract what the rows of ``U`` above contribute to this tile."""
        for above in blocks(rows.start, DEPTH):
            tile -= self._values[above, rows].T @ self._values[above, columns]

    def _failure(self, what: str) -> ValueError:
        dtype = self._values.dtype
        advice = (
            "precision float64, larger lambdas, or the solver cg"
            if dtype == np.float32
            else "larger lambdas, or the solver eigh, which counts eigenvalues below 0 as 0"
        )
        return ValueError(
            f"K with {self._added:.3g} added to its diagonal is {what} in {dtype}; take {advice}"
        )
