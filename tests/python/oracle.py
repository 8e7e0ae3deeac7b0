"""The definition of the kernels, in dense float64 loops over nothing but NumPy.

This file shares no code with the package. It holds whole ``(h, w, h', w')`` maps, so it is for
small images only. Formulas: ``DESIGN.md``, section 1; kernels: ``oracle_kernels.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from oracle_kernels import DOUBLED, patch_kernel

Array = NDArray[np.float64]
Layer = dict[str, Any]

Read = list[tuple[list[int], list[int]]]
"""For each offset in a patch along an axis: the patches that have it, and the positions there."""


def along(value: Any, axis: int) -> Any:
    """The value of a layer's key along an axis: the key has a pair, or one value for both axes."""
    return value[axis] if isinstance(value, (list, tuple)) else value


def reads(layer: Layer, axis: int, n: int, convention: str) -> tuple[Read, int]:
    """The positions that patches along an axis of ``n`` positions read; how many patches."""
    k, d, t = (along(layer.get(key, 1), axis) for key in ("npatch", "dilation", "stride"))
    padding = layer.get("padding", "same")
    reach = d * (k - 1) + 1
    if padding == "valid":
        count, first = (n - reach) // t + 1, 0
    else:
        count = -(-n // t)
        if convention == "neural_tangents":  # that is, as XLA pads
            first = -(max((count - 1) * t + reach - n, 0) // 2)
        else:
            first = -d * ((k - 1) // 2 if convention == "2019" else k // 2)
    table = []
    for o in range(k):
        read = [first + t * i + d * o for i in range(count)]
        if padding == "circular":
            read = [position % n for position in read]
        inside = [i for i, position in enumerate(read) if 0 <= position < n]
        table.append((inside, [read[i] for i in inside]))
    return table, count


def pixels(x: Array, y: Array, convention: str = "original") -> Array:
    """The inner products of pixels, or their means over channels."""
    K: Array = np.einsum("abc,xyc->abxy", x, y)
    return K / x.shape[2] if convention == "neural_tangents" else K


def patch_sum(K: Array, layer: Layer, convention: str = "original") -> Array:
    """``sum_o K[p + o, q + o]`` over the positions of a patch, or its mean, scaled by the weights'
    variance, plus that of the biases.
    """
    h, w = K.shape[:2]
    rows, height = reads(layer, 0, h, convention)
    cols, width = reads(layer, 1, w, convention)
    S = np.zeros((height, width, height, width))
    for ys, y in rows:
        for xs, x in cols:
            S[np.ix_(ys, xs, ys, xs)] += K[np.ix_(y, x, y, x)]
    fan = 1 if convention == "original" else len(rows) * len(cols)
    weights, biases = layer.get("weight_std", 1.0) ** 2, layer.get("bias_std", 0.0) ** 2
    scaled: Array = weights * S / fan + biases
    return scaled


def pooling_matrix(n: int, layer: Layer, axis: int, convention: str = "original") -> Array:
    """``(outputs, n)``: the pooling along one axis of ``n`` patches."""
    s = along(layer.get("subsampling", 1), axis)
    f = along(layer.get("poolfactor", s), axis)
    pooling = layer.get("pooling", "gaussian")
    if not isinstance(pooling, str) and any(not isinstance(x, (int, float)) for x in pooling):
        pooling = pooling[axis]
    start, outputs = 0, n // s - 1
    if pooling == "global":
        weights, outputs = np.full(n, 1 / n), 1
    elif pooling == "none":
        weights, outputs = np.ones(1), n
    elif not isinstance(pooling, str):
        weights, outputs = np.asarray(pooling, float), n // s
    elif convention == "2019":
        i = np.arange(-s, s + 1)
        weights = {"gaussian": np.exp(-((i / s) ** 2)), "average": 1.0 + 0 * i, "strided": i == 0}[
            pooling
        ]
        weights = (weights / weights.sum())[:-1]
    elif pooling == "gaussian":
        weights = np.exp(-((np.arange(-f, f + 1) / f) ** 2))
        weights /= weights.sum()
    elif pooling == "average":
        weights, outputs = np.full(f, 1 / f), n // s
        if convention == "neural_tangents":  # no window is cut
            outputs = (n - f) // s + 1
    else:
        start, weights = s, np.ones(1)
    A = np.zeros((outputs, n))
    for P in range(outputs):
        for t, weight in enumerate(weights):
            if s * P + start + t < n:
                A[P, s * P + start + t] = weight
    return A


def pool(M: Array, layer: Layer, convention: str = "original") -> Array:
    rows = pooling_matrix(M.shape[0], layer, 0, convention)
    cols = pooling_matrix(M.shape[1], layer, 1, convention)
    pooled: Array = np.einsum("Pa,Qb,Rx,Sy,abxy->PQRS", rows, cols, rows, cols, M, optimize=True)
    return pooled


def diagonal(K: Array) -> Array:
    h, w = K.shape[:2]
    return K.reshape(h * w, h * w).diagonal().reshape(h, w)


def named(layer: Layer, ntk: bool) -> Layer:
    """The layer with a kernel, the default one if it has none."""
    return {"kernel": "relu" if ntk else "exp", **layer}


def activated(
    layer: Layer, S: Array, n1: Array, n2: Array, ntk: bool, convention: str
) -> tuple[Array, Array]:
    """``M`` and ``dM/dS``; ``n1`` and ``n2`` are norms of the patches of both images."""
    layer = named(layer, ntk)
    M, dM = patch_kernel(layer, S, n1[:, :, None, None], n2[None, None, :, :])
    if convention == "neural_tangents" and layer["kernel"] in DOUBLED:
        return M / 2, dM / 2
    return M, dM


def layer_norms(
    x: Array, layers: list[Layer], ntk: bool, convention: str = "original"
) -> list[Array]:
    """Patch norms of one image at every layer, each by patch."""
    norms: list[Array] = []
    K = pixels(x, x, convention)
    for layer in layers:
        S = patch_sum(K, layer, convention)
        n = np.sqrt(np.maximum(diagonal(S), 0))
        norms.append(n)
        M, _ = activated(layer, S, n, n, ntk, convention)
        K = pool(M, layer, convention)
    return norms


def kernel(
    x: Array,
    y: Array,
    layers: list[Layer],
    ntk: bool = False,
    convention: str = "original",
    readout: str = "trace",
    dense: dict[str, float] | None = None,
) -> tuple[float, float]:
    """The CKN and the NTK of one pair of ``(h, w, c)`` images (the NTK is 0 unless asked for)."""
    K = pixels(x, y, convention)
    T = K
    norms = (layer_norms(image, layers, ntk, convention) for image in (x, y))
    for layer, n1, n2 in zip(layers, *norms, strict=True):
        S, S_T = patch_sum(K, layer, convention), patch_sum(T, layer, convention)
        M, dM = activated(layer, S, n1, n2, ntk, convention)
        K = pool(M, layer, convention)
        T = pool(dM * S_T + M, layer, convention) if ntk else K

    def read(K: Array) -> float:
        if readout == "mean":
            R = K.mean()
        else:
            R = diagonal(K).mean() if convention == "neural_tangents" else diagonal(K).sum()
        scales = {"weight_std": 1.0, "bias_std": 0.0, **(dense or {})}
        return float(scales["weight_std"] ** 2 * R + scales["bias_std"] ** 2)

    return read(K), read(T) if ntk else 0.0
