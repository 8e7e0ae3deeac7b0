"""The named models."""

from typing import Any

import numpy as np
import pytest

import cases
import ckn_rs
from ckn_rs import models


@pytest.mark.parametrize("name", models.NAMES)
def test_fits_cifar(name: str) -> None:
    model = models.named(name)
    assert "32x32x3" in model.describe((32, 32, 3))
    assert len(models.summary(name).split(", ")) == len(model)


def test_are_the_scripts_own() -> None:
    """The layers are those of the original's scripts."""
    wanted: dict[str, list[dict[str, Any]]] = {
        "exp_pool": [
            {"npatch": 3, "subsampling": s, "kernel": "exp", "sigma": 0.65, "pooling": "gaussian"}
            for s in (2, 5)
        ],
        "exp_pool_nosub": [
            {"npatch": p, "subsampling": 1, "poolfactor": f, "kernel": "exp", "sigma": 0.65}
            for p, f in ((3, 2), (6, 10))
        ],
        "exp_strided": [
            {"npatch": 3, "subsampling": s, "kernel": "exp", "sigma": 0.65, "pooling": "strided"}
            for s in (2, 5)
        ],
        "relu_quad_pool": [
            {"npatch": 3, "subsampling": 2, "kernel": "relu"},
            {"npatch": 3, "subsampling": 5, "kernel": "poly2"},
        ],
    }
    X = cases.images(3, (28, 28, 1))
    for name, layers in wanted.items():
        expected = ckn_rs.compute_kernel_matrix(X, model=layers)
        actual = ckn_rs.compute_kernel_matrix(X, model=models.named(name))
        np.testing.assert_array_equal(actual, expected)


def test_myrtle() -> None:
    """A mean over all positions is one more pooling, by a window as wide as the map."""
    block = [
        {"npatch": 3, "subsampling": 1, "kernel": "relu", "pooling": "none"},
        {"npatch": 3, "subsampling": 2, "kernel": "relu", "pooling": "average"},
    ]
    whole = [{"npatch": 3, "subsampling": 4, "kernel": "relu", "pooling": "average"}]
    deep = [block[0], block[0], block[1]]
    networks = {
        "myrtle5": [*block, block[1], *whole],
        "myrtle7": [*block * 2, block[0], *whole],
        "myrtle10": [*deep * 2, *deep[:2], *whole],
    }
    X = cases.images(3, (16, 16, 3))
    for name, layers in networks.items():
        for ntk in (False, True):
            expected = ckn_rs.compute_kernel_matrix(X, model=layers, ntk=ntk)
            actual = ckn_rs.compute_kernel_matrix(X, model=models.named(name), ntk=ntk)
            np.testing.assert_allclose(actual, expected, rtol=1e-10)
    assert models.summary("myrtle5") == ", ".join(["relu 3x3 none"] + ["relu 3x3 average 2"] * 3)


def test_a_misspelt_name() -> None:
    with pytest.raises(ValueError, match=r"'exp_pol'; did you mean exp_pool"):
        models.named("exp_pol")
