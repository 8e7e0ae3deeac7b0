"""The models that are timed, equal to those of ``benches/engine/models.rs``, and photographs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_sample_images

from ckn_rs import Model, _core

Layer = dict[str, Any]
Array = NDArray[Any]


@dataclass(frozen=True)
class Case:
    """A model on images of one shape ``(h, w, c)``."""

    name: str
    shape: tuple[int, int, int]
    layers: list[Layer]
    ntk: bool = False
    readout: str = "trace"

    @property
    def model(self) -> Model:
        """The layers and the readout."""
        return Model(self.layers, readout=self.readout)

    def plan(self) -> _core.Plan:
        """The model on images of the shape."""
        spec = {"layers": self.layers, "readout": self.readout}
        return _core.Plan(spec, self.shape, "ntk" if self.ntk else "ckn")

    def entries(self) -> int:
        """The entries of a pair's maps: of all pairs of positions, in all layers."""
        return sum((h * w) ** 2 for h, w in (layer["input"] for layer in self.plan().layers))

    def images(self, count: int, dtype: type = np.float32) -> tuple[Array, Array]:
        """Two sets of ``count`` photographs, ``(count, h, w, c)`` each."""
        first, second = np.split(photographs(2 * count, self.shape, dtype), 2)
        return first, second


def layer(kernel: str, npatch: int, subsampling: int, **others: object) -> Layer:
    """One layer of a model."""
    sizes = {"npatch": npatch, "subsampling": subsampling}
    return {**sizes, "kernel": kernel, "sigma": 0.6, **others}


def deep(name: str, *blocks: int, ntk: bool = False) -> Case:
    """Blocks of so many layers of relu on 3x3 patches, each with pooling after its last one."""
    layers = []
    for count in blocks:
        layers += [layer("relu", 3, 1, pooling="none")] * (count - 1)
        layers.append(layer("relu", 3, 2, pooling="average"))
    return Case(name, CIFAR, layers, ntk, readout="mean")


def photographs(count: int, shape: tuple[int, int, int], dtype: type) -> Array:
    """``count`` crops of scikit-learn's photographs, in grey for one channel, each with mean 0."""
    height, width, channels = shape
    rng = np.random.default_rng(0)
    crops: Array = np.empty((count, *shape), dtype)
    images = load_sample_images().images
    if channels == 1:
        images = [image.mean(2, keepdims=True) for image in images]
    for crop in crops:
        image = images[rng.integers(len(images))]
        y, x = rng.integers(image.shape[0] - height), rng.integers(image.shape[1] - width)
        crop[...] = image[y : y + height, x : x + width] / 255
        crop -= crop.mean()
    return crops


CIFAR, MNIST, DIGITS = (32, 32, 3), (28, 28, 1), (8, 8, 1)
RELU = [layer("relu", 3, 2), layer("relu", 3, 5)]

FLAGSHIP = Case("exp", CIFAR, [layer("exp", 3, 2), layer("exp", 3, 5)])
CASES = [
    FLAGSHIP,
    Case("relu", CIFAR, RELU),
    Case("relu, NTK", CIFAR, RELU, ntk=True),
    Case(
        "exp, strided",
        CIFAR,
        [layer("exp", 3, 2, pooling="strided"), layer("exp", 3, 5, pooling="strided")],
    ),
    Case("exp, three layers", CIFAR, [layer("exp", 3, 2)] * 3),
    deep("myrtle5", 2, 1, 1),
    deep("myrtle7", 2, 2, 2),
    deep("myrtle10", 3, 3, 3),
    deep("myrtle10, NTK", 3, 3, 3, ntk=True),
    Case("exp, one layer", CIFAR, [layer("exp", 5, 8)]),
    Case(
        "exp, subsampling 1",
        CIFAR,
        [layer("exp", 3, 1, poolfactor=2), layer("exp", 6, 1, poolfactor=10)],
    ),
    Case("exp, 28x28x1", MNIST, FLAGSHIP.layers),
    Case("exp, 8x8x1", DIGITS, [layer("exp", 3, 2), layer("exp", 3, 1)]),
]
