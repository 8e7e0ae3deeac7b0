"""Layers and models in words, for tables and for ``verbose``."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from ckn_rs import _core
from ckn_rs.layer import Layer

MOST_WEIGHTS = 5
"""Longer lists of numbers are cut short."""


def layer_of(resolved: Mapping[str, Any]) -> Layer:
    """The layer of a dict that may have other keys, too."""
    return Layer(**{field.name: resolved.get(field.name, field.default) for field in fields(Layer)})


def patch(layer: Layer) -> str:
    """The patch's sides, and what is not as usual.

    Examples
    --------
    >>> patch(Layer(3, 2)), patch(Layer((3, 5), 2, stride=2, dilation=(1, 2), padding="valid"))
    ('3x3', '3x5, stride 2, dilation 1x2, valid')
    """
    return ", ".join([size(sides(layer.npatch)), *placement(layer)])


def placement(layer: Layer) -> list[str]:
    """Stride, dilation and padding, where they are not as usual."""
    lengths = {"stride": layer.stride, "dilation": layer.dilation}
    words = [f"{name} {by(length)}" for name, length in lengths.items() if by(length) != "1"]
    return words if layer.padding == "same" else [*words, layer.padding]


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
    """The parameters of a layer's kernel, but for a ``sigma`` of 1."""
    uses = _core.KERNEL_PARAMETERS.get(layer.kernel or "exp", ["sigma"])
    shown = ["sigma"] * (layer.sigma != 1 and "sigma" in uses)
    shown += ["a", "b", "degree", "offset", "coefficients"]
    values = ((name, getattr(layer, name)) for name in shown)
    words = [f"{name} {_number(value)}" for name, value in values if value is not None]
    if layer.homogeneous is not None:
        words.append("homogeneous" if layer.homogeneous else "not homogeneous")
    return words


def pooling(layer: Layer) -> str:
    """The pooling, its stride, and its width where that is another.

    Examples
    --------
    >>> pooling(Layer(3, 2)), pooling(Layer(3, 2, 3, pooling=("average", "strided")))
    ('gaussian 2', 'average x strided 2, poolfactor 3')
    >>> pooling(Layer(3, (1, 2), pooling=("none", [0.25, 0.5, 0.25])))
    'none x [0.25, 0.5, 0.25] 1x2'
    """
    words = pooling_names(layer)
    if has_stride(layer):
        words += f" {by(layer.subsampling)}"
    if layer.poolfactor is not None and by(layer.poolfactor) != by(layer.subsampling):
        words += f", poolfactor {by(layer.poolfactor)}"
    return words


def has_stride(layer: Layer) -> bool:
    """Whether ``subsampling`` says anything of the pooling."""
    return layer.subsampling is not None and not {*_each(layer)} <= {"global", "none"}


def pooling_names(layer: Layer) -> str:
    """The pooling along both axes, or along rows and along columns."""
    return " x ".join(_each(layer))


def _each(layer: Layer) -> list[str]:
    given: Any = layer.pooling
    if isinstance(given, str) or all(isinstance(item, int | float) for item in given):
        given = [given]
    return [item if isinstance(item, str) else _number(item) for item in given]


def options(words: Mapping[str, Any]) -> list[str]:
    """What a model says of itself beside its layers."""
    return [f"{key} {value}" for key, value in words.items() if key != "layers"]


def sides(length: Any) -> Sequence[int]:
    """A length along rows and one along columns."""
    return length if isinstance(length, Sequence) else (length, length)


def size(lengths: Sequence[int]) -> str:
    """``32x32``."""
    return "x".join(map(str, lengths))


def by(length: Any) -> str:
    """One length, or two if they differ: ``2``, ``2x1``."""
    rows, cols = sides(length)
    return str(rows) if rows == cols else size((rows, cols))


def _number(value: Any) -> str:
    if not isinstance(value, Sequence):
        return f"{value:g}"
    shown = [f"{x:g}" for x in value]
    if len(shown) > MOST_WEIGHTS:
        shown[2:-1] = ["..."]
    return f"[{', '.join(shown)}]"
