"""The bits of a pair depend only on the pair, not on threads, blocks or vector units."""

from typing import Any

import numpy as np
import pytest

import cases
import ckn_rs
import layers
from ckn_rs import _core

SHAPE = (11, 10, 3)
X = cases.images(37, SHAPE)
Y = cases.images(21, SHAPE, seed=1)
FUSED = {"avx2", "avx512", "neon"}
"""Levels whose multiply-adds round once. Other levels may differ in the last place."""

both = pytest.mark.parametrize("ntk", [False, True], ids=["ckn", "ntk"])
dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


def equal(a: Any, b: Any) -> None:
    np.testing.assert_array_equal(a, b)


@both
@dtypes
def test_threads(dtype: str, ntk: bool) -> None:
    ims1, ims2 = X.astype(dtype), Y.astype(dtype)
    square, rectangle = (
        [
            ckn_rs.compute_kernel_matrix(ims1, other, model=cases.RELU, ntk=ntk, n_threads=n)
            for n in (1, 2, 3, 16)
        ]
        for other in (None, ims2)
    )
    for results in (square, rectangle):
        for result in results[1:]:
            equal(result, results[0])
    norms = [ckn_rs.compute_norms(ims1, cases.RELU, n_threads=n)[0] for n in (1, 2)]
    equal(norms[0], norms[1])


@both
@dtypes
def test_small_calls(dtype: str, ntk: bool) -> None:
    """A single pair is computed in the calling thread, and a matrix in other threads."""
    ims1, ims2 = X.astype(dtype), Y.astype(dtype)
    whole = ckn_rs.compute_kernel_matrix(ims1, ims2, model=cases.RELU, ntk=ntk)
    for i, j in [(0, 0), (36, 20), (17, 3)]:
        pair = ckn_rs.compute_kernel(ims1[i], ims2[j], cases.RELU, ntk, dtype=np.dtype(dtype))
        assert pair == whole[i, j]
    norms = ckn_rs.compute_norms(ims1, cases.RELU)[0]
    equal(ckn_rs.compute_norms(ims1[5:6], cases.RELU)[0], norms[5:6])


@both
@dtypes
def test_blocks(dtype: str, ntk: bool) -> None:
    ims1, ims2 = X.astype(dtype), Y.astype(dtype)
    whole = ckn_rs.compute_kernel_matrix(ims1, ims2, model=cases.EXP, ntk=ntk)
    for rows, cols in [
        ((0, 1), (0, 1)),
        ((3, 20), (5, 6)),
        ((36, 37), (2, 21)),
        ((10, 15), (7, 18)),
    ]:
        block = ckn_rs.compute_kernel_matrix(
            ims1[slice(*rows)], ims2[slice(*cols)], model=cases.EXP, ntk=ntk
        )
        equal(block, whole[slice(*rows), slice(*cols)])
    square = ckn_rs.compute_kernel_matrix(ims1, model=cases.EXP, ntk=ntk)
    block = ckn_rs.compute_kernel_matrix(ims1[2:9], ims1[9:30], model=cases.EXP, ntk=ntk)
    equal(block, square[2:9, 9:30])
    block = ckn_rs.compute_kernel_matrix(ims1[5:19], model=cases.EXP, ntk=ntk)
    equal(block, square[5:19, 5:19])


@both
def test_single_pairs(ntk: bool) -> None:
    whole = ckn_rs.compute_kernel_matrix(X, Y, model=cases.EXP, ntk=ntk)
    assert ckn_rs.compute_kernel(X[3], Y[4], cases.EXP, ntk) == whole[3, 4]
    _, kxy, _ = ckn_rs.compute_dist_to_ref(X[3], Y, cases.EXP, ntk)
    equal(kxy, whole[3])


@both
@dtypes
def test_norms_given_or_not(dtype: str, ntk: bool) -> None:
    ims1, ims2 = X.astype(dtype), Y.astype(dtype)
    (n1, i1), (n2, i2) = (ckn_rs.compute_norms(ims, cases.RELU) for ims in (ims1, ims2))
    given = ckn_rs.compute_kernel_matrix(ims1, ims2, n1, n2, i1, i2, cases.RELU, ntk)
    equal(given, ckn_rs.compute_kernel_matrix(ims1, ims2, model=cases.RELU, ntk=ntk))


@dtypes
@layers.every_pooling
@layers.every_kind
def test_vector_units(kernel: str, ntk: bool, pooling: str, dtype: str) -> None:
    model = layers.two_layers(kernel, pooling)
    ims1, ims2 = X[:5].astype(dtype), Y.astype(dtype)
    plan = _core.Plan({"layers": model}, ims1.shape[1:], "ntk" if ntk else "ckn")
    results = {}
    for level in _core.simd_levels():
        out = np.empty((len(ims1), len(ims2)), dtype)
        plan.gram((ims1, None), (ims2, None), [out], level=level)
        results[level] = out
    default = ckn_rs.compute_kernel_matrix(ims1, ims2, model=model, ntk=ntk)
    assert _core.simd_level() in results
    equal(default, results[_core.simd_level()])
    fused = [result for level, result in results.items() if level in FUSED]
    for result in fused[1:]:
        equal(result, fused[0])
    tolerance = 1e-13 if dtype == "float64" else 5e-6
    for result in results.values():
        assert cases.error(result, default) <= tolerance


def test_unknown_vector_unit() -> None:
    plan, out = _core.Plan({"layers": cases.EXP}, X.shape[1:], "ckn"), np.empty((2, 2))
    with pytest.raises(ValueError, match="altivec"):
        plan.gram((X[:2], None), None, [out], level="altivec")
