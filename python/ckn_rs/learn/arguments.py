"""The arguments of ridge regression: they are checked here."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ckn_rs.learn.tiles import InMemory, SymmetricMatrix, blocks

OFFSET = 0.1
"""This is subtracted from one-hot targets."""

STRIP = 1024
"""Rows that are checked at once."""


def one_hot(labels: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.float64]:
    """The targets of labels, ``(n, classes)``: 0.9 for the class of a label, -0.1 for others."""
    return np.asarray((labels[:, None] == classes) - OFFSET)


def as_path(values: object, name: str) -> NDArray[np.float64]:
    """A path of regularisations, ``(k,)``.

    Raises
    ------
    ValueError
        If these are not one or more finite numbers above 0.
    """
    try:
        given: NDArray[Any] = np.asarray(values)
        path = given.astype(np.float64) if given.dtype.kind in "iufO" else np.empty(0)
    except (TypeError, ValueError):
        path = np.empty(0)
    if path.ndim != 1 or not path.size or not (np.isfinite(path) & (path > 0)).all():
        raise ValueError(f"{name} must be a sequence of finite numbers above 0, got {values!r}")
    return path


def as_matrix(K: ArrayLike | SymmetricMatrix) -> SymmetricMatrix:
    """The matrix; one in memory stays in its dtype if that is float32.

    Raises
    ------
    ValueError
        If it is not square, or has entries in memory that are not finite.
    """
    if isinstance(K, SymmetricMatrix):
        matrix = K
    else:
        values: NDArray[Any] = np.asarray(K)
        if values.dtype != np.float32:
            values = values.astype(np.float64, copy=False)
        if values.ndim != 2:
            raise ValueError(f"K must be a square matrix, got shape {values.shape}")
        matrix = InMemory(values)
    rows, columns = matrix.shape
    if rows != columns:
        raise ValueError(f"K must be a square matrix, got shape {matrix.shape}")
    if isinstance(matrix, InMemory):
        for part in blocks(rows, STRIP):
            if not np.isfinite(matrix.values[part]).all():
                raise ValueError("K has NaN or infinite entries")
    return matrix


def as_tolerance(value: float) -> float:
    """The relative residual to reach.

    Raises
    ------
    ValueError
        If it is not a number above 0 and below 1.
    """
    try:
        tolerance = float(value)
    except (TypeError, ValueError):
        tolerance = 0.0
    if not 0 < tolerance < 1:
        raise ValueError(f"tolerance must be a number above 0 and below 1, got {value!r}")
    return tolerance


def as_seed(value: int) -> int:
    """The seed of random choices.

    Raises
    ------
    ValueError
        If it is not a whole number of at least 0.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 0:
        raise ValueError(f"seed must be a whole number of at least 0, got {value!r}")
    return int(value)
