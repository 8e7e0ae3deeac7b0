"""Scales of weights and biases: what they do to a kernel, and what leaves its bits as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cases
import ckn_rs
import layers
from ckn_rs import Dense, Model, _core

SHAPE = (8, 9, 2)
X, Y = cases.images(4, SHAPE), cases.images(3, SHAPE, seed=1)
BIAS = 0.4

#: The power of the inner product that a kernel without a scale of its own is homogeneous in.
POWERS = dict.fromkeys(cases.HOMOGENEOUS, 1) | {"square": 2, "step": 0, "arccos2": 2}
#: What a kernel that is not homogeneous makes of its ``sigma``: a factor of the weights or of
#: their inverse.
SIGMA_POWERS = {"erf": 1, "gelu": 1, "sin": 1, "cos": 1, "rbf": -1}

every_convention = pytest.mark.parametrize("convention", _core.CONVENTIONS)


def both(model: Any, ntk: bool, dtype: Any = None) -> cases.Floats:
    """The matrix of two sets, and beside it that of one."""
    matrices = [
        ckn_rs.compute_kernel_matrix(X, other, model=model, ntk=ntk, dtype=dtype)
        for other in (Y, None)
    ]
    return np.concatenate(matrices, axis=1)


def check(actual: cases.Floats, expected: cases.Floats, ntk: bool) -> None:
    """Compare what :func:`both` gives; the NTK of an image with itself has fewer digits."""
    assert cases.error(actual[:, : len(Y)], expected[:, : len(Y)]) <= 1e-12
    diagonal, beside = cases.split_error(actual[:, len(Y) :], expected[:, len(Y) :])
    assert beside <= 1e-12
    assert diagonal <= (1e-7 if ntk else 1e-12)


def scaled(model: cases.Layers, **keys: Any) -> cases.Layers:
    """The model with more keys in every layer."""
    return [layer | keys for layer in model]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@every_convention
@layers.every_kind
def test_defaults_change_no_bit(kernel: str, ntk: bool, convention: str, dtype: str) -> None:
    model = layers.two_layers(kernel, "average")
    said = scaled(model, weight_std=1.0, bias_std=0.0)
    K = both(Model(model, convention=convention), ntk, dtype)
    with_dense = Model(said, convention=convention, dense=Dense())
    np.testing.assert_array_equal(both(with_dense, ntk, dtype), K)


@every_convention
@layers.every_kind
def test_weights_scale_homogeneous_kernels_by_a_power(
    kernel: str, ntk: bool, convention: str
) -> None:
    """The last layer has the kernel, since the scale of one before may change its cosines."""
    if kernel not in POWERS:
        return
    model = Model(layers.two_layers(kernel, "average"), convention=convention)
    larger = Model([model[0], {**model[1].to_dict(), "weight_std": 1.7}], convention=convention)
    wanted = 1.7 ** (2 * POWERS[kernel]) * both(model, ntk)
    check(both(larger, ntk), wanted, ntk)


@pytest.mark.parametrize("ntk", [False, True], ids=["ckn", "ntk"])
@pytest.mark.parametrize("kernel", SIGMA_POWERS)
def test_weights_scale_sigma(kernel: str, ntk: bool) -> None:
    model = scaled(layers.two_layers(kernel, "average"), sigma=0.3 if kernel != "rbf" else 3.0)
    inside = [layer | {"sigma": layer["sigma"] * 1.3 ** SIGMA_POWERS[kernel]} for layer in model]
    check(both(scaled(model, weight_std=1.3), ntk), both(inside, ntk), ntk)


@pytest.mark.parametrize("npatch", [1, (2, 3)])
@layers.every_kind
def test_a_bias_is_a_constant_channel(kernel: str, ntk: bool, npatch: Any) -> None:
    """Each of a patch's positions has its share of the bias's variance."""
    first = layers.layer(kernel, "average", npatch=npatch, subsampling=2, padding="valid")
    last = {"npatch": 2, "kernel": "relu", "pooling": "none"}
    share = BIAS / np.sqrt(np.prod(cases.lengths(npatch)))
    more, others = (np.insert(images, 2, share, axis=3) for images in (X, Y))
    plain = ckn_rs.compute_kernel_matrix(more, others, model=[first, last], ntk=ntk)
    biased = ckn_rs.compute_kernel_matrix(X, Y, model=[first | {"bias_std": BIAS}, last], ntk=ntk)
    assert cases.error(biased, plain) <= 1e-12


@every_convention
@layers.every_kind
def test_blank_patches_have_a_kernel(kernel: str, ntk: bool, convention: str) -> None:
    """A bias is there where an image is blank, and where a patch reaches over the edge."""
    first, second = np.zeros((2, 2, 6, 7, 2))
    first[1, 4:, 3:], second[1, 4:, 3:] = X[0, 4:6, 3:7], Y[0, 4:6, 3:7]
    # Blank patches are parallel, so that an NTK is as inexact as one on the diagonal.
    tolerances = {np.float64: 1e-7 if ntk else 1e-12, np.float32: 1e-3 if ntk else 5e-6}
    for index in (0, 1):
        model = layers.two_layers(kernel, "average")
        model[index] |= {"bias_std": BIAS, "weight_std": 0.8}
        biased = Model(model, convention=convention)
        expected = cases.expected(biased, first, second, ntk)
        for dtype, tolerance in tolerances.items():
            K = ckn_rs.compute_kernel_matrix(first, second, model=biased, ntk=ntk, dtype=dtype)
            assert cases.error(K, expected) <= tolerance


def test_a_blank_image_by_hand() -> None:
    """Its patches have the norm of the bias alone: erf of a normal variable, squared."""
    blank = np.zeros((1, 4, 5, 3))
    model = [{"npatch": 3, "kernel": "erf", "pooling": "none", "bias_std": BIAS, "weight_std": 9}]
    value = 2 / np.pi * np.arcsin(2 * BIAS**2 / (1 + 2 * BIAS**2))
    K = ckn_rs.compute_kernel_matrix(blank, model=model)
    np.testing.assert_allclose(K, [[20 * value]], rtol=1e-14)
    mean = Model(model, convention="neural_tangents", dense=Dense(3, 0.5))
    K = ckn_rs.compute_kernel_matrix(blank, model=mean)
    np.testing.assert_allclose(K, [[9 * value + 0.25]], rtol=1e-14)


@pytest.mark.parametrize("readout", _core.READOUTS)
@every_convention
def test_dense(convention: str, readout: str) -> None:
    """Both kernels are scaled, and get the bias, before anything is made of them."""
    plain = Model(scaled(cases.RELU, bias_std=BIAS), convention=convention, readout=readout)
    model = Model(plain, dense=Dense(weight_std=1.5, bias_std=2.0))

    def formula(values: Any) -> Any:
        return 1.5**2 * np.asarray(values) + 2.0**2

    for ntk in (False, True):
        assert cases.error(both(model, ntk), formula(both(plain, ntk))) <= 1e-15
        diagonal = ckn_rs.compute_diagonal(X, model, ntk)
        assert cases.error(diagonal, formula(ckn_rs.compute_diagonal(X, plain, ntk))) <= 1e-15
        one = ckn_rs.compute_kernel(X[0], Y[0], model, ntk)
        assert one == pytest.approx(formula(ckn_rs.compute_kernel(X[0], Y[0], plain, ntk)))
        # The bias has no part in a difference.
        distances = ckn_rs.compute_distances(X[:3], Y, model, ntk)
        wanted = 1.5**2 * ckn_rs.compute_distances(X[:3], Y, plain, ntk)
        assert cases.error(distances, wanted) <= 1e-11
        K = ckn_rs.compute_kernel_matrix(X, model=model, ntk=ntk, normalize=True)
        roots = np.sqrt(diagonal)
        assert cases.error(K, both(model, ntk)[:, len(Y) :] / np.outer(roots, roots)) <= 1e-15
    matrices = zip(
        ckn_rs.compute_both(X, Y, model=model),
        ckn_rs.compute_both(X, Y, model=plain),
        strict=True,
    )
    for dense, without in matrices:
        assert cases.error(dense, formula(without)) <= 1e-15


@pytest.mark.parametrize("ntk", [False, True], ids=["ckn", "ntk"])
def test_conventions_differ_by_scales(ntk: bool) -> None:
    """Of a network of ReLU, which is homogeneous, ``neural_tangents`` is another scale."""
    model = [{"npatch": 3, "kernel": "relu", "pooling": "none", "bias_std": 0.3}] * 2
    fans = 9 * 2, 9 * 2  # channels in the first layer, and the factor 2 of relu in the second
    theirs = Model(model, convention="neural_tangents")
    ours = Model(
        [layer | {"weight_std": fan**-0.5} for layer, fan in zip(model, fans, strict=True)],
        dense=Dense((8 * 9 * 2) ** -0.5),
    )
    check(both(theirs, ntk), both(ours, ntk), ntk)


@every_convention
def test_norms_that_are_given(convention: str) -> None:
    """They have the bits of those that are computed, biases and all."""
    model = Model(scaled(cases.EXP, weight_std=1.3, bias_std=BIAS), convention=convention)
    norms, inverses = ckn_rs.compute_norms(X, model)
    K = ckn_rs.compute_kernel_matrix(X, model=model)
    given = ckn_rs.compute_kernel_matrix(X, None, norms, None, inverses, model=model)
    np.testing.assert_array_equal(given, K)
    plain, _ = ckn_rs.compute_norms(X, Model(cases.EXP, convention=convention))
    with pytest.raises(ValueError, match="norms"):
        ckn_rs.compute_kernel_matrix(X, None, plain, model=model)


@pytest.mark.parametrize("where", ["layer", "dense"])
@pytest.mark.parametrize("ntk", [False, True], ids=["ckn", "ntk"])
def test_an_overflow_says_so(where: str, ntk: bool) -> None:
    scale = {"weight_std": 1e9}
    model = Model(
        scaled(cases.RELU, **scale) if where == "layer" else cases.RELU,
        dense=scale if where == "dense" else None,
    )
    large = 1e15 * X.astype(np.float32)
    with pytest.raises(ValueError, match=r"overflow.*float64"):
        ckn_rs.compute_kernel_matrix(large, model=model, ntk=ntk)
    K = ckn_rs.compute_kernel_matrix(large, model=model, ntk=ntk, dtype=np.float64)
    assert np.isfinite(K).all()
