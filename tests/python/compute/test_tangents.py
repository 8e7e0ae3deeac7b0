"""Our kernels, compared with those that ``neural_tangents`` derives from infinitely wide networks.

``neural_tangents`` is not a dependency, because it needs an old JAX. In an environment of Python
3.11 with ckn-rs and pytest, install it with ``pip install neural-tangents==0.6.5 "jax[cpu]==0.4.30"
tf2jax==0.3.6 tensorflow==2.17.1 numpy==1.26.4``. The largest difference over the 18 networks here
is 2e-15 of the largest entry.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cases
import ckn_rs
from ckn_rs import Model, _core
from oracle_kernels import DOUBLED

pytest.importorskip(
    "neural_tangents",
    reason="neural_tangents is not installed; tests/python/compute/test_tangents.py says how",
)
import jax  # type: ignore[import-not-found]
from neural_tangents import stax  # type: ignore[import-not-found]

jax.config.update("jax_enable_x64", True)

pytestmark = pytest.mark.tangents

TOLERANCE = 1e-12

AVERAGE = {"subsampling": 2, "pooling": "average"}
NONE = {"pooling": "none"}
EXP = {"kernel": "exp", "sigma": 0.7}
RBF = {"kernel": "rbf", "sigma": 4.0}
LEAKY = {"kernel": "abrelu", "a": 0.2, "b": 0.9}
ABSOLUTE = {"kernel": "abrelu", "a": -1.0}

#: Name, height and width, readout and layers of each network. Images have 2 channels. Patches have
#: odd lengths, and strided maps have odd sizes, because both packages then place patches alike.
#: Pooling windows end at the edge. ``step`` and ``arccos2`` are only in the last layer, because
#: ``neural_tangents`` 0.6.5 gives NaN for norms after them.
ARCHITECTURES: list[tuple[str, tuple[int, int], str, cases.Layers]] = [
    ("relu, flatten", (8, 4), "trace", [{"npatch": 3, "kernel": "relu", **AVERAGE}] * 2),
    ("relu, mean", (4, 8), "mean", [{"npatch": 3, "kernel": "relu", **AVERAGE}] * 2),
    (
        "relu, valid, rectangular patches",
        (10, 8),
        "trace",
        [
            {"npatch": (3, 1), "kernel": "relu", "padding": "valid", **AVERAGE},
            {"npatch": (1, 3), "kernel": "relu", "padding": "valid", **NONE},
        ],
    ),
    (
        "relu, circular, stride",
        (7, 9),
        "mean",
        [
            {"npatch": 3, "kernel": "relu", "padding": "circular", "stride": 2, **NONE},
            {"npatch": 3, "kernel": "relu", "padding": "circular", **NONE},
        ],
    ),
    (
        "relu, three layers, strides",
        (9, 7),
        "trace",
        [
            {"npatch": 3, "kernel": "relu", **NONE},
            {"npatch": (5, 3), "kernel": "relu", "stride": (2, 1), **NONE},
            {"npatch": 3, "kernel": "relu", **NONE},
        ],
    ),
    (
        "erf, flatten",
        (8, 6),
        "trace",
        [
            {"npatch": 3, "kernel": "erf", "sigma": 0.6, **AVERAGE},
            {"npatch": 3, "kernel": "erf", **NONE},
        ],
    ),
    (
        "erf, circular, mean",
        (8, 12),
        "mean",
        [
            {"npatch": 3, "kernel": "erf", "sigma": s, "padding": "circular", **AVERAGE}
            for s in (0.4, 0.9)
        ],
    ),
    (
        "leaky relu, absolute value",
        (8, 8),
        "mean",
        [{"npatch": 3, **LEAKY, **AVERAGE}, {"npatch": 3, **ABSOLUTE, "padding": "valid", **NONE}],
    ),
    (
        "gelu, same and valid",
        (8, 6),
        "trace",
        [
            {"npatch": 3, "kernel": "gelu", "sigma": 0.5, **AVERAGE},
            {"npatch": 3, "kernel": "gelu", "sigma": 1.2, "padding": "valid", **NONE},
        ],
    ),
    (
        "gelu, circular, mean",
        (6, 6),
        "mean",
        [{"npatch": 3, "kernel": "gelu", "padding": "circular", **NONE}],
    ),
    (
        "exp, flatten",
        (8, 6),
        "trace",
        [{"npatch": 3, **EXP, **AVERAGE}, {"npatch": 3, **EXP, **NONE}],
    ),
    (
        "exp, valid, mean",
        (8, 10),
        "mean",
        [{"npatch": 3, **EXP, "padding": "valid", **AVERAGE}] * 1,
    ),
    (
        "exp over relu",
        (8, 6),
        "trace",
        [{"npatch": 3, "kernel": "relu", **AVERAGE}, {"npatch": 3, **EXP, **NONE}],
    ),
    ("rbf, circular", (6, 8), "trace", [{"npatch": 3, **RBF, "padding": "circular", **AVERAGE}]),
    (
        "sin over cos",
        (6, 8),
        "mean",
        [
            {"npatch": 1, "kernel": "cos", "sigma": 0.5, **AVERAGE},
            {"npatch": 3, "kernel": "sin", "sigma": 0.3, **NONE},
        ],
    ),
    (
        "arccos2 over relu, global pooling",
        (6, 8),
        "trace",
        [
            {"npatch": 3, "kernel": "relu", **AVERAGE},
            {"npatch": 3, "kernel": "arccos2", "pooling": "global"},
        ],
    ),
    (
        "step over relu",
        (6, 8),
        "trace",
        [{"npatch": 3, "kernel": "relu", **AVERAGE}, {"npatch": 3, "kernel": "step", **NONE}],
    ),
    (
        "a sequence",
        (1, 12),
        "mean",
        [
            {
                "npatch": (1, 5),
                "kernel": "erf",
                "pooling": ("none", "average"),
                "subsampling": (1, 2),
            },
            {"npatch": (1, 3), "kernel": "relu", "padding": "valid", **NONE},
        ],
    ),
]


def activation(layer: dict[str, Any]) -> Any:
    sigma = layer["sigma"]
    table = {
        "relu": stax.Relu,
        "abrelu": lambda: stax.ABRelu(layer["a"], layer["b"]),
        "erf": stax.Erf,
        "gelu": stax.Gelu,
        "sin": stax.Sin,
        "cos": stax.Cos,
        "step": lambda: stax.RectifiedMonomial(degree=0),
        "arccos2": lambda: stax.RectifiedMonomial(degree=2),
        "exp": lambda: stax.ExpNormalized(gamma=sigma**-2, shift=-1),
        "rbf": lambda: stax.Rbf(gamma=0.5 * sigma**-2),
    }
    return table[layer["kernel"]]()


def network(layers: list[dict[str, Any]], channels: int, readout: str) -> Any:
    """Return the kernel function of the layers that ``_core.Plan`` describes.

    A convolution of ``neural_tangents`` takes the mean over patch and channels, and ours takes the
    sum. Some of our kernels are twice the expectation that ``neural_tangents`` computes. The
    variance of a convolution's weights makes up for both: for its own mean, and for the half that
    is missing in the layer before. It also has the factor ``sigma^2`` for kernels whose ``sigma``
    is a standard deviation of weights.
    """
    parts: list[Any] = []
    gain = float(channels)
    for layer in layers:
        rows, cols = cases.lengths(layer["npatch"])
        weights = layer["sigma"] ** 2 if layer["kernel"] in ("erf", "gelu", "sin", "cos") else 1.0
        parts += [
            stax.Conv(
                1,
                (rows, cols),
                cases.lengths(layer["stride"]),
                layer["padding"].upper(),
                W_std=(gain * rows * cols * weights) ** 0.5,
                b_std=None,
            ),
            activation(layer),
        ]
        if layer["pooling"] != "none":
            window = tuple(n // m for n, m in zip(layer["patches"], layer["output"], strict=True))
            parts.append(stax.AvgPool(window, window, "VALID"))
        gain = 2.0 if layer["kernel"] in DOUBLED else 1.0
    # The network takes the mean of the diagonal, or of all entries. Its last, dense layer adds the
    # CKN to the NTK.
    if readout == "trace":
        gain *= float(np.prod(layers[-1]["output"]))
    parts += [stax.Flatten() if readout == "trace" else stax.GlobalAvgPool()]
    parts += [stax.Dense(1, W_std=gain**0.5, b_std=None)]
    return stax.serial(*parts)[2]


@pytest.mark.parametrize(
    ("size", "readout", "layers"),
    [pytest.param(*rest, id=name) for name, *rest in ARCHITECTURES],
)
def test_infinite_networks(size: tuple[int, int], readout: str, layers: cases.Layers) -> None:
    shape = (*size, 2)
    X, Y = cases.images(3, shape), cases.images(2, shape, seed=1)
    model = Model.from_dicts(layers, readout=readout)
    geometry = _core.Plan({"layers": model.to_dicts(), "readout": readout}, shape, "ckn").layers
    kernels = network(geometry, shape[2], readout)(X, Y, ("nngp", "ntk"))
    ckn = ckn_rs.compute_kernel_matrix(X, Y, model=model)
    assert cases.error(ckn, kernels.nngp) <= TOLERANCE
    if not any(layer["kernel"] in cases.SINGULAR for layer in layers):
        ntk = ckn_rs.compute_kernel_matrix(X, Y, model=model, ntk=True)
        assert cases.error(ntk, kernels.ntk) <= TOLERANCE
