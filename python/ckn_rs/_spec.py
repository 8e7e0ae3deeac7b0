"""The spec of a model, which is the mapping that the core takes: ``layers`` and options.

These functions make it of lists of layers and of the text of files. The core checks its values.
"""

from __future__ import annotations

import json
import reprlib
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from ckn_rs import _core
from ckn_rs.layer import Dense, Layer
from ckn_rs.residual import Residual

NOT_LAYERS = (str, bytes, Mapping, Layer)
"""Types that can be iterated over, but give no layers."""


MOST_TEXT = 2**20
"""The most characters of a model's text, as the core has it for TOML."""


def text_of(path: str | Path) -> str:
    """The text of a model's file.

    Raises
    ------
    ValueError
        If it is no text, or too long for a model.
    OSError
        If it cannot be read.
    """
    with Path(path).open("rb") as file:
        data = file.read(MOST_TEXT + 1)
    if len(data) > MOST_TEXT:
        raise ValueError(f"model: {path} is longer than {MOST_TEXT} bytes, and is no model")
    try:
        return data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"model: {path} is no text: {error}") from None


def of_layers(layers: object) -> dict[str, Any]:
    """The spec of a sequence of layers, each a Layer or a mapping.

    Raises
    ------
    TypeError
        If this is not a sequence of layers.
    """
    if isinstance(layers, NOT_LAYERS) or not isinstance(layers, Iterable):
        raise TypeError(
            "model must be a ckn_rs.Model or a list with one dict a layer, such as "
            '[{"npatch": 3, "subsampling": 2, "kernel": "exp", "sigma": 0.6}], '
            f"got {'None' if layers is None else type(layers).__name__}"
        )
    flat = chain.from_iterable(each if isinstance(each, Residual) else (each,) for each in layers)
    return {"layers": [_as_dict(index, layer) for index, layer in enumerate(flat)]}


def of_options(values: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a model as the core takes them, with a dict for a Dense.

    Raises
    ------
    TypeError
        If ``dense`` is neither a Dense nor a mapping.
    """
    dense = values.get("dense")
    if dense is None:
        return dict(values)
    if not isinstance(dense, Dense | Mapping):
        raise TypeError(
            "model: dense must be a ckn_rs.Dense or a dict such as "
            f'{{"weight_std": 1.4, "bias_std": 0.1}}, got {type(dense).__name__}'
        )
    return {**values, "dense": dense.to_dict() if isinstance(dense, Dense) else dict(dense)}


def of_json(text: str) -> dict[str, Any]:
    """The spec in a JSON file: an object with ``layers``, or the list of layers alone.

    Raises
    ------
    TypeError, ValueError
        If this is not JSON, or neither such an object nor a list of layers.
    """
    if len(text) > MOST_TEXT:
        raise ValueError(f"model: at most {MOST_TEXT} characters of JSON, got {len(text)}")
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("model: not a model: its JSON has lists within lists too deep") from None
    except ValueError as error:
        raise ValueError(f"model: not JSON: {error}") from None
    return _of_table(value) if isinstance(value, dict) else of_layers(value)


def of_toml(text: str) -> dict[str, Any]:
    """The spec in a TOML file.

    Raises
    ------
    TypeError, ValueError
        If this is not TOML, or has no layers.
    """
    return _of_table(_core.model_from_toml(text))


def is_toml(path: str | Path) -> bool:
    """Whether a model's file is TOML, by the end of its name; else it is JSON.

    Raises
    ------
    ValueError
        If the name has another ending.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in (".json", ".toml"):
        raise ValueError(f"model: the file name must end in .json or .toml, got {str(path)!r}")
    return suffix == ".toml"


def _of_table(table: Mapping[str, Any]) -> dict[str, Any]:
    if "layers" not in table:
        got = reprlib.repr(sorted(table))  # a key of a broken file may be a long text
        raise ValueError(f'model: there must be a key "layers", got {got}')
    return {**table, **of_layers(table["layers"])}


def _as_dict(index: int, layer: object) -> dict[str, Any]:
    if isinstance(layer, dict):  # the usual case, ten times as fast as the next two
        return layer
    if isinstance(layer, Layer):
        return layer.to_dict()
    if isinstance(layer, Mapping):
        return dict(layer)
    raise TypeError(f"model: layer {index} must be a dict or a Layer, got {type(layer).__name__}")
