"""Random models on random rectangular images, compared with the definition in dense loops."""

from typing import Any

import numpy as np
import pytest

import cases
import ckn_rs
import oracle
from ckn_rs import _core

DOUBLE, SINGLE = 1e-11, 5e-6

every_kernel = pytest.mark.parametrize("kernel", _core.KERNELS)
every_pooling = pytest.mark.parametrize("pooling", cases.POOLINGS, ids=str)
every_padding = pytest.mark.parametrize("padding", ["same", "valid", "circular"])


@pytest.mark.parametrize("ntk", [False, True], ids=["ckn", "ntk"])
@pytest.mark.parametrize("convention", _core.CONVENTIONS)
@every_padding
@every_pooling
@every_kernel
def test_conformance(kernel: str, pooling: Any, padding: str, convention: str, ntk: bool) -> None:
    """Both dtypes are compared. Readout and scales of weights and biases are chosen at random."""
    if ntk and kernel in cases.SINGULAR:
        return
    seed = [_core.KERNELS.index(kernel), cases.POOLINGS.index(pooling), len(padding), ntk]
    rng = np.random.default_rng([*seed, _core.CONVENTIONS.index(convention)])
    readout, scales = str(rng.choice(_core.READOUTS)), bool(rng.random() < 0.5)
    model, shape = cases.random_model(
        rng, kernel, pooling, padding, convention, readout, ntk, scales
    )
    X, Y = rng.normal(size=(2, *shape)), rng.normal(size=(2, *shape))
    model = cases.suited(model, X[0])
    expected = cases.expected(model, X, Y, ntk)
    K = ckn_rs.compute_kernel_matrix(X, Y, model=model, ntk=ntk)
    assert cases.error(K, expected) <= DOUBLE, model
    single = ckn_rs.compute_kernel_matrix(X, Y, model=model, ntk=ntk, dtype=np.float32)
    assert single.dtype == np.float32
    assert cases.error(single, expected) <= SINGLE, model


@pytest.mark.parametrize("convention", _core.CONVENTIONS)
@every_padding
@every_kernel
def test_norms(kernel: str, padding: str, convention: str) -> None:
    rng = np.random.default_rng(1)
    model, shape = cases.random_model(rng, kernel, "average", padding, convention, scales=True)
    X = rng.normal(size=(2, *shape))
    norms, norms_inv = ckn_rs.compute_norms(X, model)
    expected = np.zeros_like(norms)
    for row, x in zip(expected, X, strict=True):
        by_layer = oracle.layer_norms(x, model.to_dicts(), False, convention)
        for layer, values in enumerate(by_layer):
            begin = layer * shape[0] * shape[1]
            row[begin : begin + values.size] = values.ravel()
    assert cases.error(norms, expected) <= 1e-12
    used = expected > 0
    np.testing.assert_array_equal(norms_inv[used], 1 / np.maximum(norms[used], 1e-6))
    assert (norms_inv[norms == 0] <= 1e6).all()


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
        ([{"npatch": (3, 30), "subsampling": 1, "poolfactor": (20, 2)}] * 2, (6, 7, 2)),
        ([{"npatch": 9, "subsampling": 1, "pooling": [0.4, 0.3, 0.2, 0.1]}], (3, 2, 2)),
    ],
    ids=["pixel", "row", "whole", "even", "narrow", "sparse", "deep", "wide", "weights"],
)
def test_extreme_geometry(layers: cases.Layers, shape: tuple[int, int, int], ntk: bool) -> None:
    X, Y = cases.images(3, shape), cases.images(2, shape, seed=1)
    expected = np.array([[oracle.kernel(x, y, layers, ntk)[ntk] for y in Y] for x in X])
    K = ckn_rs.compute_kernel_matrix(X, Y, model=layers, ntk=ntk)
    assert cases.error(K, expected) <= 1e-12


def test_a_width_of_any_size() -> None:
    """A patch that covers the whole map from every position gives the result of any wider patch."""
    X = cases.images(3, (4, 5, 2))
    layers = [{"npatch": 9, "subsampling": 1, "poolfactor": 8, "pooling": "average"}]
    wider = [layers[0] | {"npatch": 10**12, "poolfactor": 10**12}]
    K = ckn_rs.compute_kernel_matrix(X, model=layers)
    # The average divides by the width: along rows and along columns, for each of the two images.
    expected = K * (8 / 10**12) ** 4
    assert cases.error(ckn_rs.compute_kernel_matrix(X, model=wider), expected) <= 1e-12
