"""Eigendecompositions of kernel matrices, which solve for any regularisations and targets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ckn_rs._support import interruptible


@dataclass(frozen=True)
class Solution:
    """Kernel ridge regression with one regularisation ``r``, on targets ``Y`` of shape ``(n, t)``.

    Parameters
    ----------
    coefficients : ndarray of shape (n, t)
        ``a = (K + r I)^-1 Y``.
    fitted : ndarray of shape (n, t)
        The prediction for each training sample by the fit to all of them, ``Y - r a``.
    left_out : ndarray of shape (n, t)
        The prediction for it by the fit to all the others.
    """

    coefficients: NDArray[np.float64]
    fitted: NDArray[np.float64]
    left_out: NDArray[np.float64]


@dataclass(frozen=True)
class Decomposition:
    """A kernel matrix as ``V D V^T``; :meth:`of` decomposes it.

    Parameters
    ----------
    values : ndarray of shape (n,)
        ``D``, in ascending order.
    vectors : ndarray of shape (n, n)
        ``V``, an eigenvector a column.
    """

    values: NDArray[np.float64]
    vectors: NDArray[np.float64]

    @classmethod
    def of(cls, K: NDArray[np.float64]) -> Decomposition:
        """Decompose a symmetric matrix. It takes four times the memory of ``K`` beside it."""
        return cls(*interruptible.run(lambda: np.linalg.eigh(K)))

    def solve(self, Y: NDArray[np.float64], added: Iterable[float]) -> Iterator[Solution]:
        """Solve for each regularisation ``r`` above 0, which is added to the diagonal.

        ``(K + r I)^-1 = V (D + r)^-1 V^T``. An eigenvalue below 0 counts as 0: rounding made it.
        The prediction for a sample by the fit to all others is ``Y_i - a_i / g_i``, with ``g`` the
        diagonal of ``(K + r I)^-1``.

        Parameters
        ----------
        Y : ndarray of shape (n, t)
            Targets, a column each.
        added : iterable of float
            The regularisations.

        Yields
        ------
        Solution
            The fits, one for each regularisation.
        """
        projected, squares = self.vectors.T @ Y, self.vectors**2
        for each in added:
            inverse = 1 / (np.maximum(self.values, 0) + each)
            solved = self.vectors @ (inverse[:, None] * projected)
            left_out = Y - solved / (squares @ inverse)[:, None]
            yield Solution(solved, Y - each * solved, left_out)
