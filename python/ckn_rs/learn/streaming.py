"""Scores ``K^T a`` from a kernel matrix that is read a block at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

ENTRIES = 1 << 20
"""How many entries a block of the matrix has, unless a single chunk has more."""


def as_sliceable(K: Any, name: str, n: int) -> Any:
    """What has a shape of ``n`` rows and can be sliced; anything else is made an array.

    Raises
    ------
    TypeError
        If it does not hold real numbers.
    ValueError
        If it is no matrix, or has not a row for each of the ``n`` training images.
    """
    matrix = K if _is_array_like(K) else np.asarray(K)
    if len(matrix.shape) != 2 or matrix.shape[0] != n:
        raise ValueError(
            f"{name} must have {n} rows, one a training image, and a column an image to label; got "
            f"shape {tuple(matrix.shape)}"
        )
    if np.dtype(matrix.dtype).kind not in "iufbO":
        raise TypeError(f"{name} must hold real numbers, got dtype {matrix.dtype}")
    return matrix


def score_columns(
    K: Any, coefficients: NDArray[np.float64]
) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Scores of the images of some columns at a time, for several sets of coefficients.

    A block is read, converted to float64, and used for all coefficients. Blocks begin and end where
    the chunks of a matrix with an attribute ``chunks`` do, so that no chunk is read twice.

    Parameters
    ----------
    K : array_like of shape (n, m)
        A matrix that can be sliced.
    coefficients : ndarray of shape (k, n, t)
        Sets of coefficients.

    Yields
    ------
    columns : slice
        The columns.
    scores : ndarray of shape (k, columns, t)
        Their scores.

    Raises
    ------
    ValueError
        If ``K`` has NaN or infinite entries.
    """
    n, m = K.shape
    k, _, t = coefficients.shape
    rows, columns = _block_shape(getattr(K, "chunks", None), min(m, ENTRIES // (k * t)))
    for left in range(0, m, columns):
        chosen = slice(left, min(left + columns, m))
        scores = np.zeros((k, chosen.stop - left, t))
        for top in range(0, n, rows):
            part = slice(top, min(top + rows, n))
            with np.errstate(invalid="ignore", over="ignore"):  # an error below says it
                scores += np.asarray(K[part, chosen], np.float64).T @ coefficients[:, part]
        # A NaN or an infinity of the matrix is in all scores of its column, as it is or as NaN.
        if not np.isfinite(scores).all():
            raise ValueError(
                f"K has NaN or infinite entries in columns {left} to {chosen.stop - 1}"
            )
        yield chosen, scores


def _is_array_like(K: Any) -> bool:
    """Whether it has a shape, and a dtype that NumPy knows."""
    try:
        np.dtype(K.dtype)
    except (AttributeError, TypeError):
        return False
    return hasattr(K, "shape")


def _block_shape(chunks: Any, most_columns: int) -> tuple[int, int]:
    """Rows and columns of a block: whole chunks, wide rather than high, as rows lie in files."""
    high, wide = chunks if isinstance(chunks, tuple) and len(chunks) == 2 else (1, 1)
    high, wide = (each if isinstance(each, int) else 1 for each in (high, wide))
    columns = max(1, min(most_columns, ENTRIES // high) // wide) * wide
    return max(1, ENTRIES // (columns * high)) * high, columns
