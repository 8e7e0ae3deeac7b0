"""Preconditioned conjugate gradients for many right sides and regularisations together.

A pass over the tiles of a matrix on a disk takes seconds, so that passes are what counts. One pass
multiplies the search directions of all columns of the targets and of all regularisations. Each
column has a recurrence of its own and leaves when it has converged. A block method, in which the
columns of one regularisation share their directions, needed no fewer passes where we tried it (131
instead of 111, for 2,500 images and ``lambda`` 1e-3): the preconditioner has the eigenvectors by
which it gains. A Krylov space that serves all regularisations exists only without a preconditioner,
and is far larger then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ckn_rs.learn.tiles import Doubles, Report, SymmetricMatrix, multiply

ARRAYS = 10
"""Arrays of the size of all solutions that are in memory at once."""

PROGRESS = 0.5
"""A restart must make the largest residual smaller than this share of itself; else it ends."""


class Inverse(Protocol):
    """An approximate inverse of ``K + r I``."""

    def solve(self, vectors: Doubles, shifts: Doubles, /) -> Doubles:
        """Its products with vectors, ``(n, columns)``, each with the ``r`` of its column."""
        ...


@dataclass
class State:
    """All that the iterations need to go on.

    Parameters
    ----------
    solution, remainder : ndarray of shape (n, columns)
        The smoothed solutions and their residuals. There is a column for each column of the targets
        and each regularisation, those of the first regularisation first.
    iterate, residual, direction : ndarray of shape (n, columns)
        The iterates of conjugate gradients, their residuals, and the next search directions.
    product : ndarray of shape (columns,)
        Inner products of the residuals and the preconditioned residuals.
    live : ndarray of bool of shape (columns,)
        Which columns go on.
    errors : ndarray of shape (columns,)
        Relative residuals, by the recurrence until the true ones are computed.
    checked : ndarray of shape (columns,)
        The true ones, when they were computed last; infinite before.
    passes : int
        How many passes were made over the matrix.
    """

    solution: Doubles
    remainder: Doubles
    iterate: Doubles
    residual: Doubles
    direction: Doubles
    product: Doubles
    live: NDArray[np.bool_]
    errors: Doubles
    checked: Doubles
    passes: int = 0

    @classmethod
    def begin(cls, Y: Doubles, count: int) -> State:
        """The state before the first pass, for so many regularisations."""
        residual = np.tile(Y, (1, count))
        columns = residual.shape[1]
        return cls(
            np.zeros_like(residual),
            residual.copy(),
            np.zeros_like(residual),
            residual,
            np.zeros_like(residual),
            np.zeros(columns),
            np.zeros(columns, np.bool_),
            np.ones(columns),
            np.full(columns, np.inf),
        )


def solve(
    K: SymmetricMatrix,
    Y: Doubles,
    added: Doubles,
    preconditioner: Inverse,
    state: State,
    *,
    tolerance: float,
    max_passes: int,
    each: Callable[[State], object],
    report: Report | None = None,
) -> State:
    """Solve ``(K + r I) a = Y`` for each column of ``Y`` and each ``r``.

    When all columns have converged by their recurrences, the true residuals are computed. Columns
    whose own is larger than asked begin anew from it, as long as that helps.

    Parameters
    ----------
    K : SymmetricMatrix
        The matrix, ``(n, n)``.
    Y : ndarray of shape (n, t)
        The targets, none of them 0.
    added : ndarray of shape (k,)
        The regularisations ``r``.
    preconditioner : Inverse
        The approximate inverses.
    state : State
        Where to begin; it is changed.
    tolerance : float
        The largest norm of a residual, as a share of that of its target.
    max_passes : int
        At most so many passes are made, and one for the true residuals.
    each : callable
        Called with the state after each pass.
    report : callable, optional
        Called after each tile.

    Returns
    -------
    State
        The solutions, with their true residuals and ``errors``.
    """
    shifts = np.repeat(added, Y.shape[1])
    norms = np.tile(np.linalg.norm(Y, axis=0), len(added))
    if not state.passes:
        _start(state, preconditioner, shifts, np.full(len(shifts), True))
    while True:
        while state.live.any() and state.passes < max_passes:
            _iterate(K, state, preconditioner, shifts, norms, tolerance, report)
            each(state)
        state.remainder = np.tile(Y, (1, len(added)))
        state.remainder -= multiply(K, state.solution, report)
        state.remainder -= state.solution * shifts
        state.errors = np.linalg.norm(state.remainder, axis=0) / norms
        helped = (state.errors > tolerance) & (state.errors < PROGRESS * state.checked)
        state.checked = state.errors.copy()
        state.passes += 1
        if not helped.any() or state.passes >= max_passes:
            state.live[:] = False
            return state
        _start(state, preconditioner, shifts, helped)
        each(state)


def _start(
    state: State, preconditioner: Inverse, shifts: Doubles, which: NDArray[np.bool_]
) -> None:
    """Begin these columns at their solutions."""
    state.iterate, state.residual = state.solution.copy(), state.remainder.copy()
    state.live = which & (np.linalg.norm(state.residual, axis=0) > 0)
    state.direction = preconditioner.solve(state.residual, shifts)
    state.product = np.einsum("ij,ij->j", state.residual, state.direction)


def _iterate(
    K: SymmetricMatrix,
    state: State,
    preconditioner: Inverse,
    shifts: Doubles,
    norms: Doubles,
    tolerance: float,
    report: Report | None,
) -> None:
    """One step of all columns that go on, by one pass over the matrix."""
    live = np.flatnonzero(state.live)
    p = state.direction[:, live]
    q = multiply(K, p, report)
    q += p * shifts[live]
    curvature = np.einsum("ij,ij->j", p, q)
    # Rounding may make the matrix indefinite; no step leads on along such a direction.
    sound = curvature > 0
    step = np.divide(state.product[live], curvature, out=np.zeros(len(live)), where=sound)
    state.iterate[:, live] += p * step
    q *= step
    state.residual[:, live] -= q
    residual = state.residual[:, live]
    _smooth(state, live)
    state.errors[live] = np.linalg.norm(state.remainder[:, live], axis=0) / norms[live]
    z = preconditioner.solve(residual, shifts[live])
    product = np.einsum("ij,ij->j", residual, z)
    sound &= product > 0
    p *= np.divide(product, state.product[live], out=np.zeros(len(live)), where=sound)
    p += z
    state.direction[:, live] = p
    state.product[live] = product
    # The recurrence strays from the true residual, for which the other half of the tolerance is.
    state.live[live] = sound & (state.errors[live] > tolerance / 2)
    state.passes += 1


def _smooth(state: State, live: NDArray[np.intp]) -> None:
    """Move these solutions towards the iterates, as far as that makes their residuals smaller."""
    remainder = state.remainder[:, live]
    change = state.residual[:, live] - remainder
    squares = np.einsum("ij,ij->j", change, change)
    share = np.divide(
        -np.einsum("ij,ij->j", remainder, change),
        squares,
        out=np.zeros(len(live)),
        where=squares > 0,
    )
    change *= share
    state.remainder[:, live] += change
    np.subtract(state.iterate[:, live], state.solution[:, live], out=change)
    change *= share
    state.solution[:, live] += change
