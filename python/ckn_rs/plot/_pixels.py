"""Images as Matplotlib draws them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def as_picture(images: NDArray[Any], name: str) -> NDArray[Any]:
    """One image ``(h, w, c)``, or several of them, as grey pixels ``(h, w)`` or colours.

    Colours are bytes or numbers from 0 to 1. Others, such as those of whitened images, are brought
    into that range, from the least of all to the largest.

    Raises
    ------
    TypeError
        If the pixels are not real numbers.
    ValueError
        If the number of channels is neither 1 nor 3, or there is a NaN or an infinity.
    """
    if images.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, got dtype {images.dtype}")
    channels = images.shape[-1]
    if channels not in (1, 3):
        raise ValueError(f"{name} must have 1 channel or 3 to be drawn, got {channels}")
    if not np.isfinite(images).all():
        raise ValueError(f"{name} contains NaN or infinite values")
    if channels == 1:
        return images[..., 0]
    if images.dtype == np.uint8:
        return images
    low, high = float(images.min()), float(images.max())
    if low >= 0 and high <= 1:
        return images.astype(np.float64)
    return (images - low) / ((high - low) or 1.0)


def picture_style(pictures: NDArray[Any]) -> dict[str, Any]:
    """The arguments of ``imshow`` by which all these pictures have one scale of grey."""
    low, high = float(pictures.min()), float(pictures.max())
    return {"cmap": "gray", "vmin": low, "vmax": high, "interpolation": "nearest"}
