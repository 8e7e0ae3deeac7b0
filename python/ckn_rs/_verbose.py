"""``verbose=True``: each layer's geometry, through :mod:`logging`."""

import logging
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from ckn_rs import _describe

logger = logging.getLogger("ckn_rs")


def report(words: Mapping[str, Any], geometry: Sequence[Mapping[str, Any]]) -> None:
    """Log one INFO record a layer, under the name ``ckn_rs``.

    One more tells of a convention and a readout that are not the usual ones. The original prints;
    so where no logging is set up, which would drop the records, the lines go to stderr. No handler
    is attached and no level is changed, now or at import.
    """
    lines = [_line(index, layer) for index, layer in enumerate(geometry)]
    if options := _describe.options(words):
        lines.append(f"model: {', '.join(options)}")
    for line in lines:
        if logger.hasHandlers():
            logger.info(line)
        else:
            print(line, file=sys.stderr)


def _line(index: int, resolved: Mapping[str, Any]) -> str:
    layer = _describe.layer_of(resolved)
    before, after = (_describe.size(resolved[key]) for key in ("input", "output"))
    patch = f"{_describe.size(_describe.sides(layer.npatch))} patches"
    lengths = {"subsampling": layer.subsampling, "poolfactor": layer.poolfactor}
    window = [f"{name} {_describe.by(length)}" for name, length in lengths.items()]
    parts = [
        _with(patch, _describe.placement(layer)),
        _with(f"{layer.kernel} kernel", _describe.parameters(layer)),
        _with(
            f"{_describe.pooling_names(layer)} pooling",
            window if _describe.has_stride(layer) else [],
        ),
    ]
    return f"layer {index}: {before} -> {after}, {', '.join(parts)}"


def _with(words: str, details: list[str]) -> str:
    return f"{words} ({', '.join(details)})" if details else words
