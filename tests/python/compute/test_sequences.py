"""Sequences as images of one row, or of one column."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cases
import ckn_rs
from ckn_rs import Layer, Model

S = np.random.default_rng(0).standard_normal((7, 1, 23, 2))
T = np.random.default_rng(1).standard_normal((6, 1, 23, 2))
TOLERANCE = 1e-13

MODEL = Model(
    [
        Layer((1, 5), (1, 2), kernel="exp", sigma=0.7, pooling=("none", "average")),
        Layer((1, 3), kernel="relu", padding="valid", pooling="global"),
    ]
)


def transposed(layer: Layer) -> dict[str, Any]:
    """The layer with rows and columns exchanged."""
    return {
        key: value[::-1] if isinstance(value, tuple | list) else value
        for key, value in layer.to_dict().items()
    }


def upright(sequences: Any) -> Any:
    """Sequences as images of one column."""
    return sequences.swapaxes(1, 2)


@pytest.mark.parametrize("ntk", [False, True])
def test_a_row_and_a_column_have_one_kernel(ntk: bool) -> None:
    other = Model([transposed(layer) for layer in MODEL])
    K = ckn_rs.compute_kernel_matrix(S, T, model=MODEL, ntk=ntk)
    same = ckn_rs.compute_kernel_matrix(upright(S), upright(T), model=other, ntk=ntk)
    assert cases.error(same, K) <= TOLERANCE


@pytest.mark.parametrize("readout", ["trace", "mean"])
def test_one_layer_in_a_closed_form(readout: str) -> None:
    """The sum of the patch kernel over equal places, or its mean over all pairs of places."""
    first, second = (
        np.lib.stride_tricks.sliding_window_view(each[:, 0], 5, axis=1).reshape(len(each), 19, 10)
        for each in (S, T)
    )
    products = np.einsum("ipa,jqa->ijpq", first, second)
    n, m = (np.linalg.norm(each, axis=2) for each in (first, second))
    lengths = np.einsum("ip,jq->ijpq", n, m)
    M = lengths * np.exp((products / lengths - 1) / 0.7**2)
    wanted = np.einsum("ijpp->ij", M) if readout == "trace" else M.mean(axis=(2, 3))
    layer = Layer((1, 5), kernel="exp", sigma=0.7, padding="valid", pooling="none")
    K = ckn_rs.compute_kernel_matrix(S, T, model=Model([layer], readout=readout))
    assert cases.error(K, wanted) <= TOLERANCE


def test_square_patches_read_the_one_row() -> None:
    """With padding ``same``, what a patch has above and below the row is dropped."""
    flat, square = (
        Model([Layer(length, kernel="relu", pooling="none")] * 2) for length in ((1, 3), 3)
    )
    K = ckn_rs.compute_kernel_matrix(S, T, model=flat)
    np.testing.assert_array_equal(ckn_rs.compute_kernel_matrix(S, T, model=square), K)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (Layer(3, kernel="exp", padding="valid", pooling="none"), "npatch|patch"),
        (Layer((1, 3), 2, kernel="exp"), "leaves no positions"),
    ],
)
def test_one_length_for_both_axes_may_not_fit(layer: Layer, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ckn_rs.compute_kernel_matrix(S, model=Model([layer]))


def test_words_shifted_by_one_place_are_alike_to_a_mean() -> None:
    """A mean over all pairs of places does not see where a pattern stands."""
    mean = Model([Layer((1, 3), kernel="exp", sigma=0.7, pooling="none")], readout="mean")
    inside = S.copy()
    inside[:, :, :3] = inside[:, :, -4:] = 0
    moved = np.roll(inside, 1, axis=2)
    K = ckn_rs.compute_kernel_matrix(inside, moved, model=mean)
    np.testing.assert_allclose(K, ckn_rs.compute_kernel_matrix(inside, model=mean), rtol=1e-12)
