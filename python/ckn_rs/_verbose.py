"""``verbose=True``: each layer's geometry, through :mod:`logging`."""

import logging
import sys
from collections.abc import Mapping, Sequence
from typing import Any

logger = logging.getLogger("ckn_rs")


def report(geometry: Sequence[Mapping[str, Any]]) -> None:
    """Log one INFO record a layer, under the name ``ckn_rs``.

    The original prints; so where no logging is set up, which would drop the records, the lines
    go to stderr. No handler is attached and no level is changed, now or at import.
    """
    for index, layer in enumerate(geometry):
        line = _line(index, layer)
        if logger.hasHandlers():
            logger.info(line)
        else:
            print(line, file=sys.stderr)


def _line(index: int, layer: Mapping[str, Any]) -> str:
    (h, w), (oh, ow) = layer["input"], layer["output"]
    return (
        f"layer {index}: {h}x{w} -> {oh}x{ow}, {layer['npatch']}x{layer['npatch']} patches, "
        f"{layer['kernel']} kernel (sigma {layer['sigma']:g}), {layer['pooling']} pooling "
        f"(subsampling {layer['subsampling']}, poolfactor {layer['poolfactor']})"
    )
