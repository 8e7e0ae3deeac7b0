"""Mirror symmetry of models: what is claimed from the geometry is true of kernels."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pytest

from ckn_rs import _core, models
from ckn_rs.compute.mirror import has_mirror_symmetry
from ckn_rs.compute.run import kernels_of_pairs
from ckn_rs.model import as_spec

WEIGHTS = [[0.5, 0.5], [0.25, 0.5, 0.25], [1.0, 0.5], [0.0, 1.0], [0.3, 0.0, 0.3], [1.0, -1.0]]
Case: TypeAlias = tuple[int, list[dict[str, Any]]]
"""The width of images, and layers; those of the convention of 2019 say so in their name."""

KEYS = {"kernel": "exp", "sigma": 0.7}


def plan(width: int, *layers: dict[str, Any], **options: Any) -> _core.Plan:
    return _core.Plan({"layers": list(layers), **options}, (1, width, 2), "ckn")


def layer(npatch: int, pooling: Any = "none", **keys: int | str) -> dict[str, Any]:
    """A layer whose lengths hold along columns; rows have patches of 1 without pooling."""
    along = {key: n for key, n in keys.items() if isinstance(n, int) and key != "shortcut"}
    lengths = {**keys, **{key: (1, n) for key, n in along.items()}}
    return {"npatch": (1, npatch), "pooling": ("none", pooling), **KEYS, **lengths}


def differs(plan: _core.Plan, seed: int) -> float:
    """The relative difference of ``k(fx, fy)`` and ``k(x, y)`` for random images."""
    pair = np.random.default_rng(seed).standard_normal((2, *plan.shape))
    images = np.concatenate([pair, pair[:, :, ::-1]])
    (k,) = kernels_of_pairs(plan, images, np.array([0, 2]), np.array([1, 3]))
    return float(abs(k[0] - k[1]) / max(np.abs(k).max(), 1e-300))


def random_plan(rng: np.random.Generator) -> _core.Plan | None:
    """A plan of one to three layers on images of one row; None if they do not fit."""
    convention = str(rng.choice(["original", "original", "2019", "neural_tangents"]))
    layers = []
    for _ in range(rng.integers(1, 4)):
        named = ["gaussian", "average", "average", "strided", "global", "none", "none"]
        poolings: list[Any] = [*named, WEIGHTS[rng.integers(len(WEIGHTS))]]
        pooling = poolings[rng.integers(len(poolings))]
        keys: dict[str, Any] = {
            "padding": str(rng.choice(["same", "valid", "circular"])),
            "stride": int(rng.choice([1, 1, 1, 2, 3])),
            "dilation": int(rng.choice([1, 1, 1, 2])),
        }
        if pooling not in ("none", "global"):
            keys["subsampling"] = int(rng.choice([1, 1, 2, 3]))
        if pooling in ("gaussian", "average") and convention != "2019":
            keys["poolfactor"] = int(rng.integers(1, 5))
        layers.append(layer(int(rng.integers(1, 7)), pooling, **keys))
    if rng.random() < 0.3:
        block = layer(int(rng.choice([1, 2, 3])), padding=str(rng.choice(["same", "circular"])))
        layers.append({**block, "shortcut": int(rng.integers(1, len(layers) + 1))})
        if rng.random() < 0.5:
            layers.append(layer(1, "strided", subsampling=1))
    readout = str(rng.choice(["trace", "mean"]))
    try:
        return plan(int(rng.integers(1, 13)), *layers, convention=convention, readout=readout)
    except ValueError:
        return None


def has_shortcut(plan: _core.Plan) -> bool:
    return any(layer.get("shortcut") for layer in plan.layers)


def test_no_claim_is_false() -> None:
    """Of random models some are symmetric without a claim: tiny maps, weights that cancel, and
    some with shortcuts, which are not counted.
    """
    rng = np.random.default_rng(0)
    claimed = missed = others = 0
    while claimed + missed + others < 1500:
        found = random_plan(rng)
        if found is None:
            continue
        difference, claim = differs(found, 1), has_mirror_symmetry(found)
        if claim:
            assert difference < 1e-12, found.model
        symmetric = difference < 1e-12
        claimed, missed, others = (
            claimed + claim,
            missed + (symmetric and not claim and not has_shortcut(found)),
            others + (not symmetric),
        )
    assert claimed > 300
    assert others > 300
    assert missed < 0.05 * claimed


SYMMETRIC: dict[str, Case] = {
    "odd patches": (8, [layer(3)]),
    "windows that fill the map": (8, [layer(3, "average", subsampling=2)]),
    "windows that overlap": (7, [layer(3, [0.2, 0.5, 0.2], subsampling=2), layer(1)]),
    "average of 2019": (8, [layer(3, "average", subsampling=2)]),
    "a stride that fits": (28, [layer(7, "average", stride=3, subsampling=2)]),
    "a stride that leaves two places": (9, [layer(3, stride=8)]),
    "even patches inside": (9, [layer(4, padding="valid", stride=5)]),
    "even patches around": (9, [layer(4, padding="circular"), layer(2, padding="circular")]),
    "a mirror elsewhere": (
        8,
        [layer(2, padding="circular"), layer(1, stride=2), layer(1, "global")],
    ),
    "a patch around the whole map": (
        6,
        [layer(6, padding="circular"), layer(1, "average", subsampling=2)],
    ),
    "an even patch that is cut": (2, [layer(8)]),
    "one even patch in the middle": (4, [layer(2, "strided", subsampling=2)]),
    "strided": (11, [layer(3), layer(1, "strided", subsampling=5)]),
    "windows that the edge cuts, which no layer reads": (
        8,
        [layer(1, [0.25, 0.5, 0.25], subsampling=1), layer(1, stride=5)],
    ),
    "dilation": (9, [layer(3, dilation=3, stride=2)]),
    "global": (7, [layer(5, stride=3), layer(3, "global")]),
    "one column": (1, [layer(2, "none")]),
    "windows without a weight": (1, [layer(3, [0.0, 1.0], subsampling=1)]),
    "a block": (8, [layer(3), layer(3), layer(3, shortcut=2), layer(1)]),
    "a block around": (
        8,
        [layer(3, padding="circular"), layer(3, padding="circular", shortcut=1)],
    ),
}

ASYMMETRIC: dict[str, Case] = {
    "even patches": (8, [layer(2)]),
    "even patches of 2019": (8, [layer(4)]),
    "gaussian": (28, [layer(3, "gaussian", subsampling=2)]),
    "gaussian around": (12, [layer(3, "gaussian", subsampling=2, padding="circular")]),
    "windows that do not fit": (9, [layer(3, "average", subsampling=2)]),
    "windows that the edge cuts": (8, [layer(3, "average", subsampling=2, poolfactor=3)]),
    "a stride that does not fit": (8, [layer(3, stride=2)]),
    "valid, a stride that does not fit": (9, [layer(3, padding="valid", stride=4)]),
    "around, a stride that does not fit": (8, [layer(3, padding="circular", stride=3)]),
    "weights": (8, [layer(3, [1.0, 2.0], subsampling=2)]),
    "almost equal weights": (8, [layer(3, [1.0, 1.0 + 1e-9], subsampling=2)]),
    "windows of a mirror elsewhere": (
        8,
        [layer(2, padding="circular"), layer(1, "average", subsampling=2), layer(1)],
    ),
    "a block whose mirror is elsewhere": (
        6,
        [layer(1), layer(2, shortcut=1), layer(1, "strided", subsampling=1)],
    ),
    "a block around whose mirror is elsewhere": (
        8,
        [layer(1), layer(2, padding="circular", shortcut=1), layer(1)],
    ),
}


@pytest.mark.parametrize("name", [*SYMMETRIC, *ASYMMETRIC])
@pytest.mark.parametrize("readout", ["trace", "mean"])
def test_models(name: str, readout: str) -> None:
    width, layers = (SYMMETRIC | ASYMMETRIC)[name]
    convention = "2019" if name.endswith("of 2019") else "original"
    found = plan(width, *layers, readout=readout, convention=convention)
    assert has_mirror_symmetry(found) == (name in SYMMETRIC)
    # Weights that are almost equal give kernels that are.
    assert (differs(found, 0) < 1e-12) == (name in SYMMETRIC)


def test_rows_do_not_matter() -> None:
    """Only columns are reversed, so that rows may have any geometry."""
    keys = {"npatch": (2, 3), "stride": (3, 1), "subsampling": (2, 2), **KEYS}
    one = {**keys, "pooling": ("gaussian", "average")}
    assert has_mirror_symmetry(_core.Plan({"layers": [one]}, (20, 8, 1), "ckn"))
    other = {**keys, "pooling": ("average", "gaussian")}
    assert not has_mirror_symmetry(_core.Plan({"layers": [other]}, (20, 8, 1), "ckn"))


def test_named_models() -> None:
    """The networks with average pooling are symmetric, those with Gaussian windows are not."""
    found = {
        name
        for name in models.NAMES
        if has_mirror_symmetry(_core.Plan(as_spec(models.named(name)), (32, 32, 3), "ckn"))
    }
    assert {"myrtle5", "myrtle7", "myrtle10"} <= found
    assert not {"exp_pool", "relu_pool", "exp_sigma_06_pool_10"} & found


def test_large_tables_are_not_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = plan(64, layer(3), layer(3, "average", subsampling=32))
    assert has_mirror_symmetry(wide)
    monkeypatch.setattr("ckn_rs.compute.mirror.MOST_ENTRIES", 63)
    assert not has_mirror_symmetry(wide)
