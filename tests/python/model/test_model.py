"""The typed model equals the dicts, in every form that it is written and read in."""

import copy
import json
import pickle
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cases
import layers
from ckn_rs import Dense, Layer, Model, _core

MODELS = [
    Model([Layer(3, 2)]),
    Model([Layer(3, 2, kernel="exp", sigma=0.6), Layer(5, 1, 3, "relu", pooling="average")]),
    Model([Layer(npatch=6, subsampling=1, poolfactor=10, kernel="linear", sigma=1e-3)]),
    Model([Layer(3, 2, pooling="strided", kernel=kernel) for kernel in ("poly2", "square")]),
    Model([Layer((3, 5), (2, 1), (3, 1), stride=(1, 2), dilation=2, padding="circular")]),
    Model([Layer(3, pooling="none"), Layer(1, pooling=("global", "none"))], convention="2019"),
    Model([Layer(3, 2, pooling=[0.25, 0.5, 0.25])], readout="mean"),
    Model(
        [Layer(3, (2, 1), pooling=([0.5, 0.5], "average"), kernel="exp", sigma=2)],
        convention="2019",
        readout="mean",
    ),
    Model([Layer(3, 2, weight_std=1.4, bias_std=0.1), Layer(1, 2, bias_std=1e-9)], dense=Dense()),
    Model(
        [Layer(3, pooling="none", kernel="relu", weight_std=2**0.5)],
        convention="neural_tangents",
        dense=Dense(weight_std=1.4, bias_std=0.1),
    ),
]
every_model = pytest.mark.parametrize("model", MODELS)


@every_model
def test_round_trips(model: Model, tmp_path: Path) -> None:
    options = cases.options(model)
    assert Model.from_dicts(model.to_dicts(), **options) == model
    assert Model(model.to_dicts(), **options) == model
    assert Model(list(model), **options) == model
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
    options = cases.options(model)
    assert model[:1] == Model(layers[:1], **options)
    assert hash(model) == hash(Model(layers, **options))
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


def test_options_are_part_of_a_model() -> None:
    plain = Model([Layer(3, 2)])
    assert (plain.convention, plain.readout) == ("original", "trace")
    first = Model(plain, convention="2019")
    assert (first.convention, first.readout) == ("2019", "trace")
    mean = Model(first, readout="mean")
    assert (mean.convention, mean.readout) == ("2019", "mean")
    assert Model(mean, convention="original", readout="trace") == plain
    assert len({plain, first, mean, Model([Layer(3, 2)])}) == 3
    with pytest.raises(AttributeError):
        mean.readout = "trace"  # type: ignore[misc]
    assert repr(mean) == (
        "Model([\n    Layer(npatch=3, subsampling=2),\n], convention='2019', readout='mean')"
    )
    assert json.loads(mean.to_json()) == {
        "convention": "2019", "readout": "mean", "layers": plain.to_dicts(),
    }  # fmt: skip
    assert mean.to_toml().startswith('convention = "2019"\nreadout = "mean"\n\n[[layers]]\n')


def test_a_dense_layer_is_part_of_a_model() -> None:
    plain = Model([Layer(3, 2)])
    assert plain.dense is None
    ended = Model(plain, dense=Dense(1.4, 0.1))
    assert ended.dense == Dense(weight_std=1.4, bias_std=0.1)
    assert Model(ended, readout="mean").dense == ended.dense
    forms: list[Any] = [
        {"weight_std": 1.4, "bias_std": 0.1},
        {"bias_std": np.float64(0.1), "weight_std": 1.4},
        Dense(np.float64(1.4), np.array(0.1)),  # type: ignore[arg-type]
    ]
    for form in forms:
        assert Model(plain, dense=form) == Model.from_dicts(plain.to_dicts(), dense=form) == ended
    assert Model(plain, dense={"weight_std": 2}).dense == Dense(2.0)
    assert len({plain, ended, Model(plain, dense=Dense())}) == 3
    assert repr(ended).endswith("], dense=Dense(weight_std=1.4, bias_std=0.1))")
    assert repr(Model(plain, dense=Dense())).endswith("], dense=Dense())")
    assert json.loads(ended.to_json())["dense"] == forms[0]
    assert json.loads(Model(plain, dense=Dense()).to_json())["dense"] == Dense().to_dict()
    table = "[dense]\nweight_std = 1.4\nbias_std = 0.1\n"
    assert table in ended.to_toml()
    assert Model.from_toml(plain.to_toml() + "\n" + table) == ended
    assert Model.from_toml(table + plain.to_toml()) == ended
    assert Model.from_toml("[dense]\nweight_std = 2\n" + plain.to_toml()).dense == Dense(2.0)
    assert Model.from_json(json.dumps({"layers": plain.to_dicts(), "dense": {}})).dense == Dense()
    with pytest.raises(AttributeError):
        ended.dense = None  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        Dense().weight_std = 2.0  # type: ignore[misc]


def test_scales_of_a_layer_are_left_out_by_default() -> None:
    """So files, and manifests of stores, are those of versions without scales."""
    said = Layer(3, 2, weight_std=1.0, bias_std=0.0)
    assert said == Layer(3, 2)
    assert repr(said) == repr(Layer(3, 2))
    assert said.to_dict() == Layer(3, 2).to_dict()
    resolved = _core.resolve_model({"layers": [{**said.to_dict(), "weight_std": 1}]}, False)
    assert resolved == _core.resolve_model({"layers": [Layer(3, 2).to_dict()]}, False)
    assert not {"weight_std", "bias_std"} & {*resolved["layers"][0]}
    assert "dense" not in resolved
    other = Layer(3, 2, weight_std=1.4, bias_std=0.1)
    assert repr(other) == "Layer(npatch=3, subsampling=2, weight_std=1.4, bias_std=0.1)"
    assert other.to_dict() == {**said.to_dict(), "weight_std": 1.4, "bias_std": 0.1}
    (layer,) = _core.resolve_model({"layers": [other.to_dict()]}, False)["layers"]
    assert (layer["weight_std"], layer["bias_std"]) == (1.4, 0.1)


def test_lists_and_arrays_are_as_good_as_tuples() -> None:
    weights = [0.25, 0.5, 0.25]
    forms = [
        Layer([3, 5], np.array([2, 1]), pooling=weights),  # type: ignore[arg-type]
        Layer((3, 5), (2, 1), pooling=np.array(weights)),  # type: ignore[arg-type]
        Layer((np.int64(3), np.int8(5)), [2, 1], pooling=tuple(weights)),  # type: ignore[arg-type]
    ]
    for layer in forms:
        assert layer == forms[0]
        assert hash(layer) == hash(forms[0])
        assert layer.npatch == (3, 5)
        assert layer.pooling == (0.25, 0.5, 0.25)
        assert layer.to_dict() == {
            "npatch": [3, 5], "subsampling": [2, 1], "sigma": 1.0, "pooling": weights,
        }  # fmt: skip
    dicts: list[Any] = [
        {
            "npatch": np.array([3, 5]),
            "subsampling": (2, 1),
            "pooling": np.array(weights, np.float32),
        },
        {"npatch": [3, 5], "subsampling": np.array([2, 1]), "pooling": weights},
    ]
    for keys in dicts:
        assert Model([keys]) == Model(forms[:1])
    pairs = [
        Layer(3, 2, pooling=np.ones((2, 3))),  # type: ignore[arg-type]
        Layer(3, 2, pooling=((1, 1, 1), [1, 1, 1])),
    ]
    assert pairs[0] == pairs[1]
    resolved = _core.resolve_model({"layers": [pairs[1].to_dict()]}, False)
    assert resolved["layers"][0]["pooling"] == [1.0, 1.0, 1.0]


def test_a_default_said_is_a_default() -> None:
    said = Layer(3, 2, padding="same", stride=1, dilation=1)
    assert said == Layer(3, 2)
    assert said.to_dict() == Layer(3, 2).to_dict()
    with pytest.raises(TypeError, match=r"layer 0.*stride.*whole number"):
        Model([Layer(3, 2, stride=True)])


def test_every_key_is_filled_in() -> None:
    given = {"npatch": [3, 1], "subsampling": [1, 1], "pooling": ["none", "none"]}
    resolved = _core.resolve_model({"layers": [given], "readout": "mean"}, True)
    assert resolved == {
        "layers": [
            {
                "npatch": [3, 1], "subsampling": 1, "poolfactor": 1, "kernel": "relu",
                "sigma": 1.0, "pooling": "none", "padding": "same", "stride": 1, "dilation": 1,
            }
        ],
        "convention": "original",
        "readout": "mean",
    }  # fmt: skip
    assert Model(**resolved).readout == "mean"


@pytest.mark.parametrize("kernel", _core.KERNELS)
def test_every_kernel_round_trips(kernel: str) -> None:
    layer = layers.layer(kernel, npatch=3, subsampling=2)
    model = Model([layer])
    assert Model.from_toml(model.to_toml()) == Model.from_json(model.to_json()) == model
    resolved = _core.resolve_model({"layers": model.to_dicts()}, False)
    (keys,) = resolved["layers"]
    own = set(keys) - {field.name for field in fields(Layer)[:9]}
    assert {*own, "sigma"} == {*_core.KERNEL_PARAMETERS[kernel], "sigma"}
    assert _core.resolve_model(resolved, True) == resolved
    assert Model(**resolved)[0].kernel == kernel
    text = str(model)
    assert kernel in text
    assert (f"sigma {layer['sigma']:g}" in text) == ("sigma" in _core.KERNEL_PARAMETERS[kernel])
    for name in own - {"homogeneous"}:
        assert name in Model(**resolved).describe((8, 8, 1))


def test_numpy_scalars_are_as_good_as_numbers() -> None:
    layer = Layer(np.int64(3), np.int32(2), sigma=np.float32(0.5), kernel=np.str_("exp"))  # type: ignore[arg-type]
    model = Model([layer])
    assert model == Model([Layer(3, 2, sigma=0.5, kernel="exp")])
    assert Model.from_json(model.to_json()) == Model.from_toml(model.to_toml()) == model


def test_whole_floats_become_integers_within_a_range() -> None:
    assert repr(Layer(9e15, (1.0, 2.0))) == "Layer(npatch=9000000000000000, subsampling=(1, 2))"  # type: ignore[arg-type]
    mistakes = {
        1e300: "is too large",
        0.0: "must be at least 1",
        -3.0: "must be at least 1",
        3.5: "must be a whole number",
        float("inf"): "must be a whole number",
    }
    for length, mistake in mistakes.items():
        assert repr(Layer(length, 2)) == f"Layer(npatch={length!r}, subsampling=2)"  # type: ignore[arg-type]
        with pytest.raises((TypeError, ValueError), match=f"layer 0: .npatch. {mistake}"):
            Model([Layer(length, 2)])  # type: ignore[arg-type]


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
        ('{"layers": [{"npatch": 1, "subsampling": 1}], "readuot": "mean"}', ValueError,
         ["readuot", "readout"]),
        ('{"layers": [{"npatch": 1, "subsampling": 1}], "readout": null}', TypeError, ["readout"]),
        ('{"layers": [{"npatch": 1, "subsampling": 1}], "convention": 2019}', TypeError,
         ["convention", "string"]),
        ('{"layers": [], "name": 1}', ValueError, ["layers", "name"]),
        ('{"layers": {"npatch": 3}}', TypeError, ["model", "list"]),
        ("3", TypeError, ["model", "int"]),
        ('{"layers": [{"npatch": 1, "subsampling": 1}], "dense": {"weight": 1}}', ValueError,
         ["dense", "weight", "weight_std", "bias_std"]),
        ('{"layers": [{"npatch": 1, "subsampling": 1}], "dense": 1.4}', TypeError, ["dense"]),
        ('{"layers": [{"npatch": 1, "subsampling": 1}], "dense": null}', TypeError, ["dense"]),
        ('{"layers": [{"npatch": 1, "subsampling": 1}], "dense": {"bias_std": NaN}}', ValueError,
         ["dense", "bias_std"]),
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
        ("readout = 'men'\n[[layers]]\nnpatch = 3\nsubsampling = 2\n", ["readout", "mean"]),
        ("title = 'CKN'\n[[layers]]\nnpatch = 3\nsubsampling = 2\n", ["title", "convention"]),
        ("[[layers]]\nnpatch = 3\nsubsampling = 2\nkernle = 'exp'\n", ["layer 0", "kernel"]),
        ("[dense]\nbias = 1\n[[layers]]\nnpatch = 3\nsubsampling = 2\n", ["dense", "bias_std"]),
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
