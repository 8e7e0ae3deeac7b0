"""What the tests share: golden files, models, images, and how close is close enough."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ckn_rs import _core

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
HOMOGENEOUS = [kernel for kernel in _core.KERNELS if kernel != "square"]


@dataclass(frozen=True)
class Golden:
    """One file of the original's values."""

    name: str
    model: Layers
    ntk: bool
    values: dict[str, Floats]


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
    """The same of a symmetric matrix, apart for its diagonal and for the rest.

    On the diagonal an NTK takes the arccos of 1 within rounding, where a tiny error becomes its
    square root.
    """
    difference = np.abs(np.asarray(actual, np.float64) - expected) / np.abs(expected).max()
    assert np.isfinite(difference).all()
    diagonal = np.eye(len(expected), dtype=bool)
    return float(difference[diagonal].max()), float(difference[~diagonal].max())


def random_model(rng: np.random.Generator, kernel: str, pooling: str) -> tuple[Layers, Any]:
    """Two layers, the first with this kernel and pooling, and a rectangular shape they fit."""
    while True:
        # With one channel and one pixel a patch, all cosines are 1 or -1: NTKs are ill-conditioned.
        shape = (int(rng.integers(6, 12)), int(rng.integers(6, 12)), int(rng.integers(2, 5)))
        layers = [
            {
                "npatch": int(rng.integers(1, 5)),
                "subsampling": int(rng.integers(1, 4)),
                "poolfactor": int(rng.integers(1, 5)),
                "kernel": kernel if index == 0 else str(rng.choice(_core.KERNELS)),
                "sigma": float(rng.uniform(0.5, 1.5)),
                "pooling": pooling if index == 0 else str(rng.choice(_core.POOLINGS)),
            }
            for index in range(2)
        ]
        try:
            _core.geometry(layers, shape, False)
        except ValueError:
            continue
        return layers, shape
