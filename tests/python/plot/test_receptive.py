"""Receptive fields, against the pixels whose change is seen in the maps of the core."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

import cases
import oracle
from ckn_rs import Layer, Model, _core, compute_norms, models, plot
from ckn_rs.model import as_spec
from ckn_rs.plot._geometry import Field, fields, spans
from messages import ANY

READER = {"npatch": 1, "pooling": "none", "kernel": "linear"}
"""Its patch norms are the square roots of the diagonal of the map that it reads."""

CASES: list[tuple[tuple[int, int], cases.Layers]] = [
    ((13, 16), [{"npatch": 3, "subsampling": 2}, {"npatch": 3, "subsampling": 2}]),
    ((9, 11), [{"npatch": 4, "stride": 2, "pooling": "none"}, {"npatch": (1, 2), "dilation": 2}]),
    ((12, 9), [{"npatch": (2, 3), "dilation": (3, 2), "padding": "valid", "pooling": "average"}]),
    (
        (9, 8),
        [
            {"npatch": 3, "dilation": 2, "padding": "circular", "pooling": "none"},
            {"npatch": 2, "padding": "valid", "pooling": "average", "subsampling": 2},
            {"npatch": 2, "padding": "circular", "pooling": "none"},
        ],
    ),
    ((12, 10), [{"npatch": 3, "pooling": "strided", "subsampling": 3}, {"npatch": 5}]),
    ((6, 9), [{"npatch": 3, "pooling": "strided", "subsampling": (1, 2)}, {"npatch": 1}]),
    ((7, 5), [{"npatch": 1, "pooling": "none"}, {"npatch": 3, "pooling": ("none", "global")}]),
    ((9, 9), [{"npatch": 1, "subsampling": 2, "pooling": [0.5, 0.0, 0.25]}]),
    ((9, 9), [{"npatch": 1, "subsampling": (2, 1), "pooling": ("average", [0.0, 0.5])}]),
    ((8, 9), [{"npatch": 19, "dilation": (2, 1), "pooling": "none"}, {"npatch": 1}]),
]


def change(layers: cases.Layers, **keys: Any) -> cases.Layers:
    """The layers, with keys where they are not given."""
    return [keys | layer for layer in layers]


def norms_by_pixel(model: Model, shape: tuple[int, int]) -> list[NDArray[Any]]:
    """Patch norms ``(1 + h w, patches)`` of an image, and of it with each pixel changed, by layer.

    There is one layer more, which reads the last map.
    """
    h, w = shape
    whole = Model([*model, READER], convention=model.convention)
    image = np.random.default_rng(0).random((h * w, 1))
    images = np.concatenate([image[None], image + np.eye(h * w)[..., None]])
    norms, _ = compute_norms(images.reshape(-1, h, w, 1), whole)
    plan = _core.Plan(as_spec(whole), (h, w, 1), "ckn")
    blocks = norms.reshape(1 + h * w, len(whole), h * w)
    counts = [int(np.prod(layer["patches"])) for layer in plan.layers]
    return [blocks[:, level, :count] for level, count in enumerate(counts)]


def seen(norms: NDArray[Any], where: tuple[int, int], width: int) -> NDArray[np.bool_]:
    """The pixels that change the norm of the patch at a place of a map of this width."""
    each = norms[:, where[0] * width + where[1]]
    return np.asarray(each[1:] != each[0])


def brute_force(model: Model, shape: tuple[int, int]) -> list[list[NDArray[np.bool_]]]:
    """The pixels of the middle patch and of the middle output of each layer, ``(h, w)``."""
    found = []
    for count in range(1, len(model) + 1):
        # The cut model, all outputs of which are read.
        cut = Model(list(model)[:count], convention=model.convention)
        norms = norms_by_pixel(cut, shape)
        last = _core.Plan(as_spec(cut), (*shape, 1), "ckn").layers[-1]
        rows, columns = last["output"]
        output = (rows // 2, columns // 2)
        patch = []
        for axis in (0, 1):
            pooling = oracle.pooling_matrix(
                last["patches"][axis], cut[-1].to_dict(), axis, model.convention
            )
            window = np.flatnonzero(pooling[output[axis]])
            patch.append(int(window[len(window) // 2]))
        pair = (
            seen(norms[-2], (patch[0], patch[1]), last["patches"][1]),
            seen(norms[-1], output, columns),
        )
        found.append([pixels.reshape(shape) for pixels in pair])
    return found


def masks(field: Field, shape: tuple[int, int]) -> list[NDArray[np.bool_]]:
    found = []
    for rows, columns in (field.patch, field.pooled):
        mask = np.zeros(shape, bool)
        mask[np.ix_(rows, columns)] = True
        found.append(mask)
    return found


def check(model: Model, shape: tuple[int, int]) -> None:
    plan = _core.Plan(as_spec(model), (*shape, 1), "ckn")
    for field, wanted in zip(fields(plan), brute_force(model, shape), strict=True):
        for mask, pixels in zip(masks(field, shape), wanted, strict=True):
            assert pixels.any()
            np.testing.assert_array_equal(mask, pixels)


@pytest.mark.parametrize("convention", _core.CONVENTIONS)
@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_fields_are_the_pixels_that_are_seen(
    case: tuple[tuple[int, int], cases.Layers], convention: str
) -> None:
    shape, layers = case
    check(Model(change(layers, subsampling=1), convention=convention), shape)


@pytest.mark.parametrize("pooling", ["gaussian", "average"])
def test_fields_of_wide_windows(pooling: str) -> None:
    check(Model([Layer(3, 2, (9, 3), pooling=pooling)]), (9, 13))


def random_layer(rng: np.random.Generator, convention: str) -> dict[str, Any]:
    poolings = [str(name) for name in rng.choice(_core.POOLINGS, 2)]
    layer = {
        "npatch": rng.integers(1, 5, 2).tolist(),
        "stride": rng.integers(1, 3, 2).tolist(),
        "dilation": rng.integers(1, 4, 2).tolist(),
        "padding": str(rng.choice(["same", "valid", "circular"])),
        "pooling": poolings,
    }
    for key, top in {"subsampling": 4, "poolfactor": 5}.items():
        if key == "subsampling" or convention != "2019":
            lengths = rng.integers(1, top, 2).tolist()
            layer[key] = [
                length if key in _core.POOLING_PARAMETERS[name] else 1
                for length, name in zip(lengths, poolings, strict=True)
            ]
    return layer


def test_fields_of_random_models() -> None:
    rng = np.random.default_rng(1)
    depths: list[int] = []
    while len(depths) < 40:
        convention = str(rng.choice(_core.CONVENTIONS))
        layers = [random_layer(rng, convention) for _ in range(rng.integers(1, 4))]
        model = Model(layers, convention=convention)
        shape = (int(rng.integers(5, 20)), int(rng.integers(5, 20)))
        try:
            _core.Plan(as_spec(model), (*shape, 1), "ckn")
        except ValueError:  # it does not fit
            continue
        check(model, shape)
        depths.append(len(model))
    assert set(depths) == {1, 2, 3}


def boxes(ax: Axes, linestyle: str) -> list[tuple[float, float, float, float]]:
    """Left, top, width and height of the rectangles of a style, layer by layer."""
    rectangles = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    return [
        (*patch.get_xy(), patch.get_width(), patch.get_height())
        for patch in rectangles
        if patch.get_linestyle() in (linestyle, {"-": "solid", "--": "dashed"}[linestyle])
    ]


def test_rectangles_hold_the_pixels() -> None:
    model, shape = models.named("exp_sigma_06_pool_2_2_2"), (28, 26)
    ax = plot.receptive_fields(model, (*shape, 3))
    plan = _core.Plan(as_spec(model), (*shape, 3), "ckn")
    for kind, which in ((0, "--"), (1, "-")):
        drawn = boxes(ax, which)
        assert len(drawn) == len(model)
        for (left, top, width, height), field in zip(drawn, fields(plan), strict=True):
            ys, xs = np.nonzero(masks(field, shape)[kind])
            wanted = [xs.min() - 0.5, ys.min() - 0.5, np.ptp(xs) + 1, np.ptp(ys) + 1]
            assert [left, top, width, height] == wanted
    assert ax.get_xlim() == (-0.5, 25.5)
    assert ax.get_ylim() == (27.5, -0.5)
    legend = ax.get_legend()
    assert legend is not None
    assert legend.get_texts()[0].get_text() == "layer 0: 3x3, pooled 7x7"
    colours = [patch.get_edgecolor() for patch in ax.patches]
    assert len(set(colours)) == len(model)


def test_a_field_around_the_edge_is_drawn_in_parts() -> None:
    corner = Layer(3, 8, pooling=[1.0], padding="circular")  # one output, at row 0 and column 0
    ax = plot.receptive_fields(Model([corner]), (8, 8, 1))
    parts = {(-0.5, -0.5, 2, 2), (6.5, -0.5, 1, 2), (-0.5, 6.5, 2, 1), (6.5, 6.5, 1, 1)}
    assert set(boxes(ax, "-")) == parts
    legend = ax.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["layer 0: 3x3, pooled 3x3"]


def test_spans() -> None:
    assert spans(np.array([2]), 9, True) == [(2, 2)]
    assert spans(np.array([0, 3, 8]), 9, True) == [(0, 3), (8, 8)]
    assert spans(np.array([0, 3, 8]), 9, False) == [(0, 8)]
    assert spans(np.array([1, 5, 7]), 9, True) == [(1, 1), (5, 7)]
    assert spans(np.array([], int), 9, True) == []


def test_the_image_is_below() -> None:
    grey, colour = cases.images(1, (12, 10, 1))[0], cases.images(1, (12, 10, 3))[0]
    ax = plot.receptive_fields(cases.EXP, grey)
    np.testing.assert_array_equal(ax.get_images()[0].get_array(), grey[..., 0])
    _, given = plt.subplots()
    ax = plot.receptive_fields(cases.EXP, colour, given)
    assert ax is given
    shown = np.asarray(ax.get_images()[0].get_array())
    assert (shown.min(), shown.max()) == (0, 1)  # whitened colours, say, are brought there
    np.testing.assert_array_equal(ax.get_images()[0].get_extent(), [-0.5, 9.5, 11.5, -0.5])
    many = Model([Layer(3, pooling="none")] * 9)
    assert len({patch.get_edgecolor() for patch in plot.receptive_fields(many, grey).patches}) == 9


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((2, 8, 8, 1)), r"an image \(h, w, c\), or the shape of one"),
        (np.zeros((8, 8, 2)), "1 channel or 3 to be drawn, got 2"),
        (np.full((8, 8, 1), np.nan), "NaN"),
        (np.zeros((8, 8, 1), complex), "real numbers"),
        ((8, 8), r"\(h, w, c\)"),
        ((2, 2, 1), "leaves no positions"),
    ],
)
def test_images_that_do_not_fit(image: Any, message: str) -> None:
    with pytest.raises(ANY, match=message):
        plot.receptive_fields(cases.EXP, image)
