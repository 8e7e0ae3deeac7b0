"""Dense networks, compared with those of ``neural_tangents``.

``test_tangents.py`` says how to install it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cases
import ckn_rs
from ckn_rs import Layer, Model

pytest.importorskip(
    "neural_tangents",
    reason="neural_tangents is not installed; tests/python/compute/test_tangents.py says how",
)
import jax  # type: ignore[import-not-found]
from neural_tangents import stax  # type: ignore[import-not-found]

jax.config.update("jax_enable_x64", True)

pytestmark = pytest.mark.tangents

X = np.random.default_rng(0).standard_normal((8, 12))
Y = np.random.default_rng(1).standard_normal((5, 12))
TOLERANCE = 1e-12


def network(activations: list[tuple[Any, float, bool]]) -> Any:
    """Dense layers of these activations, weights of these deviations, and a dense layer at the end.

    ``neural_tangents`` divides the inner product of two points by their dimension. Its ReLU has
    half of our kernel, which the weights of the next layer make up for.
    """
    parts: list[Any] = []
    gain = float(X.shape[1])
    for activation, deviation, halved in activations:
        parts += [stax.Dense(1, W_std=gain**0.5 * deviation, b_std=None), activation]
        gain = 2.0 if halved else 1.0
    return stax.serial(*parts, stax.Dense(1, W_std=gain**0.5, b_std=None))[2]


NETWORKS: list[tuple[str, list[Layer], list[tuple[Any, float, bool]]]] = [
    ("relu", [Layer(1, kernel="relu", pooling="none")] * 5, [(stax.Relu(), 1.0, True)] * 5),
    (
        "erf",
        [Layer(1, kernel="erf", sigma=0.8, pooling="none")] * 3,
        [(stax.Erf(), 0.8, False)] * 3,
    ),
    (
        "gelu over relu",
        [
            Layer(1, kernel="relu", pooling="none"),
            Layer(1, kernel="gelu", sigma=1.3, pooling="none"),
        ],
        [(stax.Relu(), 1.0, True), (stax.Gelu(), 1.3, False)],
    ),
    (
        "leaky relu",
        [Layer(1, kernel="abrelu", a=0.2, b=0.9, pooling="none")] * 4,
        [(stax.ABRelu(0.2, 0.9), 1.0, True)] * 4,
    ),
    (
        "rbf",
        [Layer(1, kernel="rbf", sigma=3.0, pooling="none")] * 2,
        [(stax.Rbf(gamma=0.5 / 9), 1.0, False)] * 2,
    ),
]


@pytest.mark.parametrize(
    ("layers", "activations"), [pytest.param(*rest, id=name) for name, *rest in NETWORKS]
)
def test_dense_networks(layers: list[Layer], activations: list[tuple[Any, float, bool]]) -> None:
    kernels = network(activations)(X, Y, ("nngp", "ntk"))
    images = X[:, None, None, :], Y[:, None, None, :]
    ntk, ckn = ckn_rs.compute_both(*images, model=Model(layers))
    assert cases.error(ckn, kernels.nngp) <= TOLERANCE
    assert cases.error(ntk, kernels.ntk) <= TOLERANCE
