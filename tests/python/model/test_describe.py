"""Models as text, and the geometry in it."""

import pytest

import cases
import ckn_rs
from ckn_rs import Dense, Layer, Model, _core

PLAIN = Model([Layer(3, 2)])
TWO = Model([Layer(3, 2, kernel="exp", sigma=0.6), Layer(5, 1, 3, "relu", pooling="average")])


def test_repr_shows_what_was_said() -> None:
    assert repr(Layer(3, 2, kernel="exp", sigma=0.6)) == (
        "Layer(npatch=3, subsampling=2, kernel='exp', sigma=0.6)"
    )
    assert repr(PLAIN) == "Model([\n    Layer(npatch=3, subsampling=2),\n])"


def test_str_is_a_table() -> None:
    lines = str(TWO).splitlines()
    assert lines[0].split() == ["layer", "patch", "kernel", "pooling"]
    assert len(lines) == 3
    for fragment in ("0", "3x3", "exp", "sigma 0.6", "gaussian 2"):
        assert fragment in lines[1]
    for fragment in ("1", "5x5", "relu", "average 1", "poolfactor 3"):
        assert fragment in lines[2]
    assert "exp (NTK: relu)" in str(PLAIN)


def test_describe_shows_the_geometry() -> None:
    text = Model(cases.EXP).describe((20, 32, 3))
    head, columns, first, second = text.splitlines()
    assert "20x32x3" in head
    assert columns.split()[:2] == ["layer", "input"]
    assert columns.split() == [
        "layer", "input", "patch", "patches", "kernel", "pooling", "output", "sites", "taps",
    ]  # fmt: skip
    for fragment in ("20x32", "3x3", "exp, sigma 0.6", "gaussian 2", "9x15", "5"):
        assert fragment in first
    for fragment in ("9x15", "8x14"):
        assert fragment in second
    assert "relu" in PLAIN.describe((8, 8, 1), ntk=True)
    assert "exp" in PLAIN.describe((8, 8, 1))
    with pytest.raises(ValueError, match="layer 0 leaves no positions"):
        Model([Layer(1, 2)]).describe((3, 3, 1))


def test_describe_shows_every_choice() -> None:
    layers = [
        Layer((3, 1), (1, 2), stride=(2, 1), padding="valid", pooling=("none", [0.5] * 7)),
        Layer(3, 1, 2, dilation=2, kernel="relu", sigma=0.5, padding="circular"),
        Layer(1, pooling="global", kernel="linear", sigma=0.5),
    ]
    head, _, *lines = Model(layers, readout="mean").describe((24, 20, 3)).splitlines()
    assert head == "CKN of images 24x20x3, readout mean"
    for line, fragments in zip(
        lines,
        [
            ["3x1, stride 2x1, valid", "11x20", "none x [0.5, 0.5, ..., 0.5] 1x2", "11x10", "1x7"],
            ["3x3, dilation 2, circular", "relu  ", "gaussian 1, poolfactor 2", "10x9", "5"],
            ["1x1", "linear, sigma 0.5", "global", "1x1", "10x9"],
        ],
        strict=True,
    ):
        for fragment in fragments:
            assert fragment in line
    text = str(Model(layers, readout="mean"))
    assert "3x1, stride 2x1, valid" in text
    assert text.splitlines()[-1] == "readout mean"
    first = Model([Layer(3, 2)], convention="2019")
    assert first.describe((9, 9, 1), ntk=True).startswith("NTK of images 9x9x1, convention 2019\n")


def test_describe_shows_scales() -> None:
    layers = [Layer(3, 2, stride=2, weight_std=1.4), Layer(1, 2, bias_std=0.1)]
    model = Model(layers, convention="neural_tangents", dense=Dense(weight_std=0.5, bias_std=2))
    options = "convention neural_tangents, dense (weight_std 0.5, bias_std 2)"
    head, _, first, second = model.describe((24, 20, 3)).splitlines()
    assert head == f"CKN of images 24x20x3, {options}"
    assert "3x3, stride 2, weight_std 1.4  " in first
    assert "1x1, bias_std 0.1  " in second
    assert str(model).splitlines()[-2:] == options.split(", ", 1)
    assert Model([Layer(3, 2)], dense=Dense()).describe((8, 8, 1)).splitlines()[0].endswith("dense")


def test_geometry_tells_patches_from_positions() -> None:
    given = {"npatch": [3, 2], "subsampling": 2, "padding": "valid", "stride": [1, 2]}
    (layer,) = _core.Plan({"layers": [given | {"pooling": "average"}]}, (9, 8, 1), "ckn").layers
    assert layer["input"] == (9, 8)
    assert layer["patches"] == (7, 4)
    assert layer["output"] == (3, 2)
    assert layer["window"] == (2, 2)
    assert layer["sites"] == (6, 4)
    assert layer["npatch"] == [3, 2]
    assert layer["stride"] == [1, 2]
    norms, inverses = ckn_rs.compute_norms(cases.images(2, (9, 8, 1)), [given])
    assert (norms[:, :28] > 0).all()
    assert (inverses[:, :28] > 0).all()
    assert (norms[:, 28:] == 0).all()
    assert (inverses[:, 28:] == 0).all()


def test_costs_of_a_layer() -> None:
    """A layer of 1x1 patches has an entry for each position with itself: 2 * 5."""
    pixel = {"npatch": 1, "subsampling": 1, "kernel": "linear", "pooling": "average"}
    (layer,) = _core.Plan({"layers": [pixel]}, (2, 5, 3), "ckn").layers
    assert layer["entries"] == 10
    # One multiplication for each channel, four for cosine and norms, one for the trace.
    assert layer["multiply_adds"] == 10 * (3 + 4 + 1)
    (layer,) = _core.Plan({"layers": [pixel]}, (2, 5, 3), "ntk").layers
    assert layer["entries"] == 10
    assert layer["multiply_adds"] > 10 * (3 + 4 + 1)
