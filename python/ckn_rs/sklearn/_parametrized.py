"""A scikit-learn kernel whose parameters are those of a model's layers, beside its own."""

from __future__ import annotations

from abc import abstractmethod
from inspect import signature
from typing import Any, TypeVar

import numpy as np
from sklearn.gaussian_process import kernels

from ckn_rs.model import Model, ModelLike
from ckn_rs.sklearn._bounds import Bounds, bounds_of
from ckn_rs.sklearn._parameters import (
    LOGARITHMIC,
    as_model,
    layer_parameters,
    layers_with,
    parameter,
    with_parameters,
)

Self = TypeVar("Self", bound="Parametrized")


class Parametrized(kernels.Kernel):  # type: ignore[misc]
    """A kernel with a model, the flag ``ntk`` and bounds of the layers' parameters.

    A subclass stores the constructor's arguments as they are, as scikit-learn's ``clone`` wants it.
    They are checked where they are used. scikit-learn's own class makes ``theta`` and ``bounds`` of
    ``hyperparameters``, ``get_params`` and ``set_params``.
    """

    model: ModelLike | str
    ntk: bool
    sigma_bounds: Any
    weight_std_bounds: Any
    bias_std_bounds: Any

    @property
    def hyperparameters(self) -> list[Any]:
        """The ``sigma`` of each layer that has one, and the scales that are not fixed."""
        return [
            kernels.Hyperparameter(parameter(layer, name), "numeric", bounds)
            for name, layers in self._layers_and_bounds().items()
            for layer, bounds in layers.items()
            if name == "sigma" or bounds != "fixed"
        ]

    def _layers_and_bounds(self) -> dict[str, dict[int, Bounds]]:
        """For each name of a parameter, the layers that have it, with its bounds."""
        model, found = as_model(self.model), {}
        for name in LOGARITHMIC:
            layers = layers_with(name, model, self.ntk)
            given = getattr(self, f"{name}_bounds")
            bounds = bounds_of(name, given, layers)
            free = not isinstance(given, str) and len(given) > 0
            if name == "bias_std" and free and not layers:
                raise ValueError(
                    "bias_std_bounds: no layer of the model has a bias_std above 0; give those "
                    "that shall be fitted a value to begin with"
                )
            found[name] = dict(zip(layers, bounds, strict=True))
        return found

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters of the kernel.

        Parameters
        ----------
        deep : bool
            Each field of each layer, too.

        Returns
        -------
        dict
            The constructor's arguments by their names, and fields of layers by names such as
            ``layer0__sigma``.
        """
        own: dict[str, Any] = super().get_params(deep=False)
        return own | layer_parameters(as_model(self.model)) if deep else own

    def set_params(self: Self, **params: Any) -> Self:
        """Set parameters of the kernel.

        Parameters
        ----------
        **params
            Names and values, as :meth:`get_params` gives them. Fields of layers are set after
            ``model``, all at once. They leave a model that was given as it is: the kernel gets a
            new one.

        Returns
        -------
        Parametrized
            The kernel itself.

        Raises
        ------
        TypeError, ValueError
            If there is no parameter of a name, or the layers are no model with these values. The
            kernel is then as before.
        """
        own = self.get_params(deep=False)
        of_layers = {name: value for name, value in params.items() if name not in own}
        model = params.get("model", self.model)
        if of_layers:
            given = as_model(model)
            known = layer_parameters(given)
            for name in of_layers:
                if name not in known:
                    raise ValueError(
                        f"Invalid parameter {name!r} for kernel {type(self).__name__} with a model "
                        f"of {len(given)} layers; kernel.get_params() has the valid ones"
                    )
            changed = with_parameters(given, of_layers)
            model = model if changed is given else changed
        for name in own.keys() & params.keys():
            setattr(self, name, params[name])
        self.model = model
        return self

    def __repr__(self) -> str:
        defaults = signature(type(self).__init__).parameters
        shown = (
            f"{name}={_shown(value)}"
            for name, value in self.get_params(deep=False).items()
            if name != "model" and repr(value) != repr(defaults[name].default)
        )
        return f"{type(self).__name__}({', '.join([_shown(self.model), *shown])})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Parametrized) or type(self) is not type(other):
            return False
        try:
            return self._values() == other._values()
        except (TypeError, ValueError):  # one of them cannot be used
            return self is other

    @abstractmethod
    def _values(self) -> list[object]:
        """All arguments in one form, for comparisons.

        Raises
        ------
        TypeError, ValueError
            If an argument is wrong.
        """


def _shown(value: object) -> str:
    """The value as Python reads it; a model or an array in one line."""
    if isinstance(value, Model):
        head, *layers, tail = repr(value).splitlines()
        return head + " ".join(map(str.strip, layers)).removesuffix(",") + tail
    if isinstance(value, type | np.dtype):
        return repr(np.dtype(value).name)
    return repr(value.tolist() if isinstance(value, np.ndarray) else value)
