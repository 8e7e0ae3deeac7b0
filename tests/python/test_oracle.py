"""Random models on random rectangular images, against the definition in dense loops."""

import numpy as np
import pytest

import cases
import ckn_rs
import oracle
from ckn_rs import _core


@pytest.mark.parametrize("ntk", [False, True], ids=["ckn", "ntk"])
@pytest.mark.parametrize("pooling", _core.POOLINGS)
@pytest.mark.parametrize("kernel", _core.KERNELS)
def test_every_kernel_and_pooling(kernel: str, pooling: str, ntk: bool) -> None:
    index = _core.KERNELS.index(kernel) * len(_core.POOLINGS) + _core.POOLINGS.index(pooling)
    rng = np.random.default_rng(index)
    for _ in range(2):
        layers, shape = cases.random_model(rng, kernel, pooling)
        X, Y = rng.normal(size=(3, *shape)), rng.normal(size=(2, *shape))
        expected = np.array([[oracle.kernel(x, y, layers, ntk)[ntk] for y in Y] for x in X])
        K = ckn_rs.compute_kernel_matrix(X, Y, model=layers, ntk=ntk)
        assert cases.error(K, expected) <= 1e-12, layers
        single = ckn_rs.compute_kernel_matrix(X, Y, model=layers, ntk=ntk, dtype=np.float32)
        assert single.dtype == np.float32
        assert cases.error(single, expected) <= 5e-6, layers


@pytest.mark.parametrize("pooling", _core.POOLINGS)
@pytest.mark.parametrize("kernel", _core.KERNELS)
def test_norms(kernel: str, pooling: str) -> None:
    rng = np.random.default_rng(1)
    layers, shape = cases.random_model(rng, kernel, pooling)
    X = rng.normal(size=(2, *shape))
    norms, _ = ckn_rs.compute_norms(X, layers)
    expected = np.zeros_like(norms)
    for row, x in zip(expected, X, strict=True):
        for layer, values in enumerate(oracle.layer_norms(x, layers, False)):
            begin = layer * shape[0] * shape[1]
            row[begin : begin + values.size] = values.ravel()
    assert cases.error(norms, expected) <= 1e-12


@pytest.mark.parametrize("ntk", [False, True], ids=["ckn", "ntk"])
@pytest.mark.parametrize(
    ("layers", "shape"),
    [
        ([{"npatch": 1, "subsampling": 1, "pooling": "average"}], (1, 1, 1)),
        ([{"npatch": 1, "subsampling": 1, "pooling": "average"}], (1, 9, 2)),
        ([{"npatch": 5, "subsampling": 1, "poolfactor": 5}], (5, 5, 1)),
        ([{"npatch": 4, "subsampling": 2}], (4, 17, 3)),
        ([{"npatch": 3, "subsampling": 2, "poolfactor": 1, "pooling": "average"}], (9, 8, 17)),
        ([{"npatch": 3, "subsampling": 3, "pooling": "strided"}] * 2, (25, 24, 1)),
        ([{"npatch": 2, "subsampling": 1, "poolfactor": 2}] * 4, (8, 7, 1)),
    ],
    ids=["pixel", "row", "whole", "even", "narrow", "sparse", "deep"],
)
def test_extreme_geometry(layers: cases.Layers, shape: tuple[int, int, int], ntk: bool) -> None:
    X, Y = cases.images(3, shape), cases.images(2, shape, seed=1)
    expected = np.array([[oracle.kernel(x, y, layers, ntk)[ntk] for y in Y] for x in X])
    K = ckn_rs.compute_kernel_matrix(X, Y, model=layers, ntk=ntk)
    assert cases.error(K, expected) <= 1e-12
