"""Every mistake in a model gives one clear sentence, with its place and the allowed values."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import cases
import ckn_rs
from ckn_rs import (
    CKNKernel,
    Dense,
    Model,
    compute_diagonal,
    compute_dist_to_ref,
    compute_distances,
    compute_kernel,
    compute_kernel_matrix,
    compute_norms,
)
from messages import ANY, check_message

X = cases.images(4, (8, 8, 1))
LAYER: dict[str, Any] = {"npatch": 3, "subsampling": 2}


def layer(**keys: Any) -> cases.Layers:
    return [LAYER, LAYER | {"subsampling": 1} | keys]


MODELS: dict[str, tuple[Any, type[Exception] | tuple[type[Exception], ...], list[str]]] = {
    "none": (None, TypeError, ["model", "None", "npatch"]),
    "text": ("exp", TypeError, ["model", "str", "npatch"]),
    "number": (3, TypeError, ["model", "int", "npatch"]),
    "one dict": (LAYER, TypeError, ["model", "list", "dict"]),
    "one layer": (ckn_rs.Layer(3, 2), TypeError, ["model", "list", "Layer"]),
    "a number in it": ([LAYER, 3], TypeError, ["layer 1", "int"]),
    "empty": ([], ValueError, ["at least one layer"]),
    "misspelt key": (layer(simga=1.0), ValueError, ["layer 1", "simga", "sigma"]),
    "key of another type": ([{3: 3}], TypeError, ["layer 0"]),
    "missing key": ([{"npatch": 3}], ValueError, ["layer 0", "subsampling"]),
    "misspelt kernel": (layer(kernel="rleu"), ValueError, ["layer 1", "rleu", "relu", "poly4"]),
    "unknown pooling": (layer(pooling="max"), ValueError, ["layer 1", "max", "strided"]),
    "kernel as number": (layer(kernel=1), TypeError, ["layer 1", "kernel", "string"]),
    "kernel None": (layer(kernel=None), TypeError, ["layer 1", "kernel", "string"]),
    "sigma 0": (layer(sigma=0.0), ValueError, ["layer 1", "sigma", "above 0"]),
    "sigma negative": (layer(sigma=-1), ValueError, ["layer 1", "sigma", "above 0"]),
    "sigma nan": (layer(sigma=float("nan")), ValueError, ["layer 1", "sigma"]),
    "sigma inf": (layer(sigma=float("inf")), ValueError, ["layer 1", "sigma"]),
    "sigma text": (layer(sigma="1"), TypeError, ["layer 1", "sigma", "number"]),
    "weight_std 0": (layer(weight_std=0.0), ValueError, ["layer 1", "weight_std", "above 0"]),
    "weight_std negative": (layer(weight_std=-1.4), ValueError, ["layer 1", "weight_std", "-1.4"]),
    "weight_std nan": (layer(weight_std=float("nan")), ValueError, ["layer 1", "weight_std"]),
    "weight_std inf": (layer(weight_std=float("inf")), ValueError, ["layer 1", "weight_std"]),
    "weight_std huge": (layer(weight_std=1e200), ValueError, ["layer 1", "weight_std", "1e200"]),
    "weight_std tiny": (layer(weight_std=1e-200), ValueError, ["layer 1", "weight_std", "1e-200"]),
    "weight_std text": (layer(weight_std="1"), TypeError, ["layer 1", "weight_std", "number"]),
    "weight_std of a flag": (layer(weight_std=True), TypeError, ["layer 1", "weight_std"]),
    "weight_std of two": (layer(weight_std=(1.0, 2.0)), TypeError, ["layer 1", "weight_std"]),
    "bias_std negative": (layer(bias_std=-0.1), ValueError, ["layer 1", "bias_std", "-0.1"]),
    "bias_std nan": (layer(bias_std=float("nan")), ValueError, ["layer 1", "bias_std"]),
    "bias_std inf": (layer(bias_std=float("inf")), ValueError, ["layer 1", "bias_std"]),
    "bias_std huge": (layer(bias_std=1e200), ValueError, ["layer 1", "bias_std", "1e200"]),
    "bias_std None": (layer(bias_std=None), TypeError, ["layer 1", "bias_std", "number"]),
    "a name of the other package": (layer(W_std=1.4), ValueError, ["layer 1", "W_std"]),
    "npatch 0": (layer(npatch=0), ValueError, ["layer 1", "npatch", "at least 1", "0"]),
    "npatch -3": (layer(npatch=-3), ValueError, ["layer 1", "npatch", "at least 1", "-3"]),
    "npatch real": (layer(npatch=3.5), TypeError, ["layer 1", "npatch", "whole", "3.5"]),
    "npatch of a real array": (layer(npatch=np.array(3.5)), TypeError, ["layer 1", "npatch"]),
    "sigma huge": (layer(sigma=10**400), ValueError, ["layer 1", "sigma", "too large"]),
    "npatch huge": (layer(npatch=10**30), ValueError, ["layer 1", "npatch", "too large"]),
    "subsampling 0": (layer(subsampling=0), ValueError, ["layer 1", "subsampling", "at least 1"]),
    "poolfactor 0": (layer(poolfactor=0), ValueError, ["layer 1", "poolfactor", "at least 1"]),
    "npatch beyond later": (layer(npatch=4, padding="valid"), ValueError,
                            ["layer 1", "npatch", "4", "3x3"]),
    "subsampling beyond": ([LAYER | {"subsampling": 9}], ValueError, ["layer 0", "9", "8x8"]),
    "no positions": ([LAYER | {"subsampling": 5}], ValueError, ["layer 0", "no positions", "8x8"]),
    "none later": (layer(subsampling=2), ValueError, ["layer 1", "no positions", "3x3"]),
    "npatch of three": (layer(npatch=(3, 3, 3)), TypeError, ["layer 1", "npatch", "pair"]),
    "npatch of reals": (layer(npatch=[3, 1.5]), TypeError, ["layer 1", "npatch", "whole", "1.5"]),
    "npatch of a flag": (layer(npatch=True), TypeError, ["layer 1", "npatch", "whole", "true"]),
    "npatch of a NumPy flag": (layer(npatch=np.True_), TypeError, ["layer 1", "npatch", "true"]),
    "npatch none along columns": (layer(npatch=(3, 0)), ValueError, ["layer 1", "npatch", "0"]),
    "stride 0": (layer(stride=0), ValueError, ["layer 1", "stride", "at least 1"]),
    "dilation negative": (layer(dilation=(1, -1)), ValueError, ["layer 1", "dilation", "-1"]),
    "stride beyond": ([LAYER | {"stride": 9}], ValueError, ["layer 0", "stride", "9", "8x8"]),
    "dilation beyond": ([LAYER | {"dilation": 4, "padding": "circular"}], ValueError,
                        ["layer 0", "npatch", "dilation", "9", "8x8"]),
    "valid beyond": ([LAYER | {"npatch": (1, 9), "padding": "valid"}], ValueError,
                     ["layer 0", "npatch", "padding", "8x8"]),
    "circular beyond": ([LAYER | {"npatch": 9, "padding": "circular"}], ValueError,
                        ["layer 0", "npatch", "padding", "8x8"]),
    "unknown padding": (layer(padding="zero"), ValueError,
                        ["layer 1", "zero", "same", "valid", "circular"]),
    "padding as number": (layer(padding=1), TypeError, ["layer 1", "padding", "string"]),
    "pooling of three": (layer(pooling=["none"] * 3), TypeError, ["layer 1", "pooling", "pair"]),
    "pooling misspelt in a pair": (layer(pooling=("none", "averge")), ValueError,
                                   ["layer 1", "averge", "average"]),
    "pooling of flags": (layer(pooling=[True, False]), TypeError, ["layer 1", "pooling"]),
    "no weights": (layer(pooling=[]), ValueError, ["layer 1", "pooling", "not 0"]),
    "weights 0": (layer(pooling=np.zeros(3)), ValueError, ["layer 1", "pooling", "not 0"]),
    "weights nan": (layer(pooling=[1.0, float("nan")]), ValueError, ["pooling", "finite"]),
    "weights and width": (layer(pooling=[1.0, 1.0], poolfactor=2), ValueError,
                          ["layer 1", "poolfactor", "leave it out"]),
    "no pooling with a stride": (layer(pooling="none", subsampling=2), ValueError,
                                 ["layer 1", "subsampling", "none", "leave it out"]),
    "global with a stride": (layer(pooling=("global", "average"), subsampling=(2, 1)), ValueError,
                             ["layer 1", "subsampling", "global", "leave it out"]),
    "no subsampling": ([{"npatch": 3, "pooling": ("none", "strided")}], ValueError,
                       ["layer 0", "subsampling"]),
    "a set of sizes": (layer(npatch={3}), TypeError, ["layer 1", "npatch", "set"]),
    "a parameter of no kernel": (layer(degre=3, kernel="exp"), ValueError, ["layer 1", "degre"]),
    "the convention in a layer": (layer(convention="2019"), ValueError, ["layer 1", "convention"]),
}  # fmt: skip

CALLS: dict[str, Callable[[Any], object]] = {
    "matrix": lambda model: compute_kernel_matrix(X, model=model),
    "norms": lambda model: compute_norms(X, model),
    "pair": lambda model: compute_kernel(X[0], X[1], model),
    "distances from one": lambda model: compute_dist_to_ref(X[0], X, model),
    "distances": lambda model: compute_distances(X, X[:1], model),
    "diagonal": lambda model: compute_diagonal(X, model),
    "class": lambda model: CKNKernel((8, 8, 1), model),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("case", MODELS)
def test_model(case: str, call: str) -> None:
    model, kind, fragments = MODELS[case]
    with pytest.raises(kind) as caught:
        CALLS[call](model)
    check_message(str(caught.value), fragments)


def test_bad_model_leaves_out_alone() -> None:
    for model, _, _ in MODELS.values():
        out = np.full((4, 4), 7.0)
        with pytest.raises(ANY):
            compute_kernel_matrix(X, model=model, out=out)
        assert (out == 7).all()


def test_a_model_has_options_of_its_own() -> None:
    for arguments, kind, fragments in [
        ({"convention": "2018"}, ValueError, ["convention", "2018", "original", "2019"]),
        ({"convention": 2019}, TypeError, ["convention", "string", "2019"]),
        ({"readout": "men"}, ValueError, ["readout", "men", "mean", "trace"]),
        ({"readout": ["mean"]}, TypeError, ["readout", "string"]),
        ({"convention": "2019"}, ValueError, ["layer 0", "poolfactor", "2019", "leave it out"]),
        ({"convention": "neural-tangents"}, ValueError, ["convention", "neural_tangents"]),
        ({"dense": 1.4}, TypeError, ["dense", "Dense", "float"]),
        ({"dense": [1.4, 0.1]}, TypeError, ["dense", "Dense", "list"]),
        ({"dense": {"weight": 1.4}}, ValueError, ["dense", "weight", "weight_std"]),
        ({"dense": Dense(0.0)}, ValueError, ["dense", "weight_std", "above 0"]),
        ({"dense": Dense(1.0, -0.1)}, ValueError, ["dense", "bias_std", "-0.1"]),
        ({"dense": Dense(float("nan"))}, ValueError, ["dense", "weight_std"]),
        ({"dense": Dense("1")}, TypeError, ["dense", "weight_std", "number"]),  # type: ignore[arg-type]
        ({"dense": Dense(1e200)}, ValueError, ["dense", "weight_std", "1e200"]),
    ]:
        with pytest.raises(kind) as caught:
            Model([LAYER | {"poolfactor": 3}], **arguments)  # type: ignore[arg-type]
        check_message(str(caught.value), fragments)


def test_what_does_not_fit_in_the_convention_of_neural_tangents() -> None:
    """The original's convention cuts windows, and leaves no patch empty."""
    wrong: list[tuple[dict[str, Any], tuple[int, int, int], list[str]]] = [
        ({"poolfactor": (2, 9)}, (8, 8, 1), ["poolfactor", "9 along columns", "8x8"]),
        ({"npatch": 2, "dilation": 4}, (3, 3, 1), ["no position", "dilation", "3x3"]),
    ]
    for keys, shape, fragments in wrong:
        model = Model([LAYER | {"pooling": "average", "subsampling": 1} | keys])
        assert "average 1" in model.describe(shape)
        with pytest.raises(ValueError, match="layer 0") as caught:
            Model(model, convention="neural_tangents").describe(shape)
        check_message(str(caught.value), fragments)


def test_the_core_wants_a_mapping() -> None:
    for model, kind, fragments in [
        ([LAYER], TypeError, ["model", "mapping", "layers", "list"]),
        ({"readout": "mean"}, ValueError, ["model", "layers"]),
        ({"layers": [LAYER], "name": "x"}, ValueError, ["model", "name", "readout"]),
        ({"layers": [LAYER], 3: 4}, TypeError, ["model", "strings", "3"]),
        ({"layers": 3}, TypeError, []),
    ]:
        with pytest.raises(kind) as caught:
            ckn_rs._core.Plan(model, (8, 8, 1), "ckn")  # type: ignore[arg-type]
        check_message(str(caught.value), fragments)
    with pytest.raises(ValueError, match='unknown kind "rf"'):
        ckn_rs._core.Plan({"layers": cases.EXP}, (8, 8, 1), "rf")
