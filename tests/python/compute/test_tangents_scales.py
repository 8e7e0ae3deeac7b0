"""Networks with biases and scales, word for word as ``neural_tangents`` has them.

The convention ``neural_tangents`` needs no factor between a layer here and its convolution and
activation there. ``test_tangents.py`` tells how to install the other package. The largest
difference over the 34 networks here is 1.5e-15 of the largest entry.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import cases
import ckn_rs
from ckn_rs import Dense, Layer, Model, _core
from ckn_rs.model import as_spec

pytest.importorskip(
    "neural_tangents",
    reason="neural_tangents is not installed; tests/python/compute/test_tangents.py says how",
)
import jax  # type: ignore[import-not-found]
from neural_tangents import stax  # type: ignore[import-not-found]

jax.config.update("jax_enable_x64", True)

pytestmark = [
    pytest.mark.tangents,
    pytest.mark.filterwarnings("ignore:Inputs to this layer are assumed:UserWarning"),  # Hermite
]

TOLERANCE = 1e-12

HE: dict[str, Any] = {"weight_std": 2**0.5}
BIASED: dict[str, Any] = {"weight_std": 1.4, "bias_std": 0.1}
STRONG: dict[str, Any] = {"weight_std": 0.9, "bias_std": 0.8}
RELU: dict[str, Any] = {"kernel": "relu", **BIASED}
LAST: dict[str, Any] = {"dense": Dense(weight_std=1.3, bias_std=0.2)}
MEAN: dict[str, Any] = {"readout": "mean"}


def plain(npatch: Any, **keys: Any) -> Layer:
    """A layer without pooling."""
    return Layer(npatch, pooling="none", **keys)


def averaged(npatch: Any, subsampling: Any = 2, poolfactor: Any = None, **keys: Any) -> Layer:
    """A layer with average pooling."""
    return Layer(npatch, subsampling, poolfactor, pooling="average", **keys)


#: Name, shape of the images, layers and options of each network. ``step`` and ``arccos2`` are in
#: the last layer, because ``neural_tangents`` 0.6.5 gives NaN for norms after them.
NETWORKS: list[tuple[str, tuple[int, int, int], list[Layer], dict[str, Any]]] = [
    ("one convolution", (6, 5, 3), [plain(3, **RELU)], {}),
    ("wide patches", (7, 6, 2), [plain((5, 7), **RELU), plain(9, **RELU)], LAST),
    ("He's weights", (8, 6, 1), [averaged(3, kernel="relu", **HE)] * 2, {}),
    ("no biases", (8, 6, 2), [plain(3, kernel="relu", weight_std=0.7)] * 3, MEAN),
    (
        "biases as large as weights",
        (8, 8, 2),
        [averaged(3, kernel="relu", **STRONG), plain(3, kernel="relu", **STRONG)],
        LAST,
    ),
    (
        "valid, then same",
        (9, 8, 2),
        [averaged((3, 2), padding="valid", **RELU), plain(3, **RELU)],
        LAST,
    ),
    ("circular", (6, 8, 2), [plain((3, 5), padding="circular", **RELU)] * 2, MEAN | LAST),
    ("even patches", (7, 8, 2), [plain((2, 4), **RELU), plain((4, 2), **RELU)], LAST),
    (
        "even patches, circular",
        (6, 7, 2),
        [plain((4, 2), padding="circular", **RELU), plain(2, padding="circular", **RELU)],
        {},
    ),
    ("stride 2, even map", (8, 6, 2), [plain(3, stride=2, **RELU), plain(3, **RELU)], LAST),
    ("stride 2, odd map", (7, 9, 2), [plain(3, stride=2, **RELU)] * 2, LAST),
    ("stride 3 and patches of 4", (10, 11, 2), [plain(4, stride=(3, 2), **RELU)] * 2, MEAN),
    ("stride wider than the patch", (9, 8, 2), [plain((1, 2), stride=3, **RELU)], {}),
    (
        "stride 2, circular",
        (8, 7, 2),
        [plain(3, stride=2, padding="circular", **RELU), plain(3, padding="circular", **RELU)],
        LAST,
    ),
    (
        "stride 2, valid",
        (11, 8, 2),
        [plain(3, stride=(2, 1), padding="valid", **RELU), plain(2, **RELU)],
        MEAN,
    ),
    ("overlapping windows", (8, 7, 2), [averaged(3, (2, 1), (3, 2), **RELU)] * 2, LAST),
    ("windows that leave a rest", (9, 11, 2), [averaged(3, 2, 3, **RELU)] * 2, MEAN | LAST),
    (
        "global pooling inside",
        (6, 8, 2),
        [Layer(3, pooling="global", **RELU), plain(1, **RELU)],
        LAST,
    ),
    ("a dense layer inside", (6, 6, 2), [plain(3, **RELU), plain(1, **RELU), plain(3, **RELU)], {}),
    ("deep dense", (1, 1, 7), [plain(1, **RELU)] * 6, LAST),
    (
        "dense, other activations",
        (1, 1, 9),
        [plain(1, kernel=kernel, **BIASED) for kernel in ("erf", "gelu", "sin", "cos", "relu")],
        LAST,
    ),
    (
        "a sequence",
        (1, 14, 3),
        [
            Layer((1, 5), (1, 2), kernel="erf", pooling=("none", "average"), **BIASED),
            plain((1, 3), padding="valid", **RELU),
        ],
        MEAN | LAST,
    ),
    ("erf", (7, 6, 2), [averaged(3, kernel="erf", sigma=s, **STRONG) for s in (1.2, 0.7)], LAST),
    ("gelu", (8, 6, 2), [averaged(3, kernel="gelu", **BIASED), plain(3, kernel="gelu")], MEAN),
    (
        "leaky relu, absolute value",
        (8, 8, 2),
        [
            averaged(3, kernel="abrelu", a=0.2, b=0.9, **BIASED),
            plain(3, kernel="abrelu", a=-1.0, **STRONG),
        ],
        LAST,
    ),
    (
        "sine and cosine",
        (6, 8, 2),
        [
            averaged(3, kernel="cos", sigma=0.8, **STRONG),
            plain(3, kernel="sin", sigma=1.1, **STRONG),
        ],
        LAST,
    ),
    ("rbf", (6, 8, 2), [averaged(3, kernel="rbf", sigma=s, **STRONG) for s in (1.1, 0.6)], MEAN),
    ("exp", (8, 6, 2), [averaged(3, kernel="exp", sigma=0.7, **STRONG)] * 2, LAST),
    (
        "no activation between",
        (7, 6, 2),
        [plain(3, kernel="linear", **BIASED), plain(3, **RELU)],
        LAST,
    ),
    (
        "powers",
        (6, 7, 2),
        [
            averaged(3, kernel="square", **STRONG),
            plain(3, kernel="poly", degree=3, homogeneous=False, **BIASED),
        ],
        {},
    ),
    (
        "squared relu over relu",
        (6, 8, 2),
        [averaged(3, **RELU), Layer(3, kernel="arccos2", pooling="global", **STRONG)],
        LAST,
    ),
    ("step over erf", (6, 7, 2), [plain(3, kernel="erf", **BIASED), plain(3, kernel="step")], LAST),
    (
        "three stages",
        (16, 12, 3),
        [plain(3, **RELU), *[averaged(3, **RELU)] * 2, plain(3, stride=2, **RELU)],
        MEAN | LAST,
    ),
    (
        "a flattened map, then two dense layers",
        (6, 8, 2),
        [averaged(3, **RELU), plain((3, 4), padding="valid", **RELU), plain(1, **RELU)],
        LAST,
    ),
]


def activation(layer: Layer) -> Any:
    sigma, degree = layer.sigma, layer.degree
    table = {
        "relu": stax.Relu,
        "abrelu": lambda: stax.ABRelu(layer.a, 1.0 if layer.b is None else layer.b),
        "erf": lambda: stax.Erf(b=sigma),
        "gelu": stax.Gelu,
        "sin": lambda: stax.Sin(b=sigma),
        "cos": lambda: stax.Cos(b=sigma),
        "step": lambda: stax.RectifiedMonomial(0),
        "arccos2": lambda: stax.RectifiedMonomial(2),
        "exp": lambda: stax.ExpNormalized(sigma**-2, -1),
        "rbf": lambda: stax.Rbf(0.5 * sigma**-2),
        "linear": stax.Identity,
        "square": lambda: stax.Hermite(2),
        "poly": lambda: stax.Hermite(degree),
    }
    assert layer.kernel is not None
    return table[layer.kernel]()


def own_scales(model: Model) -> list[tuple[float, float]]:
    """The standard deviations of weights and biases in each layer, the dense one last."""
    return [(each.weight_std, each.bias_std) for each in (*model, model.dense or Dense())]


def network(model: Model, shape: tuple[int, int, int], scales: Any = None) -> Any:
    """The kernel function of the same network, with the model's scales or with others."""
    *scales, (last_weight, last_bias) = own_scales(model) if scales is None else scales
    parts: list[Any] = []
    geometry = _core.Plan(as_spec(model), shape, "ckn").layers
    for layer, planned, (weight, bias) in zip(model, geometry, scales, strict=True):
        size, strides = cases.lengths(layer.npatch), cases.lengths(layer.stride)
        conv = stax.Conv(1, size, strides, layer.padding.upper(), W_std=weight, b_std=bias)
        parts += [conv, activation(layer)]
        if layer.pooling != "none":
            whole = layer.pooling == "global"
            factor = layer.subsampling if layer.poolfactor is None else layer.poolfactor
            window, step = (factor, layer.subsampling) if not whole else [planned["patches"]] * 2
            parts.append(stax.AvgPool(cases.lengths(window), cases.lengths(step), "VALID"))
    parts.append(stax.Flatten() if model.readout == "trace" else stax.GlobalAvgPool())
    parts.append(stax.Dense(1, W_std=last_weight, b_std=last_bias))
    return stax.serial(*parts)[2]


@pytest.mark.parametrize(
    ("shape", "layers", "options"),
    [pytest.param(*rest, id=name) for name, *rest in NETWORKS],
)
def test_networks_with_scales(
    shape: tuple[int, int, int], layers: list[Layer], options: dict[str, Any]
) -> None:
    X, Y = cases.images(3, shape), cases.images(2, shape, seed=1)
    model = Model(layers, convention="neural_tangents", **options)
    kernels = network(model, shape)(X, Y, ("nngp", "ntk"))
    ckn = ckn_rs.compute_kernel_matrix(X, Y, model=model)
    assert cases.error(ckn, kernels.nngp) <= TOLERANCE
    if not any(layer.kernel in cases.SINGULAR for layer in layers):
        ntk = ckn_rs.compute_kernel_matrix(X, Y, model=model, ntk=True)
        assert cases.error(ntk, kernels.ntk) <= TOLERANCE


@pytest.mark.parametrize("ntk", [False, True], ids=["nngp", "ntk"])
@pytest.mark.parametrize("name", ["three stages", "erf", "gelu, every bias", "leaky relu"])
def test_gradients_are_those_of_automatic_differentiation(name: str, ntk: bool) -> None:
    shape = (8, 8, 2)
    layers = {
        "three stages": [averaged(3, **STRONG), plain(2, stride=2, **RELU), plain(3, **RELU)],
        "erf": [averaged(3, kernel="erf", sigma=0.7, **STRONG)] * 2,
        "gelu, every bias": [plain(3, kernel="gelu", **STRONG)] * 2,
        "leaky relu": [averaged(3, kernel="abrelu", a=0.2, **BIASED)] * 2,
    }[name]
    layers = [replace(layer, kernel=layer.kernel or "exp") for layer in layers]
    model = Model(layers, convention="neural_tangents", **LAST)
    X, Y = cases.images(3, shape), cases.images(2, shape, seed=1)

    def kernel(logarithms: Any) -> Any:
        return network(model, shape, jax.numpy.exp(logarithms))(X, Y, "ntk" if ntk else "nngp")

    # By W_std of each layer, then by b_std of each, the dense layer's last.
    jacobian = jax.jacfwd(kernel)(jax.numpy.log(jax.numpy.array(own_scales(model))))
    wanted = np.moveaxis(np.asarray(jacobian), -1, -2).reshape(3, 2, -1)
    wrt = ("weight_std", "bias_std")
    _, dK = ckn_rs.compute_gradient(X, Y, model=model, ntk=ntk, wrt=wrt)
    assert cases.error(dK, wanted) <= 1e-10
