"""A model of every kernel and pooling, for tests that go through all of them."""

from typing import Any

import pytest

import cases
from ckn_rs import _core

PARAMETERS: dict[str, dict[str, Any]] = {
    "abrelu": {"a": 0.2},
    "poly": {"degree": 3, "offset": 0.5},
    "series": {"coefficients": [0.5, 1.0, 0.0, 0.25]},
    "rbf": {"sigma": 3.0},
}
"""Parameters of kernels; all of these are homogeneous. A ``sigma`` is in units of the images."""

NOT_BLANK = {"cos", "rbf", "step"}
"""Kernels that are not 0 for a blank patch."""

KINDS = [
    pytest.param(kernel, ntk, id=f"{kernel}-{'ntk' if ntk else 'ckn'}")
    for kernel in _core.KERNELS
    for ntk in (False, True)
    if not (ntk and kernel == "step")  # it has no NTK
]

every_kind = pytest.mark.parametrize(("kernel", "ntk"), KINDS)
every_pooling = pytest.mark.parametrize("pooling", _core.POOLINGS)


def layer(kernel: str, pooling: str = "gaussian", **keys: Any) -> dict[str, Any]:
    """One layer, without ``subsampling`` if the pooling has no stride."""
    given = {"kernel": kernel, "pooling": pooling, "sigma": 0.7} | keys
    if pooling in ("none", "global"):
        given.pop("subsampling", None)
    return given | PARAMETERS.get(kernel, {})


def two_layers(kernel: str, pooling: str = "gaussian", npatch: int = 2) -> cases.Layers:
    """Two layers, the first with 3x3 patches and a stride of 2."""
    return [
        layer(kernel, pooling, npatch=1 if level and pooling == "global" else k, subsampling=s)
        for level, (k, s) in enumerate([(3, 2), (npatch, 1)])
    ]
