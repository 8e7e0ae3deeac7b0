"""The typed model: equal to the dicts, whichever way it comes and goes."""

import copy
import json
import pickle
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest

import cases
from ckn_rs import Layer, Model, _core

MODELS = [
    Model([Layer(3, 2)]),
    Model([Layer(3, 2, kernel="exp", sigma=0.6), Layer(5, 1, 3, "relu", pooling="average")]),
    Model([Layer(npatch=6, subsampling=1, poolfactor=10, kernel="linear", sigma=1e-3)]),
    Model([Layer(3, 2, pooling="strided", kernel=kernel) for kernel in ("poly2", "square")]),
]
every_model = pytest.mark.parametrize("model", MODELS)


@every_model
def test_round_trips(model: Model, tmp_path: Path) -> None:
    assert Model.from_dicts(model.to_dicts()) == model
    assert Model(model.to_dicts()) == model
    assert Model(model) == model
    assert Model.from_json(model.to_json()) == model
    assert Model.from_toml(model.to_toml()) == model
    assert pickle.loads(pickle.dumps(model)) == model
    assert copy.deepcopy(model) == model
    assert copy.copy(model) == model
    assert eval(repr(model)) == model
    for name in ("model.json", "model.toml", "MODEL.TOML"):
        model.save(tmp_path / name)
        assert Model.load(tmp_path / name) == model
        assert Model.load(str(tmp_path / name)) == model


@every_model
def test_is_an_immutable_sequence(model: Model) -> None:
    layers = list(model)
    assert len(model) == len(layers)
    assert model[0] == layers[0]
    assert model[-1] == layers[-1]
    assert layers[0] in model
    assert model[:1] == Model(layers[:1])
    assert hash(model) == hash(Model(layers))
    assert model != layers
    with pytest.raises(TypeError):
        model[0] = layers[0]  # type: ignore[index]
    with pytest.raises(AttributeError):
        model.layers = layers  # type: ignore[attr-defined]
    with pytest.raises(FrozenInstanceError):
        model[0].npatch = 7  # type: ignore[misc]
    with pytest.raises(IndexError):
        model[len(model)]


def test_defaults_stay_open() -> None:
    assert Layer(3, 2).to_dict() == {
        "npatch": 3, "subsampling": 2, "sigma": 1.0, "pooling": "gaussian",
    }  # fmt: skip
    assert Layer(3, 2) != Layer(3, 2, kernel="exp")


def test_numpy_scalars_are_as_good_as_numbers() -> None:
    layer = Layer(np.int64(3), np.int32(2), sigma=np.float32(0.5), kernel=np.str_("exp"))  # type: ignore[arg-type]
    model = Model([layer])
    assert model == Model([Layer(3, 2, sigma=0.5, kernel="exp")])
    assert Model.from_json(model.to_json()) == Model.from_toml(model.to_toml()) == model


def test_repr_shows_what_was_said() -> None:
    assert repr(Layer(3, 2, kernel="exp", sigma=0.6)) == (
        "Layer(npatch=3, subsampling=2, kernel='exp', sigma=0.6)"
    )
    assert repr(MODELS[0]) == "Model([\n    Layer(npatch=3, subsampling=2),\n])"


def test_str_is_a_table() -> None:
    lines = str(MODELS[1]).splitlines()
    assert lines[0].split() == ["layer", "patch", "kernel", "pooling"]
    assert len(lines) == 3
    for fragment in ("0", "3x3", "exp", "sigma 0.6", "gaussian 2"):
        assert fragment in lines[1]
    for fragment in ("1", "5x5", "relu", "average 1", "poolfactor 3"):
        assert fragment in lines[2]
    assert "exp (NTK: relu)" in str(MODELS[0])


def test_describe_shows_the_geometry() -> None:
    text = Model(cases.EXP).describe((20, 32, 3))
    head, columns, first, second = text.splitlines()
    assert "20x32x3" in head
    assert columns.split()[:2] == ["layer", "input"]
    for fragment in ("20x32", "3x3", "exp, sigma 0.6", "gaussian 2", "9x15", "5"):
        assert fragment in first
    for fragment in ("9x15", "8x14"):
        assert fragment in second
    assert "relu" in MODELS[0].describe((8, 8, 1), ntk=True)
    assert "exp" in MODELS[0].describe((8, 8, 1))
    with pytest.raises(ValueError, match="layer 0 leaves no positions"):
        Model([Layer(1, 2)]).describe((3, 3, 1))


def test_json_forms() -> None:
    bare = json.dumps(cases.EXP)
    wrapped = json.dumps({"layers": cases.EXP})
    assert Model.from_json(bare) == Model.from_json(wrapped) == Model(cases.EXP)
    assert set(json.loads(Model(cases.EXP).to_json())) == {"layers"}


def test_toml_form() -> None:
    text = """
    # two layers
    [[layers]]
    npatch = 3
    subsampling = 2
    kernel = "exp"
    sigma = 0.6

    [[layers]]
    npatch = 3
    subsampling = 1
    kernel = "exp"
    sigma = 0.6
    """
    assert Model.from_toml(text) == Model(cases.EXP)
    assert Model(cases.EXP).to_toml().count("[[layers]]") == 2


@pytest.mark.parametrize(
    ("text", "kind", "fragments"),
    [
        ("{", ValueError, ["JSON"]),
        ("[]", ValueError, ["at least one layer"]),
        ('{"layer": []}', ValueError, ["layers", "layer"]),
        ('{"layers": [], "name": 1}', ValueError, ["layers", "name"]),
        ('{"layers": {"npatch": 3}}', TypeError, ["model", "list"]),
        ("3", TypeError, ["model", "int"]),
        ('[{"npatch": 3, "sgima": 1}]', ValueError, ["layer 0", "sgima", "sigma"]),
        ('[{"npatch": 3.5, "subsampling": 2}]', TypeError, ["layer 0", "npatch"]),
        ('[{"npatch": 3, "subsampling": 2, "sigma": NaN}]', ValueError, ["layer 0", "sigma"]),
    ],
)  # fmt: skip
def test_bad_json(text: str, kind: type[Exception], fragments: list[str]) -> None:
    with pytest.raises(kind) as caught:
        Model.from_json(text)
    for fragment in fragments:
        assert fragment in str(caught.value)


@pytest.mark.parametrize(
    ("text", "fragments"),
    [
        ("[[layers]", []),
        ("", ["layers"]),
        ("[[layer]]\nnpatch = 3\n", ["layer"]),
        ("[[layers]]\nnpatch = 3\n", ["layer 0", "subsampling"]),
        ("[[layers]]\nnpatch = 3\nsubsampling = 2\nkernle = 'exp'\n", ["layer 0", "kernel"]),
    ],
)
def test_bad_toml(text: str, fragments: list[str]) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        Model.from_toml(text)
    for fragment in fragments:
        assert fragment in str(caught.value)


def test_files_of_other_kinds(tmp_path: Path) -> None:
    path = tmp_path / "model.yaml"
    with pytest.raises(ValueError, match=r"\.json or \.toml"):
        MODELS[0].save(path)
    assert not path.exists()
    with pytest.raises(ValueError, match=r"\.json or \.toml"):
        Model.load(path)
    with pytest.raises(FileNotFoundError):
        Model.load(tmp_path / "none.json")


def test_costs_of_a_layer() -> None:
    """Rows and columns meet themselves: 2 * 5 entries."""
    pixel = {"npatch": 1, "subsampling": 1, "kernel": "linear", "pooling": "average"}
    (layer,) = _core.geometry([pixel], (2, 5, 3), False)
    assert layer["entries"] == 10
    # A product a channel, four for cosine and norms, one for the trace.
    assert layer["multiply_adds"] == 10 * (3 + 4 + 1)
    (layer,) = _core.geometry([pixel], (2, 5, 3), True)
    assert layer["entries"] == 10
    assert layer["multiply_adds"] > 10 * (3 + 4 + 1)
