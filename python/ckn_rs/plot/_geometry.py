"""The pixels that the positions of a model's maps depend on.

Rows and columns never mix in a model. So the pixels that a position depends on are a product of a
set of rows and a set of columns, and each axis is followed on its own, from the position back to
the pixels. Where patches, windows and their outputs stand is in ``DESIGN.md``, section 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ckn_rs import _core

Positions = NDArray[np.intp]
"""Positions along one axis, ascending."""


@dataclass(frozen=True)
class Field:
    """The pixels behind the output in the middle of a layer's map.

    Parameters
    ----------
    patch : (ndarray, ndarray)
        The rows and the columns of pixels that one patch depends on, the one in the middle of the
        output's pooling window.
    pooled : (ndarray, ndarray)
        Those that the output depends on, by all patches of its window.
    circular : bool
        Whether a layer so far is circular, so that these may go around the edge.
    """

    patch: tuple[Positions, Positions]
    pooled: tuple[Positions, Positions]
    circular: bool


def fields(plan: _core.Plan) -> list[Field]:
    """The field of each layer."""
    layers = plan.layers
    convention = plan.model["convention"]
    both = [[_Axis(layer, axis, convention) for layer in layers] for axis in (0, 1)]
    found = []
    for index in range(len(layers)):
        pairs = [_patch_and_pooled(axes[: index + 1]) for axes in both]
        (patch_rows, pooled_rows), (patch_columns, pooled_columns) = pairs
        circular = any(each["padding"] == "circular" for each in layers[: index + 1])
        found.append(Field((patch_rows, patch_columns), (pooled_rows, pooled_columns), circular))
    return found


def _patch_and_pooled(axes: Sequence[_Axis]) -> tuple[Positions, Positions]:
    """The pixels of the window's middle patch and of the whole window, along one axis."""
    window = axes[-1].window(axes[-1].outputs // 2)
    middle = window[len(window) // 2 : len(window) // 2 + 1]
    patch, pooled = (_back(axes[:-1], axes[-1].under(part)) for part in (middle, window))
    return patch, pooled


def _back(axes: Sequence[_Axis], positions: Positions) -> Positions:
    """The pixels behind positions of the map that these layers leave."""
    for axis in reversed(axes):
        pooled = np.zeros(axis.patches, bool)
        for output in positions:
            pooled[axis.window(output)] = True
        positions = axis.under(np.flatnonzero(pooled))
    return positions


class _Axis:
    """Patches and pooling of a layer, of a plan, along one axis."""

    def __init__(self, layer: Mapping[str, Any], axis: int, convention: str) -> None:
        def along(key: str) -> Any:
            value = layer[key]
            return value[axis] if isinstance(value, list) else value

        self.size, self.patches, self.outputs = (
            layer[key][axis] for key in ("input", "patches", "output")
        )
        npatch, dilation = along("npatch"), along("dilation")
        self._circular, self._stride = layer["padding"] == "circular", along("stride")
        span = self._stride * (self.patches - 1)
        if layer["padding"] == "valid":
            begin = 0
        elif convention == "neural_tangents":
            missing = span + dilation * (npatch - 1) + 1 - self.size
            begin = -(max(missing, 0) // 2)
        else:
            begin = -dilation * ((npatch - 1) // 2 if convention == "2019" else npatch // 2)
        first, last = 0, npatch - 1
        if not self._circular:  # patches may be far wider than the map
            first = max(first, -((span + begin) // dilation))
            last = min(last, (self.size - 1 - begin) // dilation)
        self._offsets = begin + dilation * np.arange(first, last + 1)
        pooling = _pooling(layer["pooling"], axis)
        self._step = {"none": 1, "global": 0}.get(str(pooling), along("subsampling"))
        start = self._step if pooling == "strided" else 0
        taps = np.arange(layer["window"][axis])
        if not isinstance(pooling, str):  # a weight of 0 reads nothing
            taps = np.flatnonzero(pooling[: len(taps)])
        self._taps = start + taps

    def window(self, output: int) -> Positions:
        """The patches that an output pools. The far edge may cut its window."""
        patches = self._step * output + self._taps
        return np.asarray(patches[patches < self.patches], np.intp)

    def under(self, patches: Positions) -> Positions:
        """The positions of the layer's input that patches read."""
        read = np.add.outer(self._stride * patches, self._offsets).ravel()
        if self._circular:
            read %= self.size
        return np.unique(read[(read >= 0) & (read < self.size)]).astype(np.intp)


def _pooling(given: Any, axis: int) -> Any:
    """The name or the weights of the pooling along an axis: there may be one for each."""
    if isinstance(given, str) or all(isinstance(item, int | float) for item in given):
        return given
    return given[axis]


def spans(positions: Positions, size: int, circular: bool) -> list[tuple[int, int]]:
    """The least interval that holds these positions, as its first and its last position.

    Around a circle it is the shortest arc. If that goes around the edge, there are two intervals.

    Examples
    --------
    >>> spans(np.array([1, 3, 4]), 9, False), spans(np.array([0, 1, 8]), 9, True)
    ([(1, 4)], [(0, 1), (8, 8)])
    """
    if not len(positions):
        return []
    first, last = int(positions[0]), int(positions[-1])
    if not circular or len(positions) == 1:
        return [(first, last)]
    gaps = np.diff(positions)
    widest = int(gaps.argmax())
    if gaps[widest] <= first + size - last:
        return [(first, last)]
    return [(first, int(positions[widest])), (int(positions[widest + 1]), last)]
