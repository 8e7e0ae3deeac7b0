"""Our kernels by ``neural_tangents``, on JAX.

Its conventions differ from ours:

- Its convolution takes the mean over patch and channels, ours the sum. ``W_std**2`` makes up for
  that, and also for ``Relu``, whose kernel is half of ours.
- Its patches of even length have one pixel more on the right and below, ours on the left and above.
  Images and pooling are mirrored, which changes nothing else.
- ``Flatten`` takes the mean of the diagonal. The dense layer after it turns the mean into a trace,
  and adds the kernel itself to the NTK, as our last layer does. So does one after the mean of all
  pairs of positions.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from compared.cases import Array, Case, Layer

COPIES = 20
"""How many maps of a pair are in memory at the same time, by experience."""

ONE_THREAD = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


class Tangents:
    """``neural_tangents``, compiled by JAX for one thread of the processor."""

    name = "neural-tangents"

    def __init__(self) -> None:
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {ONE_THREAD}"
        os.environ["JAX_PLATFORMS"] = "cpu"
        import jax
        import neural_tangents

        self._jax = jax
        self.versions = {
            "neural_tangents": neural_tangents.__version__,
            "jax": jax.__version__,
        }

    def has(self, case: Case) -> bool:
        """Whether the model's kernels are translated below; all poolings are."""
        return all(layer["kernel"] in ("exp", "relu") for layer in case.layers)

    def block(self, case: Case) -> int:
        """The rows and columns to time; 0 if memory is short even for one pair."""
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        pair = COPIES * 4 * case.entries() * (1 + case.ntk)
        return min(2 if case.shape[0] > 16 else 32, int((free / pair) ** 0.5))

    def prepare(self, case: Case, X: Array, Y: Array) -> Callable[[], Array]:
        """A function that gives the matrix. It computes the norms, too, which cannot be given."""
        kernel_fn = network(case)
        get = "ntk" if case.ntk else "nngp"
        compiled = self._jax.jit(lambda X, Y: kernel_fn(X, Y, get))
        X, Y = (np.ascontiguousarray(mirrored(Z).transpose(0, 3, 1, 2)) for Z in (X, Y))
        return lambda: np.asarray(compiled(X, Y))


def mirrored(images: Array) -> Array:
    """Images with rows and columns in reverse."""
    return images[:, ::-1, ::-1]


def network(case: Case) -> Any:
    """The kernel function of a case's network, for images ``(n, c, h, w)``."""
    from neural_tangents import stax

    geometry = case.plan().layers
    parts: list[Any] = []
    channels = case.shape[2]
    for layer in geometry:
        relu = layer["kernel"] == "relu"
        scale = layer["npatch"] ** 2 * channels * (2 if relu else 1)
        parts += [convolution(layer["npatch"], scale**0.5), stax.Relu() if relu else exp(layer)]
        if layer["pooling"] != "none":
            parts += [pooling(layer, axis) for axis in (0, 1)]
        channels = 1  # kernels of hidden layers are means already
    if case.readout == "mean":
        parts += [stax.GlobalAvgPool(channel_axis=1), stax.Dense(1, W_std=1, b_std=None)]
    else:
        height, width = geometry[-1]["output"]
        parts += [stax.Flatten(), stax.Dense(1, W_std=(height * width) ** 0.5, b_std=None)]
    return stax.serial(*parts)[2]


def convolution(npatch: int, scale: float) -> Any:
    """Square patches of ``npatch`` rows, cut where the image ends."""
    from neural_tangents import stax

    dimensions = ("NCHW", "HWIO", "NCHW")
    return stax.Conv(
        1, (npatch, npatch), padding="SAME", W_std=scale, b_std=None, dimension_numbers=dimensions
    )


def exp(layer: Layer) -> Any:
    """The kernel ``exp``."""
    from neural_tangents import stax

    return stax.ExpNormalized(gamma=layer["sigma"] ** -2, shift=-1)


def pooling(layer: Layer, axis: int) -> Any:
    """Pooling along one axis: the first axis of space is contracted, and its outputs come last."""
    from neural_tangents import stax

    dimensions = (((2,), (1,)), ((), ()))
    matrix = pooling_matrix(layer, axis)
    return stax.DotGeneral(rhs=matrix, dimension_numbers=dimensions, channel_axis=1)


def pooling_matrix(layer: Layer, axis: int) -> Array:
    """The pooling's weights along an axis, ``(outputs, positions)``, both mirrored."""
    positions, outputs = layer["input"][axis], layer["output"][axis]
    stride, factor = layer["subsampling"], layer["poolfactor"]
    if layer["pooling"] == "strided":
        start, weights = stride, np.ones(1)
    elif layer["pooling"] == "average":
        start, weights = 0, np.ones(factor)
    else:
        start, weights = 0, np.exp(-((np.arange(-factor, factor + 1) / factor) ** 2))
    weights /= weights.sum()
    matrix = np.zeros((outputs, positions), np.float32)
    for output, row in enumerate(matrix):
        window = row[output * stride + start :][: len(weights)]
        window[:] = weights[: len(window)]
    return matrix[::-1, ::-1]
