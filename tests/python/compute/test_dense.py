"""Images of one pixel: their layers are dense, and their kernels have closed forms."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

import cases
import ckn_rs
from ckn_rs import Layer, Model

Doubles: TypeAlias = NDArray[np.float64]

X = np.random.default_rng(0).standard_normal((11, 7))
Y = np.random.default_rng(1).standard_normal((9, 7))
TOLERANCE = 1e-13


def dense(kernel: str, depth: int = 1, **keys: Any) -> Model:
    """A network of dense layers, as the kernel that it has on images of one pixel."""
    return Model([Layer(1, kernel=kernel, pooling="none", **keys)] * depth)


def pixels(points: Doubles) -> Doubles:
    """Points ``(n, d)`` as images of one pixel."""
    return points[:, None, None, :]


def matrix(first: Doubles, second: Doubles, model: Model, **options: Any) -> Any:
    images = pixels(first), pixels(second)
    return ckn_rs.compute_kernel_matrix(*images, model=model, **options)


def arc_cosine(order: int, first: Doubles, second: Doubles) -> Doubles:
    """``k_n = |x|^n |y|^n J_n(theta) / pi`` (Cho and Saul 2009, equations 2 to 6)."""
    lengths = np.outer(np.linalg.norm(first, axis=1), np.linalg.norm(second, axis=1))
    theta = np.arccos(np.clip(first @ second.T / lengths, -1, 1))
    left = np.pi - theta
    J = {
        0: left,
        1: np.sin(theta) + left * np.cos(theta),
        2: 3 * np.sin(theta) * np.cos(theta) + left * (1 + 2 * np.cos(theta) ** 2),
    }[order]
    return np.asarray(lengths**order * J / np.pi)


@pytest.mark.parametrize(("order", "kernel"), [(0, "step"), (1, "relu"), (2, "arccos2")])
def test_arc_cosine_kernels(order: int, kernel: str) -> None:
    K = matrix(X, Y, dense(kernel))
    assert cases.error(K, arc_cosine(order, X, Y)) <= TOLERANCE


def test_arc_cosine_kernels_of_layers() -> None:
    """Cho and Saul, equation 11: each layer has the angle of the one before."""
    lengths = np.outer(np.linalg.norm(X, axis=1), np.linalg.norm(Y, axis=1))
    K = X @ Y.T
    for depth in range(1, 5):
        theta = np.arccos(K / lengths)
        K = lengths * (np.sin(theta) + (np.pi - theta) * np.cos(theta)) / np.pi
        assert cases.error(matrix(X, Y, dense("relu", depth)), K) <= TOLERANCE


def test_rbf_of_layers() -> None:
    """After the first layer all points have length 1, and squared distances are ``2 - 2 k``."""
    squares = ((X[:, None] - Y) ** 2).sum(axis=2)
    K = np.exp(-squares / (2 * 1.7**2))
    for depth in range(1, 4):
        assert cases.error(matrix(X, Y, dense("rbf", depth, sigma=1.7)), K) <= TOLERANCE
        K = np.exp(-(2 - 2 * K) / (2 * 1.7**2))


def relu_ntk(first: Doubles, second: Doubles, depth: int) -> tuple[Doubles, Doubles]:
    """The NTK and the CKN of dense ReLU layers by their recursion, in float64."""
    lengths = np.outer(np.linalg.norm(first, axis=1), np.linalg.norm(second, axis=1))
    sigma = theta = first @ second.T
    for _ in range(depth):
        u = np.clip(sigma / lengths, -1, 1)
        slope = (np.pi - np.arccos(u)) / np.pi
        sigma = lengths * (u * slope + np.sqrt(1 - u**2) / np.pi)
        theta = sigma + slope * theta
    return theta, sigma


@pytest.mark.parametrize("depth", [1, 2, 5, 20])
def test_ntk_of_relu_layers(depth: int) -> None:
    ntk, ckn = ckn_rs.compute_both(pixels(X), pixels(Y), model=dense("relu", depth))
    for K, wanted in zip((ntk, ckn), relu_ntk(X, Y, depth), strict=True):
        assert cases.error(K, wanted) <= TOLERANCE
    # Of a point with itself the NTK is |x|^2 (depth + 1); the root of a rounding error is its own.
    own = ckn_rs.compute_diagonal(pixels(X), dense("relu", depth), ntk=True)
    np.testing.assert_allclose(own, (depth + 1) * (X**2).sum(axis=1), rtol=1e-7 * depth)
    single = matrix(X, Y, dense("relu", depth), ntk=True, dtype=np.float32)
    assert cases.error(single, relu_ntk(X, Y, depth)[0]) <= 5e-6


def test_no_key_of_geometry_matters() -> None:
    """A patch of any length reads the one pixel, and there is nothing to pool."""
    wanted = matrix(X, Y, dense("relu", 2), ntk=True)
    wide = Model([Layer(3, kernel="relu", pooling="global")] * 2, readout="mean")
    np.testing.assert_array_equal(matrix(X, Y, wide, ntk=True), wanted)


def test_a_patch_as_large_as_the_image_is_a_dense_layer() -> None:
    images, others = X[:, :6].reshape(-1, 3, 2, 1), Y[:, :6].reshape(-1, 3, 2, 1)
    first = Layer((3, 2), kernel="relu", padding="valid", pooling="none")
    model = Model([first, *dense("relu")])
    K = ckn_rs.compute_kernel_matrix(images, others, model=model, ntk=True)
    wanted = matrix(X[:, :6], Y[:, :6], dense("relu", 2), ntk=True)
    assert cases.error(K, wanted) <= TOLERANCE
