"""The definition of the kernels, in dense float64 loops over nothing but NumPy.

This file shares no code with the package. It holds whole ``(h, w, h', w')`` maps, so it is for
small images only. Formulas: ``DESIGN.md``, section 1; kernels: ``oracle_kernels.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from oracle_kernels import patch_kernel

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
    offsets = [-o for o in range(-((k - 1) // 2), k // 2 + 1)]
    if convention == "2019":  # offsets are not negated
        offsets = [-o for o in offsets]
    padding = layer.get("padding", "same")
    if padding == "valid":
        centres = [d * -min(offsets) + t * i for i in range((n - d * (k - 1) - 1) // t + 1)]
    else:
        centres = list(range(0, n, t))
    table = []
    for o in offsets:
        read = [centre + d * o for centre in centres]
        if padding == "circular":
            read = [position % n for position in read]
        inside = [i for i, position in enumerate(read) if 0 <= position < n]
        table.append((inside, [read[i] for i in inside]))
    return table, len(centres)


def patch_sum(K: Array, layer: Layer, convention: str = "original") -> Array:
    """``S[p, q] = sum_o K[p + o, q + o]`` over the positions of a patch."""
    h, w = K.shape[:2]
    rows, height = reads(layer, 0, h, convention)
    cols, width = reads(layer, 1, w, convention)
    S = np.zeros((height, width, height, width))
    for ys, y in rows:
        for xs, x in cols:
            S[np.ix_(ys, xs, ys, xs)] += K[np.ix_(y, x, y, x)]
    return S / (len(rows) * len(cols)) if convention == "2019" else S


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


def layer_norms(
    x: Array, layers: list[Layer], ntk: bool, convention: str = "original"
) -> list[Array]:
    """Patch norms of one image at every layer, each by patch."""
    norms: list[Array] = []
    K = np.einsum("abc,xyc->abxy", x, x)
    for layer in layers:
        S = patch_sum(K, layer, convention)
        n = np.sqrt(np.maximum(diagonal(S), 0))
        norms.append(n)
        M, _ = patch_kernel(named(layer, ntk), S, n[:, :, None, None], n[None, None, :, :])
        K = pool(M, layer, convention)
    return norms


def kernel(
    x: Array,
    y: Array,
    layers: list[Layer],
    ntk: bool = False,
    convention: str = "original",
    readout: str = "trace",
) -> tuple[float, float]:
    """The CKN and the NTK of one pair of ``(h, w, c)`` images (the NTK is 0 unless asked for)."""
    K = np.einsum("abc,xyc->abxy", x, y)
    T = K
    norms = (layer_norms(image, layers, ntk, convention) for image in (x, y))
    for layer, n1, n2 in zip(layers, *norms, strict=True):
        S, S_T = patch_sum(K, layer, convention), patch_sum(T, layer, convention)
        M, dM = patch_kernel(named(layer, ntk), S, n1[:, :, None, None], n2[None, None, :, :])
        K = pool(M, layer, convention)
        T = pool(dM * S_T + M, layer, convention) if ntk else K

    def read(K: Array) -> float:
        return float(diagonal(K).sum() if readout == "trace" else K.mean())

    return read(K), read(T) if ntk else 0.0
