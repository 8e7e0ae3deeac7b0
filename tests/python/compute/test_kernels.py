"""The oracle's formulas, compared with expectations and differences.

The package and the oracle could have an equal mistake in a formula. These tests would find it.
"""

import math
from typing import Any

import numpy as np
import pytest

import cases
from ckn_rs import _core
from oracle_kernels import activation, patch_kernel

ANGLES = np.array([0.05, 0.4, 1.0, np.pi / 2, 2.0, 3.0])
KINKED = {"step": 0, "relu": 1, "abrelu": 1, "arccos2": 2}


def layer(name: str) -> dict[str, Any]:
    return {"kernel": name, "sigma": 0.8, **cases.PARAMETERS.get(name, {})}


DUALS = [name for name in _core.KERNELS if activation(layer(name))]


def test_activations_are_known() -> None:
    assert set(DUALS) == {"relu", "step", "arccos2", "abrelu", "erf", "gelu", "sin", "cos"}


@pytest.mark.parametrize("name", DUALS)
def test_kernels_are_expectations(name: str) -> None:
    phi, factor, scaled = activation(layer(name)) or pytest.fail("no activation")
    n1, n2 = 1.3, 0.7
    S = n1 * n2 * np.cos(ANGLES)
    value, _ = patch_kernel(layer(name), S, np.array(n1), np.array(n2))
    deviation = layer(name)["sigma"] if scaled else 1.0
    if name in KINKED:
        wanted, tolerance = by_angle(phi, KINKED[name], n1, n2), 1e-8
        tolerance = 1e-4 if name == "step" else tolerance
    else:
        wanted, tolerance = by_hermite(phi, deviation * n1, deviation * n2), 1e-12
    np.testing.assert_allclose(value, factor * wanted, atol=tolerance)


def by_angle(phi: Any, degree: int, n1: float, n2: float) -> Any:
    """Return the expectation for a homogeneous activation.

    It is an integral over directions, times the expectation ``E[r^(2 degree)]`` over radii.
    """
    count = 200_000
    t = 2 * np.pi * (np.arange(count) + 0.5) / count
    means = [np.mean(phi(np.cos(t)) * phi(np.cos(t - angle))) for angle in ANGLES]
    return (n1 * n2) ** degree * 2**degree * math.factorial(degree) * np.array(means)


def by_hermite(phi: Any, s1: float, s2: float) -> Any:
    """Return the expectation for a smooth activation, by Gauss-Hermite quadrature in the plane."""
    x, weights = np.polynomial.hermite_e.hermegauss(120)
    weights = weights / weights.sum()
    means = []
    for angle in ANGLES:
        y = np.cos(angle) * x[:, None] + np.sin(angle) * x[None, :]
        means.append(np.einsum("i,j,i,ij->", weights, weights, phi(s1 * x), phi(s2 * y)))
    return np.array(means)


@pytest.mark.parametrize("name", [name for name in _core.KERNELS if name not in cases.SINGULAR])
def test_slopes_are_derivatives(name: str) -> None:
    n1, n2 = np.array(1.3), np.array(0.7)
    S, step = n1 * n2 * np.cos(ANGLES), 1e-5
    _, slope = patch_kernel(layer(name), S, n1, n2)
    ahead, behind = (patch_kernel(layer(name), S + h, n1, n2)[0] for h in (step, -step))
    np.testing.assert_allclose(slope, (ahead - behind) / (2 * step), rtol=1e-6, atol=1e-7)
