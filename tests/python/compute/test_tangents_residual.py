"""Residual networks, compared with those of ``neural_tangents``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import cases
import ckn_rs
from ckn_rs import Layer, Model, Residual

pytest.importorskip(
    "neural_tangents",
    reason="neural_tangents is not installed; tests/python/compute/test_tangents.py says how",
)
import jax  # type: ignore[import-not-found]
from neural_tangents import stax  # type: ignore[import-not-found]

jax.config.update("jax_enable_x64", True)

pytestmark = [pytest.mark.tangents, pytest.mark.filterwarnings("ignore:.FanIn.:UserWarning")]

SIZE, CHANNELS, SIGMA = (8, 6), 2, 0.7
LINEAR = Layer(3, kernel="linear", pooling="none")
WIDE, SINGLE = (Layer(n, kernel="exp", sigma=SIGMA, pooling="none") for n in (3, 1))
RELU = Layer(3, kernel="relu", pooling="none")


def conv(npatch: int, gain: float = 1, padding: str = "SAME") -> Any:
    """A convolution that sums over its patch, and not over the mean."""
    std = (gain * npatch**2) ** 0.5
    return stax.Conv(1, (npatch, npatch), None, padding, W_std=std, b_std=None)


def exp() -> Any:
    return stax.ExpNormalized(gamma=SIGMA**-2, shift=-1)


def block(*parts: Any) -> list[Any]:
    branches = stax.parallel(stax.serial(*parts), stax.Identity())
    return [stax.FanOut(2), branches, stax.FanInSum()]


def around(layer: Layer) -> Layer:
    return replace(layer, padding="circular")


#: Layers, their counterparts, and the factor of the kernel that comes last.
NETWORKS: dict[str, tuple[Model, list[Any], float]] = {
    "pooled": (
        Model(
            [
                *(LINEAR, Residual([SINGLE, WIDE, LINEAR])),
                Layer(3, 2, kernel="exp", sigma=SIGMA, pooling="average"),
            ],
            readout="mean",
        ),
        [
            *(conv(3, CHANNELS), *block(conv(1), exp(), conv(3), exp(), conv(3))),
            *(conv(3), exp(), stax.AvgPool((2, 2), (2, 2), "VALID")),
        ],
        1,
    ),
    "two blocks, the last one ends in a trace": (
        Model([LINEAR, Residual([WIDE, LINEAR]), Residual([SINGLE, LINEAR])]),
        [
            *(conv(3, CHANNELS), *block(conv(3), exp(), conv(3))),
            *block(conv(1), exp(), conv(3)),
        ],
        1,
    ),
    "circular": (
        Model([around(LINEAR), Residual([around(WIDE), around(LINEAR)])], readout="mean"),
        [
            conv(3, CHANNELS, "CIRCULAR"),
            *block(conv(3, 1, "CIRCULAR"), exp(), conv(3, 1, "CIRCULAR")),
        ],
        1,
    ),
    "relu": (
        Model([LINEAR, Residual([RELU, LINEAR]), RELU], readout="mean"),
        [
            *(conv(3, CHANNELS), *block(conv(3), stax.Relu(), conv(3, 2))),
            *(conv(3), stax.Relu()),
        ],
        2,
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_residual_networks(name: str) -> None:
    model, parts, gain = NETWORKS[name]
    shape = (*SIZE, CHANNELS)
    X, Y = cases.images(3, shape), cases.images(2, shape, seed=1)
    is_trace = model.readout == "trace"
    last = stax.Flatten() if is_trace else stax.GlobalAvgPool()
    std = (gain * (np.prod(SIZE) if is_trace else 1)) ** 0.5
    network = stax.serial(*parts, last, stax.Dense(1, W_std=std, b_std=None))[2]
    kernels = network(X, Y, ("nngp", "ntk"))
    assert cases.error(ckn_rs.compute_kernel_matrix(X, Y, model=model), kernels.nngp) <= 1e-12
    ntk = ckn_rs.compute_kernel_matrix(X, Y, model=model, ntk=True)
    assert cases.error(ntk, kernels.ntk) <= 1e-12
