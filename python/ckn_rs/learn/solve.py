"""The three solvers of ``(K + r I) a = Y`` behind one interface."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ckn_rs._support.blas import scipy_in_one_thread
from ckn_rs._support.progress import counter
from ckn_rs._support.termination import raise_on_sigterm
from ckn_rs.learn import conjugate_gradients
from ckn_rs.learn.checkpoint import Checkpoint, NoCheckpoint
from ckn_rs.learn.cholesky import CholeskyFactor
from ckn_rs.learn.conjugate_gradients import State
from ckn_rs.learn.decomposition import Decomposition
from ckn_rs.learn.low_rank import Preconditioner, find_pivots
from ckn_rs.learn.tiles import Doubles, InMemory, SymmetricMatrix, whole

REFINEMENTS = 100
"""The most passes that refine a solution by a Cholesky factor; far less time than the factor's."""

FORMAT = 1
"""The number of the checkpoint's format, a part of its digest."""


@dataclass(frozen=True)
class Options:
    """How to solve; :func:`ckn_rs.ridge.fit` explains each."""

    tolerance: float
    max_passes: int
    seed: int
    checkpoint: Path | None
    progress: bool


@dataclass(frozen=True)
class Solved:
    """The solutions for ``k`` regularisations and ``t`` targets.

    Parameters
    ----------
    coefficients : ndarray of shape (k, n, t)
        The solutions.
    residuals : ndarray of shape (k,)
        The largest relative residual of a target.
    converged : ndarray of bool of shape (k,)
        Whether that is within the tolerance.
    passes : int
        How many passes were made over the matrix, if they are counted.
    left_out : ndarray of shape (k, n, t), or None
        Predictions of each target by the fit to all others.
    smallest : float
        The smallest eigenvalue, or 0 if it is not known.
    """

    coefficients: Doubles
    residuals: Doubles
    converged: NDArray[np.bool_]
    passes: int = 0
    left_out: Doubles | None = None
    smallest: float = 0.0


def by_eigh(K: SymmetricMatrix, Y: Doubles, added: Doubles, tolerance: float) -> Solved:
    """Solve by one eigendecomposition, which gives the predictions left out, too."""
    in_place = isinstance(K, InMemory) and K.dtype == np.float64
    matrix = K.values if isinstance(K, InMemory) and in_place else whole(K)
    decomposition = Decomposition.of(matrix)
    shape = (len(added), *Y.shape)
    coefficients, left_out, residuals = np.empty(shape), np.empty(shape), np.empty(len(added))
    norms = np.linalg.norm(Y, axis=0)
    for index, solution in enumerate(decomposition.solve(Y, added.tolist())):
        coefficients[index], left_out[index] = solution.coefficients, solution.left_out
        residual = solution.fitted - matrix @ solution.coefficients
        residuals[index] = (np.linalg.norm(residual, axis=0) / norms).max()
    return Solved(
        coefficients,
        residuals,
        residuals <= tolerance,
        left_out=left_out,
        smallest=float(decomposition.values[0]),
    )


def by_cholesky(
    K: SymmetricMatrix, Y: Doubles, added: Doubles, tolerance: float, precision: str
) -> Solved:
    """Solve by a Cholesky decomposition for each regularisation, in float64 or float32.

    The smallest comes first, since it is the one that may fail. A factor in float64 is nearly an
    inverse, so that one step of conjugate gradients is enough; one in float32 takes some more.
    """
    coefficients, residuals = np.empty((len(added), *Y.shape)), np.empty(len(added))
    factor = CholeskyFactor(K, np.dtype(precision))
    with scipy_in_one_thread():
        for index in np.argsort(added):
            factor.decompose(float(added[index]))
            state = conjugate_gradients.solve(
                factor.matrix,
                Y,
                added[[index]],
                factor,
                State.begin(Y, 1),
                tolerance=tolerance,
                max_passes=REFINEMENTS,
                each=lambda _: None,
            )
            coefficients[index], residuals[index] = state.solution, state.errors.max()
    return Solved(coefficients, residuals, residuals <= tolerance)


def by_cg(
    K: SymmetricMatrix,
    Y: Doubles,
    added: Doubles,
    rank: int,
    options: Options,
    asked_rank: int | None,
) -> Solved:
    """Solve by preconditioned conjugate gradients, from a checkpoint if there is one.

    The checkpoint has the pivots of the preconditioner and not its factor, which is large: one
    pass makes it again. The rank is a part of the problem only if the caller has asked for it. A
    process that goes on keeps the rank of the one before, whatever memory is available now.
    """
    file: Checkpoint | NoCheckpoint = NoCheckpoint()
    if options.checkpoint is not None:
        digest = _digest(K, Y, added, options.seed, asked_rank)
        file = Checkpoint(options.checkpoint, digest)
    kept = "; the same call goes on from its checkpoint" if options.checkpoint else ""
    with (
        raise_on_sigterm(f"terminated{kept}"),
        counter(options.progress, "tiles") as show,
    ):
        text = "preconditioner"

        def tile_done() -> None:
            show(1, text)

        begun, state = file.read()
        _, factor = find_pivots(
            K,
            max(rank, len(begun)),
            seed=options.seed,
            enough=float(added.min()),
            begun=begun,
            keep=file.keep_pivots,
            report=tile_done,
            final=state is not None,
        )
        preconditioner = Preconditioner(factor)
        state = State.begin(Y, len(added)) if state is None else state

        def pass_done(state: State) -> None:
            nonlocal text
            file.keep(state)
            live = state.errors[state.live]
            text = f"pass {state.passes}, residual {live.max(initial=0):.1e}"

        state = conjugate_gradients.solve(
            K,
            Y,
            added,
            preconditioner,
            state,
            tolerance=options.tolerance,
            max_passes=options.max_passes,
            each=pass_done,
            report=tile_done,
        )
    file.remove()
    n, t = Y.shape
    residuals = state.errors.reshape(len(added), t).max(axis=1)
    return Solved(
        np.ascontiguousarray(state.solution.reshape(n, len(added), t).transpose(1, 0, 2)),
        residuals,
        residuals <= options.tolerance,
        state.passes,
    )


def _digest(K: SymmetricMatrix, Y: Doubles, added: Doubles, seed: int, rank: int | None) -> str:
    """What tells a problem from others."""
    found = hashlib.sha256(repr((FORMAT, K.digest(), Y.shape, seed, rank)).encode())
    found.update(Y.tobytes())
    found.update(added.tobytes())
    return found.hexdigest()
