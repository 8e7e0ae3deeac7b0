"""The patch kernels' formulas, as ``DESIGN.md`` has them, and the activations they come from."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
FLOOR = 1e-6  # a cosine is divided by patch norms of at least this
#: Kernels that are twice the expectation over standard normal weights.
DOUBLED = ("relu", "step", "arccos2", "abrelu")

erf = np.vectorize(math.erf, otypes=[float])


def patch_kernel(layer: dict[str, Any], S: Array, n1: Array, n2: Array) -> tuple[Array, Array]:
    """``M`` and ``dM/dS``, elementwise; ``n1`` and ``n2`` broadcast against ``S``."""
    name, s = layer["kernel"], layer.get("sigma", 1.0)
    nn = n1 * n2
    u = np.clip(S / (np.maximum(n1, FLOOR) * np.maximum(n2, FLOOR)), -1.0, 1.0)
    k0 = (np.pi - np.arccos(u)) / np.pi
    k1 = np.sqrt(1 - u * u) / np.pi + u * k0
    A, B, C = (s * n1) ** 2 + 0 * S, (s * n2) ** 2 + 0 * S, s * s * S
    if name == "exp":
        k = np.exp((u - 1) / s**2)
        return nn * k, k / s**2
    if name == "relu":
        return nn * k1, k0
    if name == "linear":
        return nn * s * u, np.full_like(u, s)
    if name == "square":
        return (nn * u) ** 2, 2 * nn * u
    if name in ("poly2", "poly3", "poly4"):
        degree = int(name[-1])
        return nn * u**degree, degree * u ** (degree - 1)
    if name == "step":
        # Rounding makes parallel patches a little oblique, and the root makes that error large.
        u = np.where(1 - abs(u) < 1e-13, np.round(u), u)
        # No test needs the slope, which is infinite for parallel patches.
        return 1 - np.arccos(u) / np.pi, np.full_like(u, np.nan)
    if name == "arccos2":
        value = 3 * u * np.sqrt(1 - u * u) / np.pi + (1 + 2 * u * u) * k0
        return nn**2 * value, 4 * nn * k1
    if name == "abrelu":
        a, b = layer["a"], layer.get("b", 1.0)
        kink, straight = (a - b) ** 2, 2 * a * b
        return nn * (kink * k1 + straight * u), kink * k0 + straight
    if name == "erf":
        P = (1 + 2 * A) * (1 + 2 * B)
        return (
            2 / np.pi * np.arcsin(2 * C / np.sqrt(P)),
            s * s * 4 / np.pi / np.sqrt(P - 4 * C * C),
        )
    if name == "gelu":
        return gelu(A, B, C, s)
    if name == "rbf":
        M = np.exp(-(n1**2 + n2**2 - 2 * S) / (2 * s * s))
        return M, M / s**2
    if name in ("sin", "cos"):
        # exp(-(A + B) / 2) times sinh(C) and cosh(C), which may be too large.
        half, less_1 = np.exp(abs(C) - (A + B) / 2) / 2, np.expm1(-2 * abs(C))
        odd, even = -np.sign(C) * half * less_1, half * (2 + less_1)
        return (odd, s * s * even) if name == "sin" else (even, s * s * odd)
    return dot_product(layer, S, u, nn)


def gelu(A: Array, B: Array, C: Array, s: float) -> tuple[Array, Array]:
    P = (1 + A) * (1 + B)
    D = np.sqrt(P - C * C)
    arc = np.arcsin(C / np.sqrt(P))
    top = C * C + A * B * D * D
    value = (top / (P * D) + C * arc) / (2 * np.pi) + C / 4
    slope = 2 * C * (1 - A * B) / (P * D) + top * C / (P * D**3) + arc + C / D
    return value, s * s * (slope / (2 * np.pi) + 1 / 4)


def dot_product(layer: dict[str, Any], S: Array, u: Array, nn: Array) -> tuple[Array, Array]:
    """``poly`` and ``series``: a polynomial of the cosine, or of the patch sum itself."""
    if layer["kernel"] == "poly":
        degree, offset = layer["degree"], layer.get("offset", 0.0)
        f = np.polynomial.Polynomial([offset, 1.0]) ** degree
    else:
        f = np.polynomial.Polynomial(layer["coefficients"])
    slope = f.deriv()
    if layer.get("homogeneous", True):
        return nn * f(u), slope(u) + 0 * u
    return f(S), slope(S) + 0 * S


def activation(layer: dict[str, Any]) -> tuple[Callable[[Array], Array], float, bool] | None:
    """For a kernel ``factor E[phi(w x) phi(w x')]``: ``phi``, ``factor``, and whether the weights
    ``w`` have the standard deviation ``sigma`` (or else 1). None for other kernels.
    """
    a, b = layer.get("a", 0.0), layer.get("b", 1.0)
    table: dict[str, tuple[Callable[[Array], Array], float, bool]] = {
        "relu": (lambda t: np.maximum(t, 0), 2, False),
        "step": (lambda t: np.heaviside(t, 0.5), 2, False),
        "arccos2": (lambda t: np.maximum(t, 0) ** 2, 2, False),
        "abrelu": (lambda t: a * np.minimum(t, 0) + b * np.maximum(t, 0), 2, False),
        "erf": (erf, 1, True),
        "gelu": (lambda t: t * (1 + erf(t / np.sqrt(2))) / 2, 1, True),
        "sin": (np.sin, 1, True),
        "cos": (np.cos, 1, True),
    }
    return table.get(layer["kernel"])
