"""Layers and models as text, for tables and for ``verbose``."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from itertools import chain
from typing import Any

from ckn_rs import _core
from ckn_rs._support.table import text_table
from ckn_rs.layer import Dense, Layer

MOST_WEIGHTS = 5
"""Longer lists of numbers are cut short."""

_FIELDS = {field.name: field for field in fields(Layer)}
_ANY_KERNELS = tuple(dict.fromkeys(chain.from_iterable(_core.KERNEL_PARAMETERS.values())))
"""The parameters of all kernels."""


def layer_of(resolved: Mapping[str, Any]) -> Layer:
    """The layer of a dict that may have more keys than a layer."""
    return Layer(**{name: resolved.get(name, field.default) for name, field in _FIELDS.items()})


def layers_table(layers: Iterable[Layer], values: Mapping[str, Any]) -> str:
    """One line for each layer, and one for each of the model's options."""
    return "\n".join([text_table(layer_rows(layers)), *options(values)])


def layer_rows(layers: Iterable[Layer]) -> list[tuple[object, ...]]:
    """The names of the columns, and a row for each layer."""
    rows = ((index, *_cells(layer)) for index, layer in enumerate(layers))
    return [("layer", "patch", "kernel", "pooling"), *rows]


def geometry_table(plan: _core.Plan) -> str:
    """One line for each layer, with the sizes of its maps."""
    rows: list[tuple[object, ...]] = [
        ("layer", "input", "patch", "patches", "kernel", "pooling", "output", "sites", "taps")
    ]
    for index, planned in enumerate(plan.layers):
        patch, kernel, pooling = _cells(layer_of(planned))
        before, patches, after, sites = (
            size(planned[key]) for key in ("input", "patches", "output", "sites")
        )
        taps = by(planned["window"])
        rows.append((index, before, patch, patches, kernel, pooling, after, sites, taps))
    return text_table(rows)


def _cells(layer: Layer) -> tuple[str, str, str]:
    return patch(layer), kernel(layer), pooling(layer)


def patch(layer: Layer) -> str:
    """The size of the patch, and its placement and scales where they are not the default.

    Examples
    --------
    >>> patch(Layer(3, 2)), patch(Layer((3, 5), 2, stride=2, dilation=(1, 2), padding="valid"))
    ('3x3', '3x5, stride 2, dilation 1x2, valid')
    """
    return ", ".join([size(lengths(layer.npatch)), *placement(layer), *scales(layer)])


def placement(layer: Layer) -> list[str]:
    """Stride, dilation and padding, where they are not the default."""
    steps = {"stride": layer.stride, "dilation": layer.dilation}
    texts = [f"{name} {by(length)}" for name, length in steps.items() if by(length) != "1"]
    return texts if layer.padding == "same" else [*texts, layer.padding]


def scales(layer: Layer | Dense) -> list[str]:
    """The standard deviations of weights and biases, where they are not the default.

    Examples
    --------
    >>> scales(Layer(3, 2, weight_std=1.4, bias_std=0.1)), scales(Layer(3, 2))
    (['weight_std 1.4', 'bias_std 0.1'], [])
    """
    values = ((name, getattr(layer, name)) for name in ("weight_std", "bias_std"))
    return [_parameter(name, value) for name, value in values if value != _FIELDS[name].default]


def kernel(layer: Layer) -> str:
    """The kernel and its parameters.

    Examples
    --------
    >>> kernel(Layer(3, 2, sigma=0.6)), kernel(Layer(3, 2, kernel="poly", degree=3))
    ('exp (NTK: relu), sigma 0.6', 'poly, degree 3')
    """
    name = layer.kernel or "exp (NTK: relu)"
    return ", ".join([name, *parameters(layer)])


def parameters(layer: Layer) -> list[str]:
    """The parameters of a layer's kernel that are not the default.

    Examples
    --------
    >>> parameters(Layer(3, 2, kernel="series", coefficients=[0, 1], homogeneous=False))
    ['coefficients [0, 1]', 'not homogeneous']
    """
    # The table has a kernel by its first name only: "rbf", not "gaussian".
    names = _core.KERNEL_PARAMETERS.get(layer.kernel or "exp", _ANY_KERNELS)
    values = ((name, getattr(layer, name)) for name in names)
    return [_parameter(name, value) for name, value in values if value != _FIELDS[name].default]


def _parameter(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return name if value else f"not {name}"
    return f"{name} {_number(value)}"


def pooling(layer: Layer) -> str:
    """The pooling, its stride, its width if that is not the stride, and a shortcut.

    Examples
    --------
    >>> pooling(Layer(3, 2)), pooling(Layer(3, 2, 3, pooling=("average", "strided")))
    ('gaussian 2', 'average x strided 2, poolfactor 3')
    >>> pooling(Layer(3, (1, 2), pooling=("none", [0.25, 0.5, 0.25])))
    'none x [0.25, 0.5, 0.25] 1x2'
    >>> pooling(Layer(3, pooling="none", shortcut=2))
    'none, shortcut 2'
    """
    text = pooling_names(layer)
    if has_stride(layer):
        text += f" {by(layer.subsampling)}"
    if layer.poolfactor is not None and by(layer.poolfactor) != by(layer.subsampling):
        text += f", poolfactor {by(layer.poolfactor)}"
    if layer.shortcut:
        text += f", shortcut {layer.shortcut}"
    return text


def has_stride(layer: Layer) -> bool:
    """Whether the pooling depends on ``subsampling``."""
    if layer.subsampling is None:
        return False
    # Weights, which have no name, have a stride.
    return any(
        "subsampling" in _core.POOLING_PARAMETERS.get(name, ["subsampling"])
        for name in _each(layer)
    )


def pooling_names(layer: Layer) -> str:
    """The pooling along both axes, or along rows and along columns."""
    return " x ".join(_each(layer))


def _each(layer: Layer) -> list[str]:
    given: Any = layer.pooling
    if isinstance(given, str) or all(isinstance(item, int | float) for item in given):
        given = [given]
    return [item if isinstance(item, str) else _number(item) for item in given]


def options(values: Mapping[str, Any]) -> list[str]:
    """The options of a model, such as ``readout mean``.

    Examples
    --------
    >>> options({"readout": "mean", "dense": Dense(1.4, 0.1)})
    ['readout mean', 'dense (weight_std 1.4, bias_std 0.1)']
    """
    return [_option(key, value) for key, value in values.items()]


def _option(key: str, value: Any) -> str:
    if key != "dense":
        return f"{key} {value}"
    texts = scales(value if isinstance(value, Dense) else Dense(**value))
    return f"{key} ({', '.join(texts)})" if texts else key


def lengths(length: Any) -> Sequence[int]:
    """The length along rows and the length along columns."""
    return length if isinstance(length, Sequence) else (length, length)


def size(numbers: Sequence[int]) -> str:
    """All lengths of a map or an image, such as ``32x32``."""
    return "x".join(map(str, numbers))


def by(length: Any) -> str:
    """One length, or two if they differ: ``2``, ``2x1``."""
    rows, cols = lengths(length)
    return str(rows) if rows == cols else size((rows, cols))


def _number(value: Any) -> str:
    if not isinstance(value, Sequence):
        return f"{value:g}"
    shown = [f"{x:g}" for x in value]
    if len(shown) > MOST_WEIGHTS:
        shown[2:-1] = ["..."]
    return f"[{', '.join(shown)}]"
