"""Which solver fits the machine, and how much memory each takes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib.util import find_spec

from ckn_rs._support import memory as _memory
from ckn_rs.learn.conjugate_gradients import ARRAYS
from ckn_rs.learn.low_rank import batch_of

SOLVERS = ("auto", "eigh", "cholesky", "cg")

EIGH_LIMIT = 10_000
"""Above so many images ``auto`` does not take eigh, whose time is some ten times that of others."""

CHOLESKY_LIMIT = 30_000
"""Above so many images ``auto`` does not take cholesky: conjugate gradients need less time."""

RANK = 20
"""The rank of a preconditioner, in square roots of ``n``.

Its construction takes some ``3 n rank^2`` operations then, as many as six passes of conjugate
gradients for a hundred columns. The passes that are needed fall by more than that: they go with the
square root of the first eigenvalue that is left.
"""

LEAST_RANK = 10
"""With less than that, or ``n``, conjugate gradients are refused for want of memory."""

TILE_COPIES = 32
"""Bytes for each entry of a tile: as it is read, checked and converted."""


@dataclass(frozen=True)
class Problem:
    """The size of a problem.

    Parameters
    ----------
    n : int
        Training images, less those that are held out.
    targets : int
        Columns of the targets.
    lambdas : int
        Regularisations.
    tile : int
        Rows and columns of a tile.
    in_place : bool
        Whether the matrix is in memory in float64, so that eigh needs no copy of its own.
    """

    n: int
    targets: int
    lambdas: int
    tile: int
    in_place: bool

    def eigh(self) -> int:
        """The bytes of memory that a decomposition takes."""
        return 8 * self.n**2 * (4 if self.in_place else 5) + self._solutions(2)

    def cholesky(self) -> int:
        """The bytes that Cholesky decompositions take."""
        return 8 * self.n**2 + self._tiles() + self._solutions(1) + 8 * self.n * self.targets * 5

    def cg(self, rank: int) -> int:
        """The bytes that conjugate gradients take with a preconditioner of this rank."""
        columns = rank + 2 * batch_of(rank)
        return self._tiles() + self._solutions(ARRAYS) + 8 * (self.n * columns + 4 * rank**2)

    def rank(self, memory: int | None) -> int:
        """The rank that is worth its time, or the largest one that this memory has room for.

        It is 0 if there is room for none.
        """
        high = min(self.n, math.ceil(RANK * math.sqrt(self.n)))
        if memory is None or self.cg(high) <= memory:
            return high
        low = 0
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.cg(middle) <= memory else (low, middle)
        return low

    def _tiles(self) -> int:
        return TILE_COPIES * min(self.tile, self.n) ** 2

    def _solutions(self, copies: int) -> int:
        return 8 * self.n * self.targets * self.lambdas * copies


@dataclass(frozen=True)
class Choice:
    """A solver, with what it takes.

    Parameters
    ----------
    solver : str
        ``'eigh'``, ``'cholesky'`` or ``'cg'``.
    memory : int
        The bytes that it takes, about, beside the memory of the process before.
    available : int or None
        The bytes that are available; None if that is not known.
    reason : str
        Why it was chosen.
    rank : int or None
        The rank of the preconditioner of cg.
    """

    solver: str
    memory: int
    available: int | None
    reason: str
    rank: int | None = None

    def __str__(self) -> str:
        left = "" if self.available is None else f" of {_memory.as_text(self.available)}"
        rank = "" if self.rank is None else f", a preconditioner of rank {self.rank:,}"
        return f"{self.solver} ({self.reason}), about {_memory.as_text(self.memory)}{left}{rank}"


def choose(
    problem: Problem,
    solver: str,
    *,
    leave_one_out: bool,
    holdout: bool,
    memory: int | None,
    rank: int | None,
) -> Choice:
    """Choose a solver, or check that the one asked for fits.

    Parameters
    ----------
    problem : Problem
        The size of the problem.
    solver : {'auto', 'eigh', 'cholesky', 'cg'}
        ``auto`` takes eigh if it fits and there are at most 10,000 images; then cholesky if it
        fits, SciPy is installed, and there are at most 30,000; else cg. With ``leave_one_out`` it
        takes eigh whatever the time.
    leave_one_out : bool
        Whether predictions for each image left out are needed; only eigh has them.
    holdout : bool
        Whether images are held out, so that leaving one out is not needed for a choice.
    memory : int or None
        The bytes that may be taken; None if that is not known.
    rank : int or None
        The rank of the preconditioner; by default what is worth its time and fits.

    Raises
    ------
    ValueError
        If the solver does not fit or does not do what is asked. The message says which one does.
    """
    if solver not in SOLVERS:
        raise ValueError(f"solver must be one of {', '.join(SOLVERS)}, got {solver!r}")
    if leave_one_out and solver in ("cholesky", "cg"):
        raise ValueError(
            f"the solver {solver} does not leave one out: take eigh, or hold a share out (holdout)"
        )
    if solver == "auto":
        solver, reason = _automatic(problem, leave_one_out, holdout, memory)
    else:
        reason = "as asked"
    if solver == "cg":
        rank = problem.rank(memory) if rank is None else min(rank, problem.n)
        if rank < min(problem.n, LEAST_RANK):
            raise ValueError(_too_small("cg", problem.cg(LEAST_RANK), memory, "smaller tiles"))
        need = problem.cg(rank)
        if memory is not None and need > memory:
            raise ValueError(_too_small("cg", need, memory, f"a rank below {rank}"))
        return Choice(solver, need, memory, reason, rank)
    need = problem.eigh() if solver == "eigh" else problem.cholesky()
    if memory is not None and need > memory:
        others = {"cholesky": problem.cholesky(), "cg": problem.cg(problem.rank(memory))}
        fit = [
            f"the solver {name} ({_memory.as_text(bytes_)})"
            for name, bytes_ in others.items()
            if name != solver and bytes_ <= memory
        ]
        raise ValueError(_too_small(solver, need, memory, " or ".join(fit)))
    return Choice(solver, need, memory, reason)


def _automatic(
    problem: Problem, leave_one_out: bool, holdout: bool, memory: int | None
) -> tuple[str, str]:
    """The solver that ``auto`` takes, and why."""

    def fits(need: int) -> bool:
        return memory is None or need <= memory

    if leave_one_out:
        return "eigh", "it leaves one out"
    has_cholesky = find_spec("scipy") is not None and fits(problem.cholesky())
    if problem.n <= EIGH_LIMIT and fits(problem.eigh()) and not (holdout and has_cholesky):
        return "eigh", "it fits" if holdout else "it fits, and leaves one out"
    if problem.n <= CHOLESKY_LIMIT and has_cholesky:
        return "cholesky", "it fits"
    if not fits(problem.cholesky()):
        return "cg", "no other fits the memory"
    return "cg", "the fastest for so many images"


def _too_small(solver: str, need: int, memory: int | None, instead: str) -> str:
    instead = instead or "fewer images"
    return (
        f"the solver {solver} takes about {_memory.as_text(need)}, and there are "
        f"{_memory.as_text(memory or 0)}: take {instead}, or say with memory (--memory) how much "
        "there is"
    )
