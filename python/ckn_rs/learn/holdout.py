"""Images that are held out of a fit, to validate it."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ckn_rs.learn.tiles import Indices


def hold_out(y: NDArray[Any], share: float, seed: int) -> tuple[Indices, Indices]:
    """Divide images at random, so that the share of each label is held out.

    Parameters
    ----------
    y : ndarray of shape (n,)
        The labels.
    share : float
        The share to hold out, at least 0 and below 1. At least one image of each label is kept.
    seed : int
        The seed of the random choice.

    Returns
    -------
    kept, held : ndarray of int
        The numbers of the images, in ascending order.

    Raises
    ------
    ValueError
        If the share is another number, or so small that no image is held out.
    """
    if not isinstance(share, Real) or isinstance(share, bool) or not 0 <= share < 1:
        raise ValueError(f"holdout must be a share of at least 0 and below 1, got {share!r}")
    out = np.zeros(len(y), np.bool_)
    rng = np.random.default_rng(seed)
    for label in np.unique(y):
        members = rng.permutation(np.flatnonzero(y == label))
        out[members[: min(round(share * len(members)), len(members) - 1)]] = True
    if share and not out.any():
        raise ValueError(f"holdout={share} holds no image out, since no label has so many images")
    return np.flatnonzero(~out), np.flatnonzero(out)
