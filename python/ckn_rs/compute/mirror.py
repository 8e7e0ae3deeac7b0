"""Whether a model takes mirrored images as it takes the images themselves.

A model has mirror symmetry if ``k(fx, fy) = k(x, y)`` for all images, where ``f`` reverses the
columns. Columns never mix with rows, so that one axis decides. Layer by layer, the mirror must send
positions to positions: patches to patches, offset by offset, and windows to windows, weight by
weight. Positions that no later layer reads do not count. Around a circular map a mirror may stand
anywhere, and several of them may do: so all that are left are taken along. A shortcut adds two
maps, which need the same mirror: there only the one that reverses the map counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from math import fsum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckn_rs import _core

Ints = NDArray[np.intp]

NOTHING, UNREAD = -1, -2
"""In tables of positions: beyond the edge, and a position whose image does not matter."""

MOST_ENTRIES = 1 << 22
"""Larger tables of a layer are not searched: the model then counts as not symmetric."""


class Axis(NamedTuple):
    """The columns of one layer."""

    patches: Ints
    """The position that each patch reads at each offset, ``(patches, offsets)``."""

    windows: list[dict[int, float]]
    """For each output, the weights of the patches that it reads, none of them 0."""


def has_mirror_symmetry(plan: _core.Plan) -> bool:
    """Whether ``k(fx, fy) = k(x, y)`` by the geometry of the plan, but for rounding.

    True is a proof. False may be wrong for models whose symmetry lies not in their geometry, such
    as some of linear kernels, and for those that this module does not know.
    """
    axes = _axes(plan)
    if axes is None:
        return False
    _, width, _ = plan.shape
    mirrors = [np.arange(width)[::-1]]
    ends = _ends_of_shortcuts(plan)
    for index, (axis, read) in enumerate(_with_outputs_read(axes)):
        mirrors = list(_mirrors_behind(mirrors, axis, read))
        if index in ends:
            mirrors = [mirror for mirror in mirrors if _is_reversal(mirror, read)]
        if not mirrors:
            return False
    return True


def _ends_of_shortcuts(plan: _core.Plan) -> set[int]:
    """The layers before and at the end of all blocks: those whose maps are added."""
    ends = set()
    for index, layer in enumerate(plan.layers):
        if shortcut := layer.get("shortcut", 0):
            ends |= {index - shortcut, index}
    return ends


def _is_reversal(mirror: Ints, read: Sequence[int]) -> bool:
    """Whether a mirror reverses the whole map, as far as the map is read.

    All that a shortcut needs of the map before a block is read by the block's first layer.
    """
    return all(mirror[output] == len(mirror) - 1 - output for output in read)


def _axes(plan: _core.Plan) -> list[Axis] | None:
    """The columns of all layers; None if they are not known or too many."""
    convention = plan.model["convention"]
    if convention not in ("original", "2019", "neural_tangents"):
        return None
    layers = plan.layers
    for index, layer in enumerate(layers):
        block = layers[index + 1 - layer.get("shortcut", 0) : index + 1]
        # A window of zeros inside a block would read nothing of what its shortcut adds.
        if any(_of_columns("pooling", inner["pooling"]) != "none" for inner in block):
            return None
    axes = []
    for layer in layers:
        own = {key: _of_columns(key, value) for key, value in layer.items()}
        patches = _patches(own, convention)
        if patches is None or len(patches) != own["patches"]:
            return None
        windows = _windows(own, convention)
        if windows is None or len(windows) != own["output"]:
            return None
        axes.append(Axis(patches, windows))
    if plan.model["readout"] == "mean":
        axes[-1] = axes[-1]._replace(windows=[_sum_of(axes[-1].windows)])
    return axes


def _sum_of(windows: Iterable[dict[int, float]]) -> dict[int, float]:
    """The weights with which a mean over all outputs reads the patches, but for a factor."""
    weights = defaultdict(list)
    for window in windows:
        for site, weight in window.items():
            weights[site].append(weight)
    # `fsum` is exact, so that the order of the outputs does not matter.
    return {site: total for site, each in weights.items() if (total := fsum(each))}


def _of_columns(key: str, value: Any) -> Any:
    """A layer's value along columns: it has a pair, or one value for both axes."""
    if not isinstance(value, list | tuple):
        return value
    # The weights of a pooling are a list, too.
    both = key != "pooling" or any(not isinstance(each, int | float) for each in value)
    return value[1] if both and len(value) == 2 else value


def _patches(layer: dict[str, Any], convention: str) -> Ints | None:
    """The positions under each patch; beyond the edge there are none."""
    width, length, dilation = layer["input"], layer["npatch"], layer["dilation"]
    places = layer["stride"] * np.arange(layer["patches"])
    if convention == "neural_tangents":
        if len(places) * length > MOST_ENTRIES:
            return None
        offsets = dilation * np.arange(length)
        if layer["padding"] != "valid":  # XLA divides what is beyond the edge between both sides
            offsets = offsets - max(places[-1] + offsets[-1] + 1 - width, 0) // 2
    else:
        back, ahead = length // 2, (length - 1) // 2
        if convention == "2019":
            back, ahead = ahead, back
        longest = (width - 1) // dilation  # a longer offset reads nothing
        if len(places) * min(length, 2 * longest + 1) > MOST_ENTRIES:
            return None
        offsets = np.arange(-min(back, longest), min(ahead, longest) + 1) * dilation
        if layer["padding"] == "valid":
            offsets = offsets - offsets[0]
    read = places[:, None] + offsets
    circular = layer["padding"] == "circular"
    under: Ints = read % width if circular else np.where(read == read % width, read, NOTHING)
    return under


def _windows(layer: dict[str, Any], convention: str) -> list[dict[int, float]] | None:
    """The weights of each output. Weights of a Gaussian are those of its formula, not divided."""
    positions, outputs, stride = layer["patches"], layer["output"], layer["subsampling"]
    start, weights = 0, _weights(layer, convention)
    if weights is None or outputs * len(weights) > MOST_ENTRIES:
        return None
    if layer["pooling"] == "strided":
        start = stride
    return [
        {
            stride * output + start + tap: weight
            for tap, weight in enumerate(weights[: positions - stride * output - start])
            if weight
        }
        for output in range(outputs)
    ]


def _weights(layer: dict[str, Any], convention: str) -> Sequence[float] | None:
    """The weights of a whole window, or of as much of it as the map can hold."""
    positions, pooling, first = layer["patches"], layer["pooling"], convention == "2019"
    factor = layer["subsampling"] if first else layer["poolfactor"]
    match pooling:
        case "gaussian":
            count = min(2 * factor + (not first), positions)
            bell: Sequence[float] = np.exp(-(((np.arange(count) - factor) / factor) ** 2)).tolist()
            return bell
        case "average":
            return [1.0] * min(2 * factor if first else factor, positions)
        case "global":
            return [1.0] * positions
        case "none" | "strided":
            return [1.0]
        case list() | tuple():
            return pooling[:positions]
    return None


def _with_outputs_read(axes: Sequence[Axis]) -> Iterable[tuple[Axis, list[int]]]:
    """Each layer with its outputs that are read, cut to the patches that these read."""
    pairs = []
    read = list(range(len(axes[-1].windows)))
    for axis in reversed(axes):
        pairs.append((axis, read))
        sites = _sites(axis, read)
        under = np.unique(axis.patches[sites])
        read = under[under >= 0].tolist()
    return reversed(pairs)


def _sites(axis: Axis, outputs: Iterable[int]) -> list[int]:
    """The patches that some outputs read, ascending."""
    return sorted({site for output in outputs for site in axis.windows[output]})


def _mirrors_behind(mirrors: Iterable[Ints], axis: Axis, read: list[int]) -> Iterator[Ints]:
    """The mirrors of a layer's outputs, for those of its inputs; each once."""
    sites = _sites(axis, read)
    table = axis.patches[sites]
    table = table[:, (table != NOTHING).any(axis=0)]
    site_of = {row.tobytes(): site for row, site in zip(table, sites, strict=True)}
    found = set()
    for mirror in mirrors:
        seen = np.append(mirror, NOTHING)[table]
        for order in _orders(table):
            images = [site_of.get(row.tobytes()) for row in seen[:, order]]
            known = {
                site: image for site, image in zip(sites, images, strict=True) if image is not None
            }
            if len(known) < len(sites):
                continue
            outputs = _mirror_of_windows(known, axis, read)
            if outputs is not None and outputs.tobytes() not in found:
                found.add(outputs.tobytes())
                yield outputs


def _orders(table: Ints) -> Iterator[Ints]:
    """The orders in which a mirror may read a patch: backwards, or as it stands.

    A patch that goes all the way around a circular map may begin anywhere.
    """
    length = table.shape[1]
    forward = np.arange(length)
    around = len(np.unique(np.sort(table, axis=1), axis=0)) == 1
    for shift in range(length if around else 1):
        yield np.roll(forward[::-1], shift)
        yield np.roll(forward, shift)


def _mirror_of_windows(images: dict[int, int], axis: Axis, read: list[int]) -> Ints | None:
    """The output that each output becomes, if patches become ``images``; None if there is none."""
    left = defaultdict(list)
    for output in read:
        left[frozenset(axis.windows[output].items())].append(output)
    mirror = np.full(len(axis.windows), UNREAD)
    for output in read:
        window = axis.windows[output]
        same = left[frozenset((images[site], weight) for site, weight in window.items())]
        if not same:
            return None
        mirror[output] = same.pop(0)
    return mirror
