"""The solvers of ``(K + r I) a = Y`` against NumPy, each other, and what they promise."""

from __future__ import annotations

import itertools
import sys
from typing import Any

import numpy as np
import pytest

from ckn_rs import ridge
from ckn_rs.learn import solvers, tiles
from ckn_rs.learn.low_rank import Preconditioner, find_pivots
from ckn_rs.learn.ridge import one_hot

SOLVERS = ["eigh", "cholesky", "cg"]
LAMBDAS = [1e-5, 1e-3, 0.1]


def gaussian(n: int, width: float = 8.0, seed: int = 0) -> Any:
    """The Gaussian kernels of random points, with eigenvalues that fall over many decades."""
    points = np.random.default_rng(seed).normal(size=(n, 4))
    squares = (points**2).sum(axis=1)
    return np.exp(-np.maximum(squares[:, None] + squares - 2 * points @ points.T, 0) / width)


K = gaussian(250)
Y = np.random.default_rng(1).integers(3, 7, 250)
TARGETS = one_hot(Y, np.unique(Y))


def needs_scipy(solver: str) -> None:
    if solver == "cholesky":
        pytest.importorskip("scipy")


def residuals(matrix: Any, fitted: ridge.Ridge, targets: Any) -> list[float]:
    found = []
    for r, each in zip(fitted.added, fitted.coefficients, strict=True):
        left = targets - matrix @ each - r * each
        shares = np.linalg.norm(left, axis=0) / np.linalg.norm(targets, axis=0)
        found.append(float(shares.max()))
    return found


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("solver", SOLVERS)
def test_against_numpy(solver: str, dtype: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    needs_scipy(solver)
    monkeypatch.setattr(tiles, "ROWS", 64)
    matrix = (K + 1e-4 * np.eye(250)).astype(dtype)  # rounded to float32 it is positive, too
    fitted = ridge.fit(matrix, Y, LAMBDAS, solver=solver, tolerance=1e-9)
    assert fitted.solver == solver
    assert (fitted.left_out is not None) == (solver == "eigh")
    matrix = matrix.astype(np.float64)
    for r, found in zip(fitted.added, fitted.coefficients, strict=True):
        wanted = np.linalg.solve(matrix + r * np.eye(250), TARGETS)
        assert np.abs(found - wanted).max() < 1e-4 * np.abs(wanted).max()
    true = residuals(matrix, fitted, TARGETS)
    np.testing.assert_allclose(fitted.residuals, true, rtol=1e-3, atol=1e-10)
    assert fitted.converged.all()
    assert max(true) < 1e-9
    np.testing.assert_array_equal(fitted.fitted, fitted.predict(matrix))


@pytest.mark.parametrize("tolerance", [1e-2, 1e-6, 1e-9])
def test_the_residual_that_was_asked_for(tolerance: float) -> None:
    fitted = ridge.fit(K, Y, LAMBDAS, solver="cg", rank=120, tolerance=tolerance)
    true = residuals(K, fitted, TARGETS)
    assert max(true) <= tolerance
    assert max(true) > tolerance * 1e-3  # no pass was made for nothing
    assert fitted.passes > 2


def test_a_higher_rank_takes_fewer_passes() -> None:
    passes = [ridge.fit(K, Y, [1e-2], solver="cg", rank=rank).passes for rank in (10, 40, 160)]
    assert passes == sorted(passes, reverse=True)
    assert passes[0] > 3 * passes[2]


def test_all_lambdas_share_the_passes() -> None:
    """The path takes no more passes than its smallest lambda alone, but for the last check."""
    path = ridge.fit(K, Y, LAMBDAS, solver="cg", rank=120).passes
    alone = ridge.fit(K, Y, LAMBDAS[:1], solver="cg", rank=120).passes
    assert abs(path - alone) <= 1


def test_what_does_not_converge_is_said() -> None:
    with pytest.warns(
        UserWarning, match=r"not converged .* 1e-06 after 4 passes: lambda 1e-05 has"
    ):
        fitted = ridge.fit(K, Y, [1e-5, 1e4], solver="cg", rank=10, max_passes=3)
    assert fitted.converged.tolist() == [False, True]
    assert fitted.residuals[0] <= 1  # no worse than coefficients of 0
    np.testing.assert_allclose(fitted.residuals, residuals(K, fitted, TARGETS), rtol=1e-6)


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_singular_matrix(solver: str) -> None:
    """Far above rounding all solvers agree; below it each says what it could not do."""
    needs_scipy(solver)
    factor = np.random.default_rng(2).normal(size=(80, 5))
    matrix, y = factor @ factor.T, np.arange(80) % 2
    targets = one_hot(y, np.unique(y))
    fitted = ridge.fit(matrix, y, [1e-6], solver=solver)
    wanted = np.linalg.solve(matrix + fitted.added * np.eye(80), targets)
    np.testing.assert_allclose(fitted.coefficients[0], wanted, rtol=1e-4)
    if solver == "cholesky":
        with pytest.raises(ValueError, match="not positive definite in float64; take larger"):
            ridge.fit(matrix, y, [1e-18, 1e-3], solver=solver)
        return
    with pytest.warns(UserWarning, match="lambda 1e-18") as said:
        fitted = ridge.fit(matrix, y, [1e-18, 1e-3], solver=solver)
    texts = [str(each.message) for each in said]
    assert "lambda 1e-18: the rounding of float64 kernels may decide" in texts[0]
    assert np.isfinite(fitted.coefficients).all()
    assert fitted.converged[1]
    if solver == "cg":
        assert "not converged" in texts[1]
        assert not fitted.converged[0]


def test_rounding_of_kernels() -> None:
    """The warning is of what rounding the entries to float32 does to the coefficients."""
    smooth = gaussian(250, 100.0)
    single = smooth.astype(np.float32)
    with pytest.warns(UserWarning, match=r"lambda 1e-08: the rounding of float32 kernels") as said:
        rounded = ridge.fit(single, Y, [1e-8, 1e-2]).coefficients
    assert "kernels in float64" in str(said[0].message)
    exact = ridge.fit(smooth, Y, [1e-8, 1e-2]).coefficients
    changes = np.linalg.norm(rounded - exact, axis=(1, 2)) / np.linalg.norm(exact, axis=(1, 2))
    assert changes[0] > 0.3
    assert changes[1] < 1e-3
    # An eigenvalue of 0.5 makes up for a lambda that is too small, where it is known.
    ridge.fit((smooth + np.eye(250) / 2).astype(np.float32), Y, [1e-8])


def test_the_default_path() -> None:
    single = K.astype(np.float32)
    assert ridge.fit(single, Y).lambdas == ridge.LAMBDAS
    floor = 4 * np.sqrt(250) * np.finfo(np.float32).eps
    fitted = ridge.fit(single, Y, solver="cg")
    assert fitted.lambdas == tuple(each for each in ridge.LAMBDAS if each >= floor)
    assert len(fitted.lambdas) == 6


@pytest.mark.parametrize("solver", SOLVERS)
def test_holding_out(solver: str) -> None:
    needs_scipy(solver)
    fitted = ridge.fit(K, Y, LAMBDAS, solver=solver, holdout=0.2, seed=3, tolerance=1e-9)
    held, kept = fitted.held, np.delete(np.arange(250), fitted.held)
    for label in np.unique(Y):  # the same share of each
        count = np.sum(np.equal(Y, label))
        assert np.sum(np.equal(Y[held], label)) == round(0.2 * count)
    alone = ridge.fit(
        K[np.ix_(kept, kept)], Y[kept], (fitted.added / np.diag(K)[kept].mean()).tolist()
    )
    np.testing.assert_allclose(fitted.coefficients[:, kept], alone.coefficients, rtol=1e-3)
    assert not fitted.coefficients[:, held].any()
    np.testing.assert_array_equal(fitted.held_out, alone.predict(K[np.ix_(kept, held)]))
    np.testing.assert_array_equal(fitted.fitted, fitted.predict(K))
    np.testing.assert_array_equal(fitted.validation(Y), np.mean(fitted.held_out == Y[held], axis=1))
    assert fitted.left_out is None
    again = ridge.fit(K, Y, LAMBDAS, solver=solver, holdout=0.2, seed=3)
    other = ridge.fit(K, Y, LAMBDAS, solver=solver, holdout=0.2, seed=4)
    np.testing.assert_array_equal(again.held, held)
    assert not np.array_equal(other.held, held)


def test_validation() -> None:
    fitted = ridge.fit(K, Y, LAMBDAS)
    np.testing.assert_array_equal(fitted.validation(Y), np.mean(fitted.left_out == Y, axis=1))
    assert ridge.fit(K, Y, LAMBDAS, solver="cg").validation(Y) is None
    with pytest.raises(ValueError, match=r"y must have shape \(250,\)"):
        fitted.validation(Y[:3])


def test_pivots_are_drawn_as_if_one_by_one() -> None:
    """The frequencies of pairs of pivots, of which a round proposes both at once."""
    matrix = tiles.InMemory(gaussian(4, 3.0, seed=5))
    values, count = matrix.values, 4000
    wanted = {}
    for i, j in itertools.permutations(range(4), 2):
        left = np.diag(values) - values[i] ** 2 / values[i, i]
        wanted[i, j] = values[i, i] / np.trace(values) * left[j] / left.sum()
    found = dict.fromkeys(wanted, 0)
    for seed in range(count):
        pivots, _ = find_pivots(
            matrix, 2, seed=seed, enough=0.0, begun=np.empty(0, np.intp), keep=len
        )
        found[tuple(pivots.tolist())] += 1
    for pair, chance in wanted.items():
        deviation = np.sqrt(count * chance * (1 - chance))
        assert abs(found[pair] - count * chance) < 4 * deviation


def test_an_approximation() -> None:
    """Its error is near that of the best one of its rank, and so is its factor from pivots."""
    kept: list[Any] = []
    none = np.empty(0, np.intp)
    pivots, factor = find_pivots(
        tiles.InMemory(K), 60, seed=0, enough=0.0, begun=none, keep=kept.append
    )
    assert len(set(pivots.tolist())) == len(pivots) == 60
    assert len(kept) > 1
    np.testing.assert_array_equal(kept[-1], pivots)
    left = np.trace(K) - np.sum(factor**2)
    assert np.linalg.eigvalsh(K - factor @ factor.T).min() > -1e-10
    assert left < 5 * np.sort(np.linalg.eigvalsh(K))[:-60].sum()
    _, again = find_pivots(
        tiles.InMemory(K), 60, seed=0, enough=0.0, begun=pivots, keep=kept.append, final=True
    )
    np.testing.assert_allclose(again @ again.T, factor @ factor.T, atol=1e-9)
    # No more pivots than are wanted for the trace, and none of rounding alone.
    few, _ = find_pivots(
        tiles.InMemory(K), 60, seed=0, enough=0.1 * np.trace(K), begun=none, keep=len
    )
    assert len(few) < 40
    thin = np.random.default_rng(0).normal(size=(250, 7))
    rank7, factor = find_pivots(
        tiles.InMemory(thin @ thin.T), 60, seed=0, enough=0.0, begun=none, keep=len
    )
    assert len(rank7) == 7
    np.testing.assert_allclose(factor @ factor.T, thin @ thin.T, atol=1e-11)


def test_a_preconditioner_is_an_inverse() -> None:
    factor = np.random.default_rng(0).normal(size=(60, 9)) * np.geomspace(1, 1e-3, 9)
    added = np.array([1e-4, 1.0])
    vectors = np.random.default_rng(1).normal(size=(60, 2))
    dense = [factor @ factor.T + r * np.eye(60) for r in added]
    found = Preconditioner(factor.copy()).solve(vectors, added)
    for column, each in enumerate(dense):
        wanted = np.linalg.solve(each, vectors[:, column])
        np.testing.assert_allclose(found[:, column], wanted, rtol=1e-7, atol=1e-9)


class Sized:
    """A matrix of any size that takes no memory, and of which no tile may be read."""

    tile = 2000
    dtype = np.dtype(np.float32)

    def __init__(self, n: int) -> None:
        self.shape = (n, n)

    def diagonal(self) -> Any:
        return np.ones(self.shape[0], np.float32)

    def triangle(self) -> Any:
        raise AssertionError("a tile is read")

    def digest(self) -> str:
        return "ones"


def choice(
    n: int, memory: float, solver: str = "auto", *, single: bool = True, **options: Any
) -> solvers.Choice:
    given = {"leave_one_out": False, "holdout": False, "rank": None, **options}
    problem = solvers.Problem(n, 10, 9, 2000, in_place=False, single=single, stored=True)
    return solvers.choose(problem, solver, memory=int(memory), **given)


@pytest.mark.parametrize(
    ("n", "memory", "options", "wanted"),
    [
        (5_000, 16e9, {}, "eigh"),
        (5_000, 0.5e9, {}, "cholesky"),
        (5_000, 16e9, {"holdout": True}, "cholesky"),
        (20_000, 64e9, {}, "cholesky"),
        (20_000, 64e9, {"leave_one_out": True}, "eigh"),
        (60_000, 200e9, {}, "cg"),
        (60_000, 4e9, {}, "cg"),
    ],
)
def test_auto(n: int, memory: float, options: dict[str, Any], wanted: str) -> None:
    pytest.importorskip("scipy")
    found = choice(n, memory, **options)
    assert found.solver == wanted
    assert found.memory <= memory
    assert str(found).startswith(f"{wanted} (")


def test_auto_without_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("scipy", "scipy.linalg", "scipy.linalg.lapack"):
        monkeypatch.setitem(sys.modules, name, None)
    assert choice(20_000, 64e9).solver == "cg"
    assert choice(5_000, 64e9, holdout=True).solver == "eigh"
    with pytest.raises(ImportError, match=r"cholesky needs scipy: pip install ckn-rs\[solve\]"):
        ridge.fit(K, Y, solver="cholesky")


def test_a_rank_that_fits() -> None:
    ranks = [choice(60_000, memory, "cg").rank for memory in (1e9, 2e9, 4e9, 16e9)]
    assert all(rank is not None for rank in ranks)
    assert ranks == sorted(ranks, key=lambda rank: rank or 0)
    assert ranks[-1] == 4899  # twenty square roots
    with pytest.raises(ValueError, match=r"cg takes about .* take a store with smaller tiles"):
        choice(60_000, 0.3e9, "cg")
    with pytest.raises(ValueError, match=r"cg takes about .* take fewer images"):
        ridge.fit(K, Y, solver="cg", memory=1000)
    with pytest.raises(ValueError, match="take a rank below 2000"):
        choice(60_000, 1e9, "cg", rank=2000)


@pytest.mark.parametrize(
    ("solver", "available", "message"),
    [
        ("eigh", 8e9, r"takes about 16.* GB, .* 8 GB: take the solver cholesky \(3.* GB\) or the"),
        ("eigh", 1.5e9, "takes about 16.* GB, .* 1.5 GB: take the solver cg"),
        (
            "cholesky",
            2e9,
            r"takes about 3.* GB, .* 2 GB: take .* precision float32 \(1.* GB\) or the solver cg",
        ),
    ],
)
def test_memory_is_checked_first(
    solver: str, available: float, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names what fits, before a tile is read."""
    matrix, y = Sized(20_000), np.arange(20_000) % 10
    monkeypatch.setattr("ckn_rs._support.memory.available", lambda: int(available))
    with pytest.raises(ValueError, match=f"the solver {solver} {message}"):
        ridge.fit(matrix, y, solver=solver)
    with pytest.raises(AssertionError, match="a tile is read"):
        ridge.fit(matrix, y, solver=solver, memory="1 TB")


def test_it_says_what_it_takes() -> None:
    said: list[ridge.Choice] = []
    fitted = ridge.fit(K, Y, LAMBDAS, solver="auto", memory="1GB", announce=said.append)
    assert list(map(str, said)) == ["eigh (it fits, and leaves one out), about 2.05 MB of 1 GB"]
    assert (said[0].solver, said[0].lambdas) == ("eigh", fitted.lambdas)


def test_what_is_told_may_end_the_fit() -> None:
    def refuse(choice: ridge.Choice) -> None:
        raise RuntimeError(f"{len(choice.lambdas)} regularisations")

    with pytest.raises(RuntimeError, match="6 regularisations"):  # cg leaves three out
        ridge.fit(K.astype(np.float32), Y, solver="cg", announce=refuse)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"solver": "lu"}, "solver must be one of auto, eigh, cholesky, cg, got 'lu'"),
        ({"solver": "cg", "leave_one_out": True}, "cg does not leave one out: take eigh"),
        ({"holdout": 1.0}, "holdout must be a share of at least 0 and below 1, got 1.0"),
        ({"holdout": 1e-6}, "holds no image out"),
        ({"tolerance": 0}, "tolerance must be a number above 0 and below 1, got 0"),
        ({"tolerance": float("nan")}, "tolerance must be"),
        ({"memory": "much"}, "memory must be a number of bytes or text such as '4GB', got 'much'"),
        ({"seed": -1}, "seed must be a whole number of at least 0, got -1"),
        ({"max_passes": 0}, "max_passes"),
        ({"solver": "cg", "rank": 0}, "rank"),
    ],
)
def test_mistakes(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ridge.fit(K, Y, LAMBDAS, **options)
