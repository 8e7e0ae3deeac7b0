"""The training images of a fit, which files of fits do not hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ckn_rs._support.images import Images
from ckn_rs.compute.blocks import ROWS
from ckn_rs.learn.record import Record


def as_training(train: Any, shape: tuple[int, ...], dtype: str, sha256: str, name: str) -> Images:
    """The training images of a fit, after a check of their shape ``(n, h, w, c)`` and digest.

    Raises
    ------
    TypeError, ValueError
        If these are others. The message says what differs.
    """
    images = train if isinstance(train, Images) else Images(train, name)
    given = (len(images), *images.shape)
    if given != shape:
        raise ValueError(
            f"{name} must be the training images of the fit, of shape {shape}, got {given}"
        )
    if images.sha256(ROWS, np.dtype(dtype)) != sha256:
        raise ValueError(
            f"{name} must be the training images of the fit, in their order and with the same "
            "preprocessing; these have another digest"
        )
    return images


def find_training(record: Record, path: Path) -> Path:
    """The file of the training images of the record that ``path`` holds.

    Raises
    ------
    FileNotFoundError
        If it is at none of the places that are known.
    """
    places = [path.parent / place for place in record.train]
    for place in places:
        if place.exists():
            return place
    shape = "x".join(map(str, record.image_shape))
    known = f"they are not at {places[-1]}" if places else "it does not say where they are"
    raise FileNotFoundError(
        f"{path} needs its {len(record)} training images {shape}, and {known}: give them "
        "(--train IMAGES at the command line, train= in Python)"
    )
