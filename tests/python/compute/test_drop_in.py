"""Scripts written for the original find its names, arguments, defaults, shapes and dtypes."""

import inspect
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import cases
import ckn_kernel
import ckn_rs

MATRIX = {
    "ims1": ...,
    "ims2": None,
    "norms1": None,
    "norms2": None,
    "norms_inv1": None,
    "norms_inv2": None,
    "model": None,
    "ntk": False,
    "verbose": False,
}
TAIL = {"model": None, "ntk": False, "verbose": False}
SIX = dict.fromkeys(["ims1", "ims2", "norms1", "norms2", "norms_inv1", "norms_inv2"], ...)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (ckn_rs.compute_kernel, {"im1": ..., "im2": ..., "model": ..., "ntk": False}),
        (ckn_rs.compute_dist_to_ref, {"im_ref": ..., "ims": ..., "model": ..., "ntk": False}),
        (ckn_rs.compute_kernel_matrix, MATRIX),
        (ckn_rs.compute_kernel_matrix_all, {"ims1": ..., "ims2": None} | TAIL),
        (ckn_rs.compute_kernel_matrix_norms, SIX | TAIL),
        (ckn_rs.compute_norms, {"ims": ...} | TAIL),
        (ckn_rs.CKNKernel, {"shape": ...} | TAIL),
        (
            ckn_rs.CKNKernel.compute_kernel_matrix,
            {"self": ...} | SIX | {"ntk": False, "verbose": False, "return_rf": False},
        ),
    ],
    ids=lambda value: getattr(value, "__qualname__", ""),
)
def test_signature(function: Callable[..., Any], expected: dict[str, Any]) -> None:
    parameters = inspect.signature(function).parameters.values()
    positional = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    found = {p.name: ... if p.default is p.empty else p.default for p in positional}
    assert found == expected
    assert list(found) == list(expected)
    added = [p for p in parameters if p not in positional]
    assert all(p.kind is p.KEYWORD_ONLY and p.default is not p.empty for p in added)


def test_the_module_name_of_the_original() -> None:
    for name in ckn_rs.__all__:
        assert getattr(ckn_kernel, name) is getattr(ckn_rs, name)
    assert ckn_kernel.__version__ == ckn_rs.__version__


def test_constants() -> None:
    assert ckn_rs.dtype is np.float32
    assert ckn_rs.to_pool_type == {"gaussian": 0, "strided": 1, "average": 2}
    names = ["exp", "relu", "linear", "poly2", "poly3", "poly4", "square"]
    assert ckn_rs.to_kernel_type == {name: number for number, name in enumerate(names)}
    assert set(ckn_rs.to_pool_type) <= set(ckn_rs._core.POOLINGS)
    assert set(ckn_rs.to_kernel_type) <= set(ckn_rs._core.KERNELS)


def test_return_types() -> None:
    X, Y = cases.images(4, (8, 6, 2)).astype(np.float32), cases.images(3, (8, 6, 2), seed=1)
    value = ckn_rs.compute_kernel(X[0], X[1], cases.EXP)
    assert type(value) is float
    k00, kxy, kyy = ckn_rs.compute_dist_to_ref(X[0], X[1:], cases.EXP)
    assert type(k00) is float
    assert (kxy.shape, kyy.shape) == ((3,), (3,))
    assert kxy.dtype == kyy.dtype == np.float64
    norms, norms_inv = ckn_rs.compute_norms(X, cases.EXP)
    assert norms.shape == norms_inv.shape == (4, 2 * 8 * 6)
    assert norms.dtype == norms_inv.dtype == np.float32
    assert ckn_rs.compute_kernel_matrix(X, Y, model=cases.EXP).shape == (4, 3)
    assert ckn_rs.compute_kernel_matrix_all(X, Y, cases.EXP).shape == (4, 3)


def test_kernel_matrix_honours_ntk_when_norms_are_given() -> None:
    X = cases.images(3, (8, 8, 1))
    n, n_inv = ckn_rs.compute_norms(X, cases.RELU)
    with_norms = ckn_rs.compute_kernel_matrix(X, X, n, n, n_inv, n_inv, cases.RELU, ntk=True)
    without = ckn_rs.compute_kernel_matrix(X, X, model=cases.RELU, ntk=True)
    assert cases.error(with_norms, without) <= 1e-8


NAMES = ["norms1", "norms2", "norms_inv1", "norms_inv2"]
SOME_NORMS = [names for k in range(5) for names in itertools.combinations(NAMES, k)]


@pytest.mark.parametrize("one_set", [False, True], ids=["two sets", "one set"])
@pytest.mark.parametrize("names", SOME_NORMS, ids=lambda names: " ".join(names) or "none")
def test_any_of_the_norms_may_be_left_out(names: tuple[str, ...], one_set: bool) -> None:
    """The original ignores all norms if one of the arguments is missing."""
    X = cases.images(3, (8, 8, 1))
    Y = None if one_set else cases.images(4, (8, 8, 1), seed=1)
    K = ckn_rs.compute_kernel_matrix(X, Y, model=cases.EXP)
    n1, n_inv1 = ckn_rs.compute_norms(X, cases.EXP)
    n2, n_inv2 = (n1, n_inv1) if Y is None else ckn_rs.compute_norms(Y, cases.EXP)
    every = dict(zip(NAMES, (n1, n2, n_inv1, n_inv2), strict=True))
    some: Any = {name: every[name] for name in names}
    assert cases.error(ckn_rs.compute_kernel_matrix(X, Y, model=cases.EXP, **some), K) <= 1e-12
    kernel = ckn_rs.CKNKernel((8, 8, 1), cases.EXP)
    six = dict.fromkeys(NAMES) | some
    assert cases.error(kernel.compute_kernel_matrix(X, Y, **six), K) <= 1e-12


@pytest.mark.parametrize(
    "shape", [(3, 2, 8, 8), (3, 2, 64), (6, 64), (1, 3, 128), (384,)], ids=lambda shape: str(shape)
)
def test_norms_in_any_shape_with_their_entries_in_order(shape: tuple[int, ...]) -> None:
    X = cases.images(3, (8, 8, 1))
    n, n_inv = ckn_rs.compute_norms(X, cases.EXP)
    K = ckn_rs.compute_kernel_matrix(X, X, n, n, n_inv, n_inv, cases.EXP)
    m, m_inv = n.reshape(shape), n_inv.reshape(shape)
    for ims2 in (X, None):
        again = ckn_rs.compute_kernel_matrix(X, ims2, m, n, m_inv, n_inv, cases.EXP)
        upper = np.triu_indices(3)
        np.testing.assert_array_equal(again[upper], K[upper])


def test_norms_of_one_set_may_be_given_twice() -> None:
    X = cases.images(3, (8, 8, 1))
    n, n_inv = ckn_rs.compute_norms(X, cases.EXP)
    once = ckn_rs.compute_kernel_matrix(X, None, n, None, n_inv, None, cases.EXP)
    twice = ckn_rs.compute_kernel_matrix(X, None, n, n[:], n_inv, n_inv[:], cases.EXP)
    np.testing.assert_array_equal(once, twice)


@pytest.mark.parametrize("constructor_ntk", [False, True])
@pytest.mark.parametrize("method_ntk", [False, True])
def test_constructor_chooses_the_kernel_and_method_the_ntk(
    constructor_ntk: bool, method_ntk: bool
) -> None:
    X = cases.images(3, (8, 8, 1))
    unnamed = [{"npatch": 3, "subsampling": 2}]
    named = [unnamed[0] | {"kernel": "relu" if constructor_ntk else "exp"}]
    kernel = ckn_rs.CKNKernel((8, 8, 1), unnamed, ntk=constructor_ntk)
    K = kernel.compute_kernel_matrix(X, X, None, None, None, None, ntk=method_ntk)
    expected = ckn_rs.compute_kernel_matrix(X, X, model=named, ntk=method_ntk)
    np.testing.assert_array_equal(K, expected)


def test_return_rf_without_ntk_is_one_matrix() -> None:
    X = cases.images(3, (8, 8, 1))
    kernel = ckn_rs.CKNKernel((8, 8, 1), cases.RELU)
    K = kernel.compute_kernel_matrix(X, X, None, None, None, None, return_rf=True)
    assert isinstance(K, np.ndarray)


@pytest.mark.parametrize(
    ("flag", "ntk"),
    [
        *[(flag, True) for flag in (1, 1.0, np.True_, np.int64(1), np.float32(1), np.array(True))],
        *[(flag, False) for flag in (None, 0, 0.0, np.False_, np.uint8(0), np.array(0))],
    ],
    ids=repr,
)
def test_flags_of_other_types(flag: Any, ntk: bool) -> None:
    X = cases.images(3, (8, 8, 1))
    K = ckn_rs.compute_kernel_matrix(X, model=cases.RELU, ntk=ntk)
    again = ckn_rs.compute_kernel_matrix(X, model=cases.RELU, ntk=flag, verbose=None)  # type: ignore[arg-type]
    np.testing.assert_array_equal(again, K)
    unnamed = [{"npatch": 3, "subsampling": 2}]
    for mine, expected in zip(
        ckn_rs.compute_norms(X, unnamed, flag), ckn_rs.compute_norms(X, unnamed, ntk), strict=True
    ):
        np.testing.assert_array_equal(mine, expected)


@pytest.mark.parametrize(
    ("flag", "on"),
    [
        *[(flag, True) for flag in (True, 1, 1.0, np.True_, np.int64(1), np.array(True))],
        *[(flag, False) for flag in (False, None, 0, 0.0, np.False_, np.array(0))],
    ],
    ids=repr,
)
def test_return_rf_progress_and_verbose_are_flags(
    flag: Any, on: bool, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    X = cases.images(3, (8, 8, 1))
    kernel = ckn_rs.CKNKernel((8, 8, 1), cases.RELU)
    result = kernel.compute_kernel_matrix(
        X, None, None, None, None, None, ntk=True, return_rf=flag, progress=flag
    )
    assert isinstance(result, tuple) == on
    assert ("pairs/s" in capsys.readouterr().err) == on
    with caplog.at_level("INFO"):
        ckn_rs.compute_kernel_matrix(X, model=cases.EXP, verbose=flag)
    assert len(caplog.records) == (2 if on else 0)


@pytest.mark.parametrize("level", [2, np.int64(3), -1])
def test_verbose_may_be_a_level(level: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        ckn_rs.compute_norms(cases.images(3, (8, 8, 1)), cases.EXP, verbose=level)
    assert len(caplog.records) == 2


@pytest.mark.parametrize(
    "shape",
    [[8, 8, 1], (8.0, np.float64(8), 1), (np.float32(8), np.array(8), 1), np.array([8.0, 8.0, 1])],
)
def test_shape_as_numbers_of_any_type(shape: Any) -> None:
    assert ckn_rs.CKNKernel(shape, cases.EXP).shape == (8, 8, 1)
    model = ckn_rs.Model(cases.EXP)
    assert model.describe(shape) == model.describe((8, 8, 1))


def test_default_kernel_follows_ntk() -> None:
    X = cases.images(3, (8, 8, 1))
    unnamed = [{"npatch": 3, "subsampling": 2}]
    for ntk, kernel in [(False, "exp"), (True, "relu")]:
        named = [unnamed[0] | {"kernel": kernel}]
        K = ckn_rs.compute_kernel_matrix(X, model=unnamed, ntk=ntk)
        np.testing.assert_array_equal(K, ckn_rs.compute_kernel_matrix(X, model=named, ntk=ntk))


@pytest.mark.parametrize("three", [3.0, np.float64(3), np.float32(3), np.array(3), np.array(3.0)])
def test_lengths_may_be_whole_numbers_of_any_type(three: Any) -> None:
    X = cases.images(3, (8, 8, 1))
    layers = [{"npatch": three, "subsampling": 2, "sigma": np.array(0.6)}]
    expected = ckn_rs.compute_kernel_matrix(
        X, model=[{"npatch": 3, "subsampling": 2, "sigma": 0.6}]
    )
    np.testing.assert_array_equal(ckn_rs.compute_kernel_matrix(X, model=layers), expected)
    assert "npatch=3," in repr(ckn_rs.Model(layers))
    assert ckn_rs.Model(layers) == ckn_rs.Model([{"npatch": 3, "subsampling": 2, "sigma": 0.6}])
