"""The definition of the kernels, in dense float64 loops over nothing but NumPy.

This file shares no code with the package. It holds whole ``(h, w, h', w')`` maps, so it is for
small images only. Formulas: ``DESIGN.md``, section 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
FLOOR = 1e-6  # below this a patch norm counts as this


def patch_sum(K: Array, npatch: int) -> Array:
    """``S[p, q] = sum_o K[p + o, q + o]``, terms outside either image dropped."""
    offsets = [-o for o in range(-((npatch - 1) // 2), npatch // 2 + 1)]
    S = np.zeros_like(K)
    h, w = K.shape[:2]
    for dy in offsets:
        for dx in offsets:
            ys = [y for y in range(h) if 0 <= y + dy < h]
            xs = [x for x in range(w) if 0 <= x + dx < w]
            if ys and xs:
                to = np.ix_(ys, xs, ys, xs)
                y, x = [y + dy for y in ys], [x + dx for x in xs]
                S[to] += K[np.ix_(y, x, y, x)]
    return S


def patch_kernel(name: str, sigma: float, S: Array, n1: Array, n2: Array) -> tuple[Array, Array]:
    """``M`` and ``dM/dS``, elementwise; ``n1`` and ``n2`` broadcast against ``S``."""
    nn = n1 * n2
    u = S / (np.maximum(n1, FLOOR) * np.maximum(n2, FLOOR))
    c = np.clip(u, -1.0, 1.0)
    if name == "exp":
        k = np.exp((c - 1) / sigma**2)
        return nn * k, k / sigma**2
    if name == "relu":
        angle = np.pi - np.arccos(c)
        return nn * (np.sqrt(1 - c * c) + c * angle) / np.pi, angle / np.pi
    if name == "linear":
        return nn * sigma * c, np.full_like(c, sigma)
    if name == "square":
        return (nn * c) ** 2, 2 * nn * c
    degree = {"poly2": 2, "poly3": 3, "poly4": 4}[name]
    return nn * c**degree, degree * c ** (degree - 1)


def pooling_matrix(n: int, layer: dict[str, Any]) -> Array:
    """``(outputs, n)``: the pooling along one axis of ``n`` positions."""
    s = layer["subsampling"]
    f = layer.get("poolfactor", s)
    pooling = layer.get("pooling", "gaussian")
    if pooling == "gaussian":
        taps = np.exp(-((np.arange(-f, f + 1) / f) ** 2))
        start, weights, outputs = 0, taps / taps.sum(), n // s - 1
    elif pooling == "average":
        start, weights, outputs = 0, np.full(f, 1 / f), n // s
    else:
        start, weights, outputs = s, np.ones(1), n // s - 1
    A = np.zeros((outputs, n))
    for P in range(outputs):
        for t, weight in enumerate(weights):
            if s * P + start + t < n:
                A[P, s * P + start + t] = weight
    return A


def diagonal(K: Array) -> Array:
    h, w = K.shape[:2]
    return K.reshape(h * w, h * w).diagonal().reshape(h, w)


def layer_norms(x: Array, layers: list[dict[str, Any]], ntk: bool) -> list[Array]:
    """Patch norms of one image at every layer, each ``(h_l, w_l)``."""
    norms: list[Array] = []
    K = np.einsum("abc,xyc->abxy", x, x)
    for layer in layers:
        S = patch_sum(K, layer["npatch"])
        n = np.sqrt(diagonal(S))
        norms.append(n)
        name = layer.get("kernel", "relu" if ntk else "exp")
        M, _ = patch_kernel(
            name, layer.get("sigma", 1.0), S, n[:, :, None, None], n[None, None, :, :]
        )
        K = pool(M, layer)
    return norms


def pool(M: Array, layer: dict[str, Any]) -> Array:
    rows, cols = pooling_matrix(M.shape[0], layer), pooling_matrix(M.shape[1], layer)
    pooled: Array = np.einsum("Pa,Qb,Rx,Sy,abxy->PQRS", rows, cols, rows, cols, M, optimize=True)
    return pooled


def kernel(
    x: Array, y: Array, layers: list[dict[str, Any]], ntk: bool = False
) -> tuple[float, float]:
    """The CKN and the NTK of one pair of ``(h, w, c)`` images (the NTK is 0 unless asked for)."""
    K = np.einsum("abc,xyc->abxy", x, y)
    T = K
    norms = layer_norms(x, layers, ntk), layer_norms(y, layers, ntk)
    for layer, n1, n2 in zip(layers, *norms, strict=True):
        S, S_T = patch_sum(K, layer["npatch"]), patch_sum(T, layer["npatch"])
        name = layer.get("kernel", "relu" if ntk else "exp")
        M, dM = patch_kernel(
            name, layer.get("sigma", 1.0), S, n1[:, :, None, None], n2[None, None, :, :]
        )
        K = pool(M, layer)
        T = pool(dM * S_T + M, layer) if ntk else K
    return float(diagonal(K).sum()), float(diagonal(T).sum()) if ntk else 0.0
