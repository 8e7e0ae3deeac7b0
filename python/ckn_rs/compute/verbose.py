"""``verbose=True``: each layer's geometry, through :mod:`logging`."""

import logging
import sys
from collections.abc import Mapping
from typing import Any

from ckn_rs import _describe as describe
from ckn_rs.compute.augment import AnyPlan
from ckn_rs.model import DEFAULTS

logger = logging.getLogger("ckn_rs")


def report(plan: AnyPlan) -> None:
    """Log one INFO record a layer to the logger ``ckn_rs``.

    A last record names the model's options that are not the default. Without logging set up the
    records would be lost, where the original prints; the lines then go to stderr. No handler is
    attached and no level is changed, here or at import.
    """
    lines = [_line(index, layer) for index, layer in enumerate(plan.layers)]
    values = {key: plan.model.get(key) for key in DEFAULTS}
    unusual = {key: value for key, value in values.items() if value != DEFAULTS[key]}
    if options := describe.options(unusual):
        lines.append(f"model: {', '.join(options)}")
    for line in lines:
        if logger.hasHandlers():
            logger.info(line)
        else:
            print(line, file=sys.stderr)


def _line(index: int, resolved: Mapping[str, Any]) -> str:
    layer = describe.layer_of(resolved)
    before, after = (describe.size(resolved[key]) for key in ("input", "output"))
    patch = f"{describe.size(describe.lengths(layer.npatch))} patches"
    lengths = {"subsampling": layer.subsampling, "poolfactor": layer.poolfactor}
    window = [f"{name} {describe.by(length)}" for name, length in lengths.items()]
    parts = [
        _with(patch, [*describe.placement(layer), *describe.scales(layer)]),
        _with(f"{layer.kernel} kernel", describe.parameters(layer)),
        _with(
            f"{describe.pooling_names(layer)} pooling",
            window if describe.has_stride(layer) else [],
        ),
    ]
    return f"layer {index}: {before} -> {after}, {', '.join(parts)}"


def _with(text: str, details: list[str]) -> str:
    return f"{text} ({', '.join(details)})" if details else text
