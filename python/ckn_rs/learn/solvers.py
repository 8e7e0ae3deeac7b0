"""Which solver fits the machine, and how much memory each takes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib.util import find_spec

from ckn_rs._support import memory as _memory
from ckn_rs.learn.cholesky import tile_of
from ckn_rs.learn.conjugate_gradients import ARRAYS
from ckn_rs.learn.low_rank import batch_of

SOLVERS = ("auto", "eigh", "cholesky", "cg")

PRECISIONS = ("float64", "float32")
"""The dtypes of the factors of cholesky."""

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

ONLY = "in float64 it does not fit"
"""Why ``auto`` takes factors in float32."""

LEAST_RANK = 10
"""With less than that, or ``n``, conjugate gradients are refused for want of memory."""

TILE_COPIES = 32
"""Bytes for each entry of a tile: as it is read, checked and converted."""

FACTOR_COPIES = 40
"""Bytes for each entry of a tile of a Cholesky factor: it, its copies, and what is subtracted."""


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
    single : bool
        Whether factors in float32 will do: no regularisation is as small as their errors.
    stored : bool
        Whether the matrix is in a store, whose tiles the caller has chosen.
    """

    n: int
    targets: int
    lambdas: int
    tile: int
    in_place: bool
    single: bool
    stored: bool

    def eigh(self) -> int:
        """The bytes of memory that a decomposition takes."""
        return 8 * self.n**2 * (4 if self.in_place else 5) + self._solutions(2)

    def cholesky(self, precision: str = "float64") -> int:
        """The bytes that Cholesky decompositions take in this precision."""
        size = 4 if precision == "float32" else 8
        tiles = max(self._tiles(), FACTOR_COPIES * tile_of(self.n) ** 2)
        return (
            size * self.n**2 + tiles + self._solutions(1) + 8 * self.n * self.targets * (ARRAYS + 2)
        )

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
    """A solver, with what it takes; as a text, what a user wants to read of it.

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
    precision : {'float64', 'float32'} or None
        The dtype of the factors of cholesky.
    lambdas : tuple of float
        The regularisations that it computes.
    """

    solver: str
    memory: int
    available: int | None
    reason: str
    rank: int | None = None
    precision: str | None = None
    lambdas: tuple[float, ...] = ()

    def __str__(self) -> str:
        left = "" if self.available is None else f" of {_memory.as_text(self.available)}"
        rank = "" if self.rank is None else f", a preconditioner of rank {self.rank:,}"
        solver = self.solver + (" in float32" if self.precision == "float32" else "")
        return f"{solver} ({self.reason}), about {_memory.as_text(self.memory)}{left}{rank}"


def choose(
    problem: Problem,
    solver: str,
    *,
    leave_one_out: bool,
    holdout: bool,
    memory: int | None,
    rank: int | None,
    precision: str | None = None,
) -> Choice:
    """Choose a solver, or check that the one asked for fits.

    Parameters
    ----------
    problem : Problem
        The size of the problem.
    solver : {'auto', 'eigh', 'cholesky', 'cg'}
        ``auto`` takes eigh if it fits and there are at most 10,000 images; then cholesky if it
        fits, SciPy is installed, and there are at most 30,000, with factors in float32 if only
        these fit and will do; else cg. With ``leave_one_out`` it takes eigh whatever the time.
    leave_one_out : bool
        Whether predictions for each image left out are needed; only eigh has them.
    holdout : bool
        Whether images are held out, so that leaving one out is not needed for a choice.
    memory : int or None
        The bytes that may be taken; None if that is not known.
    rank : int or None
        The rank of the preconditioner; by default what is worth its time and fits.
    precision : {'float64', 'float32'}, optional
        The dtype of the factors of cholesky; by default float64, unless ``auto`` takes float32.

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
    if precision is not None and precision not in PRECISIONS:
        raise ValueError(f"precision must be {' or '.join(PRECISIONS)}, got {precision!r}")
    if precision is not None and solver not in ("auto", "cholesky"):
        raise ValueError(f"precision goes with the solver cholesky, got solver {solver!r}")
    if solver == "auto":
        solver, reason, precision = _automatic(problem, leave_one_out, holdout, memory, precision)
    else:
        reason = "as asked"
    if solver == "cg":
        rank = problem.rank(memory) if rank is None else min(rank, problem.n)
        if rank < min(problem.n, LEAST_RANK):
            instead = "a store with smaller tiles" if problem.stored else "fewer images"
            raise ValueError(_too_small("cg", problem.cg(LEAST_RANK), memory, instead))
        need = problem.cg(rank)
        if memory is not None and need > memory:
            raise ValueError(_too_small("cg", need, memory, f"a rank below {rank}"))
        return Choice(solver, need, memory, reason, rank)
    precision = precision or "float64"
    need = problem.eigh() if solver == "eigh" else problem.cholesky(precision)
    if memory is not None and need > memory:
        name = f"{solver} in float32" if precision == "float32" else solver
        raise ValueError(_too_small(name, need, memory, _instead(problem, memory)))
    return Choice(
        solver, need, memory, reason, precision=precision if solver == "cholesky" else None
    )


def _instead(problem: Problem, memory: int) -> str:
    """The solvers that fit, with what they take; eigh takes more than any other."""
    fit = {}
    if problem.cholesky() <= memory:
        fit["the solver cholesky"] = problem.cholesky()
    elif problem.single and problem.cholesky("float32") <= memory:
        fit["the solver cholesky with precision float32"] = problem.cholesky("float32")
    if problem.cg(rank := problem.rank(memory)) <= memory:
        fit["the solver cg"] = problem.cg(rank)
    return " or ".join(f"{name} ({_memory.as_text(bytes_)})" for name, bytes_ in fit.items())


def _automatic(
    problem: Problem,
    leave_one_out: bool,
    holdout: bool,
    memory: int | None,
    precision: str | None,
) -> tuple[str, str, str | None]:
    """The solver that ``auto`` takes, why, and the precision of cholesky."""

    def fits(need: int) -> bool:
        return memory is None or need <= memory

    if leave_one_out:
        return "eigh", "it leaves one out", None
    wanted = precision or "float64"
    if precision is None and problem.single and not fits(problem.cholesky()):
        wanted = "float32"
    has_cholesky = find_spec("scipy") is not None and fits(problem.cholesky(wanted))
    if problem.n <= EIGH_LIMIT and fits(problem.eigh()) and not (holdout and has_cholesky):
        return "eigh", "it fits" if holdout else "it fits, and leaves one out", None
    if problem.n <= CHOLESKY_LIMIT and has_cholesky:
        return "cholesky", "it fits" if wanted == (precision or "float64") else ONLY, wanted
    if not fits(problem.cholesky(wanted)):
        return "cg", "no other fits the memory", None
    return "cg", "the fastest for so many images", None


def _too_small(solver: str, need: int, memory: int | None, instead: str) -> str:
    instead = instead or "fewer images"
    return (
        f"the solver {solver} takes about {_memory.as_text(need)}, and there are "
        f"{_memory.as_text(memory or 0)}: take {instead}, or say with memory (--memory) how much "
        "there is"
    )
