"""Cholesky factors in float32: refined to residuals in float64, or refused."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cases
from ckn_rs import ridge
from ckn_rs.learn import cholesky, solvers
from ckn_rs.learn.ridge import one_hot
from ckn_rs.learn.tiles import InMemory

pytest.importorskip("scipy", reason="the solver cholesky needs SciPy")

PRECISIONS = ["float64", "float32"]
MACHINE = float(np.finfo(np.float32).eps)


def gaussian(n: int, width: float) -> Any:
    """Gaussian kernels of random points: the wider, the more of the eigenvalues are nearly 0."""
    points = np.random.default_rng(0).normal(size=(n, 4))
    squares = (points**2).sum(axis=1)
    return np.exp(-np.maximum(squares[:, None] + squares - 2 * points @ points.T, 0) / width)


K = gaussian(250, 8.0)
Y = np.random.default_rng(1).integers(3, 7, 250)


def fit(K: Any, lambdas: Any, y: Any = Y, **options: Any) -> ridge.Ridge:
    return ridge.fit(K, y, lambdas, **{"solver": "cholesky", "precision": "float32", **options})


def residuals(K: Any, y: Any, fitted: ridge.Ridge) -> list[float]:
    """The largest relative residual of each regularisation, from all entries in float64."""
    K, targets = np.asarray(K, np.float64), one_hot(y, np.unique(y))
    norms = np.linalg.norm(targets, axis=0)
    return [
        float((np.linalg.norm(targets - K @ each - r * each, axis=0) / norms).max())
        for r, each in zip(fitted.added, fitted.coefficients, strict=True)
    ]


@pytest.mark.parametrize("n", [2, 3, 5, 64, 250])
@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_against_numpy(precision: str, dtype: Any, n: int) -> None:
    """Regularisations in any order, each from the triangle that the one before has kept."""
    matrix, y = gaussian(n, 8.0).astype(dtype), np.arange(n) % 2
    before = matrix.copy()
    fitted = fit(matrix, [1e-3, 0.1, 1e-4], y, precision=precision, tolerance=1e-10)
    np.testing.assert_array_equal(matrix, before)
    assert fitted.converged.all()
    assert max(residuals(matrix, y, fitted)) <= 1e-10
    matrix = matrix.astype(np.float64)
    for r, found in zip(fitted.added, fitted.coefficients, strict=True):
        wanted = np.linalg.solve(matrix + r * np.eye(n), one_hot(y, np.unique(y)))
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6 * np.abs(wanted).max())


def test_kernels_in_float64_are_not_rounded() -> None:
    """The answer is that of the entries in float64, from which the rounded ones' is far."""
    exact = ridge.fit(K, Y, [1e-4]).coefficients
    rounded = ridge.fit(K.astype(np.float32), Y, [1e-4]).coefficients
    found = fit(K, [1e-4], tolerance=1e-10).coefficients
    size = np.linalg.norm(exact)
    assert np.linalg.norm(rounded - exact) > 1e-5 * size
    assert np.linalg.norm(found - exact) < 1e-8 * size


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("holdout", [0.0, 0.2])
def test_stores(tmp_path: Path, dtype: Any, holdout: float) -> None:
    pytest.importorskip("zarr", reason="stores need zarr 3, on Python 3.11 or later")
    from ckn_rs import store

    X, y = cases.images(90, (8, 8, 1)).astype(dtype), np.arange(90) % 3
    kernel = store.compute_gram(tmp_path / "K.zarr", X, model=cases.EXP, tile=40)
    found = fit(kernel, [1e-3, 1e-1], y, holdout=holdout, tolerance=1e-11)
    wanted = ridge.fit(np.asarray(kernel), y, [1e-3, 1e-1], holdout=holdout)
    size = np.abs(wanted.coefficients).max()
    np.testing.assert_allclose(found.coefficients, wanted.coefficients, atol=1e-7 * size)
    np.testing.assert_array_equal(found.fitted, wanted.fitted)


def test_beyond_plain_refinement() -> None:
    """Near the errors of a factor a step of plain refinement no longer halves the residual."""
    n, matrix = 600, gaussian(600, 100.0).astype(np.float32)
    y = np.arange(n) % 3
    fitted = fit(matrix, [8 * np.sqrt(n) * MACHINE], y)  # warnings are errors
    assert fitted.converged.all()
    assert max(residuals(matrix, y, fitted)) <= 1e-6
    factor = cholesky.CholeskyFactor(InMemory(matrix), np.dtype(np.float32))
    r = float(fitted.added[0])
    factor.decompose(r)
    targets = one_hot(y, np.unique(y))
    solution = factor.solve(targets, fitted.added)
    first = targets - matrix.astype(np.float64) @ solution - r * solution
    assert np.linalg.norm(first) > 0.05 * np.linalg.norm(targets)


def test_what_does_not_converge_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ckn_rs.learn.solve.REFINEMENTS", 2)
    smooth = gaussian(250, 100.0)
    said = r"not converged .* 1e-10 by factors in float32: lambda 1e-05 has .* precision float64"
    with pytest.warns(UserWarning, match=said):
        fitted = fit(smooth, [1e-5, 10.0], tolerance=1e-10)
    assert fitted.converged.tolist() == [False, True]
    np.testing.assert_allclose(fitted.residuals[:1], residuals(smooth, Y, fitted)[:1], rtol=1e-6)


def test_no_factor() -> None:
    smooth = gaussian(250, 100.0)
    said = "not positive definite in float32; take precision float64, larger lambdas, or"
    with pytest.raises(ValueError, match=said):
        fit(smooth, [1e-8, 1e-2])
    assert fit(smooth, [1e-8, 1e-2], precision="float64").converged.all()


def test_rounding_of_kernels_is_said_in_both() -> None:
    """Where a factor in float32 serves, kernels in float32 may not determine the answer."""
    single = (K + 0.01 * np.eye(250)).astype(np.float32)
    for precision in PRECISIONS:
        with pytest.warns(UserWarning, match="lambda 1e-08: the rounding of float32 kernels"):
            assert fit(single, [1e-8], precision=precision).converged.all()


@pytest.mark.parametrize("factor", [1e-30, 1e30])
def test_kernels_of_any_size(factor: float) -> None:
    found, wanted = fit(K * factor, [1e-3]), fit(K, [1e-3])
    size = np.abs(wanted.coefficients).max()
    np.testing.assert_allclose(
        found.coefficients * factor, wanted.coefficients, atol=1e-4 * size, rtol=0
    )


def test_kernels_out_of_range() -> None:
    with pytest.raises(ValueError, match="entries too large for float32: take precision float64"):
        fit(K * 1e39, [1e-3])
    factor = cholesky.CholeskyFactor(InMemory(1e-38 * np.eye(8)), np.dtype(np.float32))
    factor.decompose(0.0)
    factor._values *= 0.01
    with (
        np.errstate(over="ignore", invalid="ignore"),
        pytest.raises(ValueError, match="too near to singular in float32; take precision float64"),
    ):
        factor.solve(np.ones((8, 1)), np.zeros(1))


def test_the_default_path() -> None:
    assert fit(K, None, precision="float64").lambdas == ridge.LAMBDAS
    floor = 4 * np.sqrt(250) * MACHINE
    assert fit(K, None).lambdas == tuple(each for each in ridge.LAMBDAS if each >= floor)


def choice(memory: float, solver: str = "auto", *, single: bool = True, **options: Any) -> str:
    problem = solvers.Problem(20_000, 10, 9, 2000, in_place=False, single=single, stored=True)
    given = {"leave_one_out": False, "holdout": False, "rank": None, **options}
    return str(solvers.choose(problem, solver, memory=int(memory), **given))


def test_auto_takes_float32_where_nothing_else_but_cg_fits() -> None:
    assert choice(8e9).startswith("cholesky (it fits), about 3.")
    found = choice(2.5e9)
    assert found.startswith("cholesky in float32 (in float64 it does not fit), about 1.")
    assert choice(2.5e9, single=False).startswith("cg (no other fits the memory)")
    assert choice(2.5e9, precision="float64").startswith("cg (no other fits the memory)")
    assert choice(1.5e9).startswith("cg (no other fits the memory)")
    assert choice(8e9, precision="float32").startswith("cholesky in float32 (it fits)")
    assert choice(8e9, "cholesky", precision="float32").startswith("cholesky in float32 (as asked)")


def test_small_lambdas_are_not_left_to_float32() -> None:
    said: list[str] = []
    options: dict[str, Any] = {
        "solver": "auto",
        "memory": 2_500_000,
        "announce": lambda choice: said.append(str(choice)),
    }
    single = K.astype(np.float32)
    ridge.fit(single, Y, [1e-3], **options)
    with pytest.warns(UserWarning, match="lambda 1e-06"):
        ridge.fit(single, Y, [1e-6], max_passes=1, **options)
    assert said[0].startswith("cholesky in float32 (in float64 it does not fit)")
    assert said[1].startswith("cg (no other fits the memory)")


def test_mistakes() -> None:
    with pytest.raises(ValueError, match="precision must be float64 or float32, got 'half'"):
        fit(K, [1e-3], precision="half")
    for solver in ("eigh", "cg"):
        with pytest.raises(ValueError, match="precision goes with the solver cholesky, got solver"):
            fit(K, [1e-3], solver=solver)
    with pytest.raises(ValueError, match=r"cholesky in float32 takes about .* are 100 kB"):
        fit(K, [1e-3], memory="100kB")


@pytest.mark.parametrize("precision", PRECISIONS)
def test_an_interruption_waits_for_a_tile(precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the second call of LAPACK: the others are not made."""
    factor = cholesky.CholeskyFactor(InMemory(K), np.dtype(precision))
    potrf, sizes = factor._potrf, []

    def counted(tile: Any, **options: Any) -> Any:
        sizes.append(len(tile))
        if len(sizes) == 2:
            signal.raise_signal(signal.SIGINT)
        return potrf(tile, **options)

    monkeypatch.setattr(factor, "_potrf", counted)
    with pytest.raises(KeyboardInterrupt):
        factor.decompose(1.0)
    assert sizes == [63, 63]
    assert cholesky.tile_of(100_000) == cholesky.TILE < 1000


def test_threads_of_scipy_do_not_hinder_those_of_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    """SciPy's own library has one during a decomposition, NumPy's as many as before."""
    pools = pytest.importorskip("threadpoolctl")
    seen: dict[str, int] = {}
    decompose = cholesky.CholeskyFactor.decompose

    def threads() -> dict[str, int]:
        found = pools.ThreadpoolController().select(user_api="blas").info()
        return {library["filepath"]: library["num_threads"] for library in found}

    def watched(self: cholesky.CholeskyFactor, added: float) -> None:
        seen.update(threads())
        decompose(self, added)

    monkeypatch.setattr(cholesky.CholeskyFactor, "decompose", watched)
    with pools.threadpool_limits(2):
        before = threads()
        ridge.fit(np.eye(20) + 0.1, np.arange(20) % 2, [0.1], solver="cholesky")
        assert threads() == before
    own = {path for path in before if "scipy.libs" in path}
    assert seen == {path: 1 if path in own else number for path, number in before.items()}
