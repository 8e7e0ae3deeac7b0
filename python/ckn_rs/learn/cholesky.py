"""Regularised systems by one Cholesky decomposition each, all in the memory of one matrix."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ckn_rs._support.extras import import_extra
from ckn_rs.learn.tiles import Doubles, blocks

REFINEMENTS = 3
"""At most so many steps of iterative refinement are made."""

STRIP = 1024


class CholeskySolver:
    """A symmetric matrix in float64 whose one triangle is overwritten by its decompositions.

    LAPACK's ``potrf`` reads and writes one triangle. The other one keeps the entries of the matrix,
    for the next regularisation and for residuals; only the diagonal is kept apart.

    Parameters
    ----------
    matrix : ndarray of shape (n, n), float64, C-contiguous
        ``K``, with both triangles. It is overwritten.

    Raises
    ------
    ImportError
        If SciPy is not installed.
    """

    def __init__(self, matrix: Doubles) -> None:
        self._lapack: Any = import_extra("scipy.linalg.lapack", "solve", "the solver cholesky")
        self._blas: Any = import_extra("scipy.linalg.blas", "solve", "the solver cholesky")
        # The transpose is in the order of Fortran, so that LAPACK takes it without a copy.
        self._matrix, self._transposed = matrix, matrix.T
        self._diagonal = matrix.diagonal().copy()

    def solve(
        self, Y: Doubles, added: Doubles, tolerance: float
    ) -> Iterator[tuple[Doubles, Doubles]]:
        """Solve for each regularisation, and refine while a residual is larger than asked.

        Parameters
        ----------
        Y : ndarray of shape (n, t)
            The targets, none of them 0.
        added : ndarray of shape (k,)
            The regularisations ``r``, which are added to the diagonal.
        tolerance : float
            The largest norm of a residual, as a share of that of its target.

        Yields
        ------
        solution : ndarray of shape (n, t)
            ``(K + r I)^-1 Y``.
        errors : ndarray of shape (t,)
            The relative residuals.

        Raises
        ------
        ValueError
            If ``K + r I`` is not positive definite in float64.
        """
        norms = np.linalg.norm(Y, axis=0)
        for each in added.tolist():
            self._decompose(each)
            solution = self._substitute(Y)
            residual = self._residual(Y, solution, each)
            errors = np.linalg.norm(residual, axis=0) / norms
            for _ in range(REFINEMENTS):
                if errors.max() <= tolerance:
                    break
                better = solution + self._substitute(residual)
                residual = self._residual(Y, better, each)
                found = np.linalg.norm(residual, axis=0) / norms
                if not found.max() < errors.max():
                    break
                solution, errors = better, found
            yield solution, errors

    def _decompose(self, added: float) -> None:
        """Restore the triangle and decompose it; the upper one of ``matrix`` is LAPACK's lower."""
        for rows in blocks(len(self._matrix), STRIP):
            for columns in blocks(rows.start, STRIP):
                self._matrix[columns, rows] = self._matrix[rows, columns].T
            corner = self._matrix[rows, rows]
            upper = np.triu_indices(len(corner), 1)
            corner[upper] = corner.T[upper]
        self._set_diagonal(self._diagonal + added)
        _, failed = self._lapack.dpotrf(self._transposed, lower=1, clean=0, overwrite_a=1)
        if failed:
            raise ValueError(
                f"K with {added:.3g} added to its diagonal is not positive definite in float64; "
                "take larger lambdas, or the solver eigh, which counts eigenvalues below 0 as 0"
            )

    def _substitute(self, Y: Doubles) -> Doubles:
        solution, _ = self._lapack.dpotrs(self._transposed, Y, lower=1)
        return np.ascontiguousarray(solution)

    def _residual(self, Y: Doubles, solution: Doubles, added: float) -> Doubles:
        """``Y - (K + r I) a``, by the triangle that has the entries of ``K``."""
        kept = self._matrix.diagonal().copy()
        self._set_diagonal(self._diagonal + added)
        product = self._blas.dsymm(1.0, self._transposed, solution, lower=0)
        self._set_diagonal(kept)
        return np.ascontiguousarray(Y - product)

    def _set_diagonal(self, values: Doubles) -> None:
        np.einsum("ii->i", self._matrix)[:] = values
