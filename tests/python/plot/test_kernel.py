"""Curves of patch kernels: formulas and differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cases
from ckn_rs import Layer, _core, plot
from messages import ANY
from oracle_kernels import patch_kernel


def layer(kernel: str) -> Layer:
    return Layer(5, 2, kernel=kernel, sigma=0.7, **cases.PARAMETERS.get(kernel, {}))


@pytest.mark.parametrize("kernel", _core.KERNELS)
@pytest.mark.parametrize("norm", [1.0, 1.7])
def test_curves_are_the_formulas(kernel: str, norm: float) -> None:
    curve = plot.kernel_curve(layer(kernel), norm=norm, count=40)
    S = norm**2 * curve.cosines
    norms = np.full(40, norm)
    value, slope = patch_kernel(layer(kernel).to_dict(), S, norms, norms)
    np.testing.assert_allclose(curve.values, value, rtol=1e-7, atol=1e-9)
    assert (curve.slopes is None) == (kernel in cases.SINGULAR)
    if curve.slopes is not None:
        np.testing.assert_allclose(curve.slopes, slope, rtol=1e-6, atol=1e-6)


def test_only_the_kernel_of_a_layer_counts() -> None:
    of_name = plot.kernel_curve("exp")
    for given in (
        Layer((3, 4), 2, padding="valid", stride=2, dilation=3, pooling="average", poolfactor=5),
        Layer(3, pooling="none", weight_std=2.0, bias_std=0.5, shortcut=2),
        {"npatch": 3, "kernel": None},
        {"kernel": "exp", "sigma": 1.0},
        {},
    ):
        np.testing.assert_array_equal(plot.kernel_curve(given).values, of_name.values)


def test_picture() -> None:
    curve = plot.kernel_curve(layer("exp"), norm=2)
    ax = plot.patch_kernel(layer("exp"), norm=2)
    assert ax.get_title() == "exp, sigma 0.7"
    assert ax.get_xlabel() == "cosine of two patches of norm 2"
    lines = {str(line.get_label()): line for line in ax.get_lines()}
    np.testing.assert_array_equal(lines["kernel"].get_ydata(), curve.values)
    assert curve.slopes is not None
    np.testing.assert_array_equal(lines["slope"].get_ydata(), curve.slopes)
    assert "slope" not in [line.get_label() for line in plot.patch_kernel("step").get_lines()]


@pytest.mark.parametrize(
    ("given", "keys", "message"),
    [
        ("expp", {}, "expp"),
        ("poly", {}, "degree"),
        (3, {}, "a Layer, a dict or the name of a kernel, got int"),
        ({"sgima": 1}, {}, "sgima"),
        ("exp", {"norm": 0}, "norm must be a number from"),
        ("exp", {"norm": np.inf}, "norm must be a number from"),
        ("exp", {"norm": "1"}, "norm must be a number from"),
        ("exp", {"count": 5}, "count must be even"),
    ],
)
def test_mistakes(given: Any, keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ANY, match=message):
        plot.kernel_curve(given, **keys)
