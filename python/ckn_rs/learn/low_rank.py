"""Approximations ``K ~ F F^T`` of low rank by randomly pivoted Cholesky, as preconditioners.

A pass over the tiles of a large matrix takes long, so that pivots are found in batches: a round
proposes many, reads their columns in one pass, and accepts some of them so that they are
distributed as if they had been drawn one after the other [2]_.

References
----------
.. [1] Y. Chen, E. N. Epperly, J. A. Tropp and R. J. Webber, *Randomly pivoted Cholesky: practical
   approximation of a kernel matrix with few entry evaluations*, 2023.
.. [2] E. N. Epperly, J. A. Tropp and R. J. Webber, *Embrace rejection: kernel matrix approximation
   by accelerated randomly pivoted Cholesky*, 2024.
.. [3] M. Diaz, E. N. Epperly, Z. Frangella, J. A. Tropp and R. J. Webber, *Robust, randomized
   preconditioning for kernel ridge regression*, 2023.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ckn_rs._support import interruptible
from ckn_rs.learn.tiles import Doubles, Indices, Report, SymmetricMatrix, blocks, columns_of

ROUNDS = 20
"""At most so many passes are made for pivots. Where eigenvalues fall fast, fewer do."""

STRIP = 4096
"""Rows of a factor that are multiplied at once, so that a signal is handled between two strips."""

SLACK = 16
"""Rounding leaves so many times the rounding error of the trace when nothing else is left."""

EPSILON = float(np.finfo(np.float64).eps)


def batch_of(rank: int) -> int:
    """How many pivots a round proposes; their columns are in memory beside the factor."""
    return max(rank // 4, min(rank, 32))


def find_pivots(
    K: SymmetricMatrix,
    rank: int,
    *,
    seed: int,
    enough: float,
    begun: Indices,
    keep: Callable[[Indices], object],
    report: Report | None = None,
    final: bool = False,
) -> tuple[Indices, Doubles]:
    """Pivots of a symmetric matrix, and the factor of the approximation that has their columns.

    A pivot is drawn with a probability proportional to what the approximation so far leaves of the
    diagonal [1]_.

    Parameters
    ----------
    K : SymmetricMatrix
        The matrix, ``(n, n)``, positive semidefinite up to rounding.
    rank : int
        How many pivots are wanted, at most ``n``.
    seed : int
        The seed of the random choice.
    enough : float
        There need be no more when this, or less, is left of the trace.
    begun : ndarray of int
        Pivots that an earlier call has found.
    keep : callable
        Called with the pivots so far, after each round.
    report : callable, optional
        Called after each tile.
    final : bool
        Whether ``begun`` has all pivots, so that only the factor is wanted.

    Returns
    -------
    pivots : ndarray of int of shape (k,)
        At most ``rank`` pivots.
    factor : ndarray of shape (n, k'), float64
        ``F``, with a column a pivot, less those that rounding decides.
    """
    building = _Factor(K, rank)
    pivots = begun
    if len(pivots):
        building.append(columns_of(K, pivots, report), pivots)
    for _ in range(0 if final else ROUNDS):
        trace = float(building.left.sum())
        if len(pivots) >= rank or trace <= max(enough, building.negligible):
            break
        rng = np.random.default_rng([seed, len(pivots)])
        drawn = rng.choice(len(building.left), batch_of(rank), p=building.left / trace)
        # A second draw of the same pivot would never be accepted.
        drawn = drawn[np.sort(np.unique(drawn, return_index=True)[1])]
        columns = building.residual(columns_of(K, drawn, report), drawn)
        accepted = _thinned(columns[drawn], building.left[drawn], rng)[: rank - len(pivots)]
        building.append_residual(columns[:, accepted], drawn[accepted])
        pivots = np.concatenate([pivots, drawn[accepted]])
        keep(pivots)
    return pivots, building.factor


class _Factor:
    """The factor of an approximation, which grows, and what it leaves of the diagonal."""

    def __init__(self, K: SymmetricMatrix, rank: int) -> None:
        self.left = np.maximum(K.diagonal().astype(np.float64), 0)
        self._space = np.empty((len(self.left), rank))
        self._rank = 0
        # What rounding in the dtype of the matrix makes of 0 on its diagonal.
        self._rounding = float(np.finfo(K.dtype).eps) * float(self.left.mean())
        self.negligible = SLACK * self._rounding * len(self.left)

    @property
    def factor(self) -> Doubles:
        """``F``, as far as it goes."""
        return self._space[:, : self._rank]

    def residual(self, columns: Doubles, pivots: Indices) -> Doubles:
        """What the approximation leaves of some columns; they are overwritten."""
        across = self.factor[pivots].T
        for rows in blocks(len(columns), STRIP):
            columns[rows] -= self.factor[rows] @ across
        return columns

    def append(self, columns: Doubles, pivots: Indices) -> None:
        """Go on with the columns of ``K`` at these pivots."""
        self.append_residual(self.residual(columns, pivots), pivots)

    def append_residual(self, columns: Doubles, pivots: Indices) -> None:
        """Go on with what is left of the columns, ``C``: with ``C C_p^-1 C^T``, ``C_p`` at pivots.

        Eigenvectors of ``C_p`` whose eigenvalue is one of rounding are left out.
        """
        square = columns[pivots]
        values, vectors = interruptible.run(lambda: np.linalg.eigh((square + square.T) / 2))
        floor = max(self._rounding, len(pivots) * EPSILON * float(values.max()))
        chosen = values > floor
        across = vectors[:, chosen] / np.sqrt(values[chosen])
        new = self._space[:, self._rank : self._rank + int(chosen.sum())]
        for rows in blocks(len(columns), STRIP):
            new[rows] = columns[rows] @ across
            self.left[rows] -= np.einsum("ij,ij->i", new[rows], new[rows])
        np.maximum(self.left, 0, out=self.left)
        self.left[pivots] = 0
        self._rank += new.shape[1]


def _thinned(square: Doubles, proposed: Doubles, rng: np.random.Generator) -> Indices:
    """Which of the proposed pivots are accepted.

    ``square`` is the residual matrix at all of them, and ``proposed`` its diagonal, by which they
    were drawn. Each is accepted with the share that the accepted ones before it leave of that.
    """
    square, accepted = square.copy(), []
    for i, chance in enumerate(rng.random(len(square))):
        if square[i, i] > chance * proposed[i]:
            accepted.append(i)
            rest = slice(i + 1, None)
            square[rest, rest] -= np.outer(square[rest, i], square[i, rest] / square[i, i])
    return np.array(accepted, np.intp)


class Preconditioner:
    """The inverses of ``F F^T + r I`` for any ``r`` above 0, from one factor.

    The factor is rotated, in its own memory, so that its columns are orthogonal. With ``G`` the
    result and ``s^2`` the squares of the columns' norms, the inverse is
    ``(I - G diag(1 / (s^2 + r)) G^T) / r``. The rotation has an error of about ``eps |K|``, which
    is why a smaller ``r`` counts as that.

    Parameters
    ----------
    factor : ndarray of shape (n, k), float64
        ``F``. It is overwritten.
    """

    def __init__(self, factor: Doubles) -> None:
        self.factor = factor
        strips = list(blocks(len(factor), STRIP))
        gram = np.zeros((factor.shape[1],) * 2)
        for rows in strips:
            gram += factor[rows].T @ factor[rows]
        _, rotation = interruptible.run(lambda: np.linalg.eigh(gram))
        self.squares = np.zeros(factor.shape[1])
        for rows in strips:
            factor[rows] = factor[rows] @ rotation
            self.squares += np.einsum("ij,ij->j", factor[rows], factor[rows])
        self.floor = len(factor) * EPSILON * float(self.squares.max(initial=0))

    def solve(self, R: Doubles, added: Doubles) -> Doubles:
        """Multiply each column of ``R`` by the inverse for its own ``r``."""
        shifts = np.maximum(added, self.floor)
        inner = self.factor.T @ R
        inner /= self.squares[:, None] + shifts
        result = R - self.factor @ inner
        result /= shifts
        return result
