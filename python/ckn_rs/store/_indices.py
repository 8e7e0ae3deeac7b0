"""The rows and columns of a matrix that an index selects."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def positions(key: Any, shape: tuple[int, int]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The rows and the columns of ``matrix[key]``. An index that is an integer gives a 0-d array.

    Raises
    ------
    IndexError
        If there are no such rows or columns. Also for two arrays that are not as ``numpy.ix_``
        makes them, since NumPy would take pairs of their entries.
    """
    rows, columns = _both(key)
    if np.ndim(rows) == 2 and np.ndim(columns) == 2:
        rows, columns = np.asarray(rows), np.asarray(columns)
        if rows.shape[1] != 1 or columns.shape[0] != 1:
            raise IndexError("arrays of two axes must be those of numpy.ix_")
        rows, columns = rows[:, 0], columns[0]
    elif np.ndim(rows) and np.ndim(columns):
        raise IndexError("for a block of these rows and columns use K[numpy.ix_(rows, columns)]")
    return _pick(rows, shape[0]), _pick(columns, shape[1])


def _both(key: Any) -> tuple[Any, Any]:
    indices = key if isinstance(key, tuple) else (key,)
    if len(indices) > 2:
        raise IndexError(f"a matrix has 2 axes, got {len(indices)} indices")
    rows, columns = indices + (slice(None),) * (2 - len(indices))
    return rows, columns


def _pick(index: Any, n: int) -> NDArray[np.intp]:
    picked = np.arange(n)[index]
    if np.ndim(picked) > 1:
        raise IndexError("an index has one axis at most")
    return np.asarray(picked, np.intp)
