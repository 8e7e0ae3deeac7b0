"""The layers of a model, and their numbers, as parameters of a scikit-learn kernel.

Field ``sigma`` of layer 0 is ``layer0__sigma``. The number is that of error messages and of
``Model.describe``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from ckn_rs import _core
from ckn_rs._support.options import as_flag
from ckn_rs.layer import Layer
from ckn_rs.model import Model, ModelLike, as_spec
from ckn_rs.models import named

FIELDS = tuple(field.name for field in fields(Layer))

LOGARITHMIC = ("sigma", "weight_std", "bias_std")
"""The fields that a Gaussian process may choose, by their logarithms."""


def as_model(model: ModelLike | str) -> Model:
    """A model in any form in which functions take one, or the one of a name.

    Raises
    ------
    TypeError, ValueError
        If it is not a model, or there is no model of that name.
    """
    if isinstance(model, str):
        return named(model)
    return model if isinstance(model, Model) else Model(model)


def parameter(layer: int, field: str = "sigma") -> str:
    """The name of a layer's field as a parameter of the kernel."""
    return f"layer{layer}__{field}"


def layer_parameters(model: Model) -> dict[str, Any]:
    """Every field of every layer, by the name of the parameter."""
    return {
        parameter(index, field): getattr(layer, field)
        for index, layer in enumerate(model)
        for field in FIELDS
    }


def with_parameters(model: Model, values: Mapping[str, Any]) -> Model:
    """The model with other values of some of its :func:`layer_parameters`.

    It is the same object if nothing changes.

    Raises
    ------
    TypeError, ValueError
        If the layers with these values are not a model.
    """
    all_values = {**layer_parameters(model), **values}
    layers = [
        Layer(**{field: all_values[parameter(index, field)] for field in FIELDS})
        for index in range(len(model))
    ]
    changed = Model(layers, convention=model.convention, readout=model.readout, dense=model.dense)
    return model if changed == model else changed


def layers_with(name: str, model: Model, ntk: bool) -> list[int]:
    """The numbers of the layers that have a parameter of :data:`LOGARITHMIC`.

    A ``sigma`` is that of a patch kernel that depends on it, and a ``bias_std`` is not 0.

    Raises
    ------
    TypeError, ValueError
        If ``ntk`` is not a flag.
    """
    flag = as_flag(ntk, "ntk")
    if name != "sigma":
        return [index for index, layer in enumerate(model) if getattr(layer, name)]
    layers = _core.resolve_model(as_spec(model), flag)["layers"]
    return [
        index
        for index, layer in enumerate(layers)
        if "sigma" in _core.KERNEL_PARAMETERS[layer["kernel"]]
    ]
