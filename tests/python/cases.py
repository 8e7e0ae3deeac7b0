"""Golden files, models, images and measures of error, for all tests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

import oracle
from ckn_rs import Model, _core

Floats: TypeAlias = NDArray[Any]
Layers: TypeAlias = list[dict[str, Any]]

DATA = Path(__file__).parents[1] / "data"
ROOT = Path(__file__).parents[2]

EXP: Layers = [
    {"npatch": 3, "subsampling": 2, "kernel": "exp", "sigma": 0.6},
    {"npatch": 3, "subsampling": 1, "kernel": "exp", "sigma": 0.6},
]
RELU: Layers = [
    {"npatch": 3, "subsampling": 2, "kernel": "relu"},
    {"npatch": 3, "subsampling": 1, "kernel": "relu"},
]
#: Parameters of the kernels that need some.
PARAMETERS: dict[str, dict[str, Any]] = {
    "abrelu": {"a": -0.4},
    "poly": {"degree": 3, "offset": 0.3},
    "series": {"coefficients": [0.1, 0.4, 0.0, 0.3, 0.2]},
}
SINGULAR = ["step"]
#: Kernels of degree 1: an image twice as bright has a kernel twice as large.
NOT_HOMOGENEOUS = ["square", "step", "arccos2", "erf", "gelu", "rbf", "sin", "cos"]
HOMOGENEOUS = [kernel for kernel in _core.KERNELS if kernel not in NOT_HOMOGENEOUS]
POOLINGS = [*_core.POOLINGS, [0.5, 0.25, -0.125]]


@dataclass(frozen=True)
class Golden:
    """A file of values that the original computed."""

    name: str
    layers: Layers
    ntk: bool
    values: dict[str, Floats]

    @property
    def convention(self) -> str:
        return "2019" if self.name.startswith("v2019") else "original"

    @property
    def model(self) -> Any:
        """The list of layers; for values of the first release a Model with its convention."""
        if self.convention == "original":
            return self.layers
        return Model.from_dicts(self.layers, convention=self.convention)


def golden(path: Path) -> Golden:
    with np.load(path) as file:
        values = dict(file)
    model, ntk = json.loads(str(values.pop("model"))), bool(values.pop("ntk"))
    return Golden(path.stem, model, ntk, values)


GOLDEN = [golden(path) for path in sorted(DATA.glob("*.npz"))]


def images(n: int, shape: tuple[int, int, int], seed: int = 0) -> Floats:
    """Random float64 images ``(n, h, w, c)``, with negative values too."""
    return np.random.default_rng(seed).normal(size=(n, *shape))


def error(actual: Any, expected: Any) -> float:
    """The largest difference, as a share of the largest expected entry."""
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    assert actual.shape == expected.shape
    assert np.isfinite(actual).all()
    return float(np.abs(actual - expected).max() / np.abs(expected).max())


def split_error(actual: Floats, expected: Floats) -> tuple[float, float]:
    """The largest error on the diagonal of a symmetric matrix, and the largest one beside it.

    On the diagonal, an NTK is a function of the arccos of a number that is 1 up to rounding, which
    turns a tiny error into its square root.
    """
    difference = np.abs(np.asarray(actual, np.float64) - expected) / np.abs(expected).max()
    assert np.isfinite(difference).all()
    diagonal = np.eye(len(expected), dtype=bool)
    return float(difference[diagonal].max()), float(difference[~diagonal].max())


def lengths(value: Any) -> tuple[int, int]:
    """The lengths along rows and along columns that a layer's key gives."""
    rows, cols = value if isinstance(value, (list, tuple)) else (value, value)
    return rows, cols


def random_model(
    rng: np.random.Generator,
    kernel: str,
    pooling: Any,
    padding: str = "same",
    convention: str = "original",
    readout: str = "trace",
    ntk: bool = False,
    scales: bool = False,
) -> tuple[Model, tuple[int, int, int]]:
    """One or two layers, the first with this kernel, pooling and padding, and a rectangular shape
    that they fit. Everything else is random, also the scales of weights and biases if these are
    asked for.

    With one channel and one pixel a patch, all cosines would be 1 or -1, where NTKs are
    ill-conditioned.
    """
    kernels = [name for name in _core.KERNELS if not ntk or name not in SINGULAR]

    def pair(choices: Sequence[int]) -> list[int]:
        return [int(x) for x in rng.choice(choices, 2)]

    def layer(kernel: str, pooling: Any, padding: str) -> dict[str, Any]:
        values: dict[str, Any] = {
            "npatch": pair([1, 2, 3, 4, 9]),
            "stride": pair([1, 1, 2]),
            "dilation": pair([1, 1, 2]),
            "kernel": kernel,
            "sigma": float(rng.uniform(0.7, 1.3)),
            "pooling": pooling,
            "padding": padding,
            **PARAMETERS.get(kernel, {}),
        }
        if pooling not in ("none", "global"):
            values["subsampling"] = pair([1, 2])
            if isinstance(pooling, str) and convention != "2019":
                values["poolfactor"] = pair([1, 2, 3, 10])
        return values | (random_scales(rng) if scales else {})

    dense = random_scales(rng) if scales and rng.random() < 0.5 else None
    while True:
        shape = (int(rng.integers(1, 9)), int(rng.integers(4, 9)), int(rng.integers(2, 4)))
        layers = [layer(kernel, pooling, padding)]
        if rng.random() < 0.7:
            other = POOLINGS[rng.integers(len(POOLINGS))]
            around = str(rng.choice(["same", "valid", "circular"]))
            layers.append(layer(str(rng.choice(kernels)), other, around))
        model = Model(layers, convention=convention, readout=readout, dense=dense)
        try:
            model.describe(shape, ntk)
        except ValueError:
            continue
        return model, shape


def random_scales(rng: np.random.Generator) -> dict[str, float]:
    """Standard deviations of weights and biases; half of the biases are 0."""
    bias = float(rng.uniform(0.2, 1)) if rng.random() < 0.5 else 0.0
    return {"weight_std": float(rng.uniform(0.6, 1.6)), "bias_std": bias}


def options(model: Model) -> dict[str, Any]:
    """What a model is besides its layers, as its constructor takes it."""
    return {"convention": model.convention, "readout": model.readout, "dense": model.dense}


def suited(model: Model, x: Floats) -> Model:
    """The model with each ``sigma`` in units of this image's patch norms.

    With another ``sigma``, a kernel that is not homogeneous is 0, or an exponential of large
    numbers that cancel.
    """
    layers = model.to_dicts()
    for index, layer in enumerate(layers):
        norms = oracle.layer_norms(x, layers[: index + 1], False, model.convention)[index]
        if layer["kernel"] in ("rbf", "sin", "cos", "erf", "gelu") and norms.max() > 0:
            layer["sigma"] *= norms.max() if layer["kernel"] == "rbf" else 1 / norms.max()
    return Model(layers, **options(model))


def expected(model: Model, X: Floats, Y: Floats, ntk: bool) -> Floats:
    """The matrix by the definition."""
    dense = None if model.dense is None else model.dense.to_dict()
    how = (model.to_dicts(), ntk, model.convention, model.readout, dense)
    return np.array([[oracle.kernel(x, y, *how)[ntk] for y in Y] for x in X])
