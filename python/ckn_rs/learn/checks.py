"""Arguments of Gaussian processes, and variances among results: both are checked here.

Entries of a matrix are as exact as its dtype is. The kernel of an image with itself is less exact:
an NTK takes an arc-cosine at 1, whose error is the square root of the rounding error. So this
root, ``1.5e-8`` in float64 and ``3.5e-4`` in float32, is the tolerance of every check.
"""

from __future__ import annotations

import math
from textwrap import shorten
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ckn_rs._support.arrays import as_reals

Doubles = NDArray[np.float64]

ROWS = 512
"""How many rows of a matrix are compared at once."""

EPSILON = float(np.finfo(np.float64).eps)
"""The rounding error of float64, in which all is computed."""


def as_gram(K: ArrayLike, name: str) -> tuple[Doubles, float]:
    """The kernel matrix of the training images in float64, and the rounding error of its dtype.

    Raises
    ------
    TypeError, ValueError
        If it is not a square matrix of finite numbers, symmetric and positive semidefinite up to
        the tolerance.
    """
    matrix, epsilon = _as_finite(K, name)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.size:
        raise ValueError(f"{name} must be a square matrix, got shape {matrix.shape}")
    _check_symmetric(matrix, epsilon, name)
    tolerance = math.sqrt(epsilon) * float(np.abs(matrix).max())
    try:
        if tolerance:
            np.linalg.cholesky(with_added(matrix, tolerance))
    except np.linalg.LinAlgError:
        raise ValueError(
            f"{name} must be positive semidefinite, but has an eigenvalue below {-tolerance:.1e}; "
            "a matrix computed in float32 is allowed more if it is passed in float32"
        ) from None
    return matrix, epsilon


def as_block(K: ArrayLike, name: str, n: int) -> tuple[Doubles, float]:
    """The kernels of ``n`` training images with test images in float64, and their rounding error.

    Raises
    ------
    TypeError, ValueError
        If they are not finite numbers of shape ``(n, m)``.
    """
    block, epsilon = _as_finite(K, name)
    if block.ndim != 2 or len(block) != n:
        raise ValueError(
            f"{name} must have shape ({n}, m), a row a training image and a column a test image; "
            f"got {block.shape}"
        )
    return block, epsilon


def as_prior(K: ArrayLike, name: str, m: int) -> tuple[Doubles, float]:
    """The kernels of ``m`` test images in float64, diagonal or matrix, and their rounding error.

    Raises
    ------
    TypeError, ValueError
        If they are not finite numbers of shape ``(m,)`` or ``(m, m)``, or not symmetric.
    """
    prior, epsilon = _as_finite(K, name)
    if prior.shape not in ((m,), (m, m)):
        raise ValueError(
            f"{name} must have shape ({m},), the kernel of each test image with itself, or "
            f"({m}, {m}); got {prior.shape}"
        )
    if prior.ndim == 2:
        _check_symmetric(prior, epsilon, name)
    return prior, epsilon


def as_targets(y: ArrayLike, n: int) -> Doubles:
    """Targets in float64, of shape ``(n,)`` or ``(n, targets)``.

    Raises
    ------
    TypeError, ValueError
        If they are not finite numbers of such a shape.
    """
    hint = "; encode labels as one-hot columns, such as (y[:, None] == np.unique(y)) - 0.1"
    targets, _ = _as_finite(y, "y", hint)
    if targets.ndim not in (1, 2) or len(targets) != n or not targets.size:
        raise ValueError(
            f"y must have shape ({n},) or ({n}, targets), a row a training image; got "
            f"{targets.shape}"
        )
    return targets


def as_noise(noise: float) -> float:
    """The noise, a finite number of at least 0.

    Raises
    ------
    TypeError, ValueError
        If it is anything else.
    """
    value = as_reals(noise, "noise")
    if value.ndim or not np.isfinite(value) or value < 0:
        raise ValueError(
            f"noise must be one finite number of at least 0, got {shorten(repr(noise), 80)}"
        )
    return float(value)


def as_times(t: ArrayLike) -> Doubles:
    """Times of at least 0, which may be infinite.

    Raises
    ------
    TypeError, ValueError
        If they are anything else.
    """
    times = as_reals(t, "t").astype(np.float64)
    if not times.size or not (times >= 0).all():
        given = shorten(repr(t), 80)
        raise ValueError(f"t must be one time or several, each at least 0 or infinite; got {given}")
    return times


def with_added(matrix: Doubles, added: float) -> Doubles:
    """A copy of the matrix with a number added to its diagonal."""
    result = matrix.copy()
    np.einsum("ii->i", result)[:] += added
    return result


def negligible(n: int, epsilon: float, largest: float, scale: float) -> float:
    """What rounding makes of an eigenvalue 0: about so much.

    The decomposition of an ``n x n`` matrix with the ``largest`` eigenvalue has the first error.
    Rounding of its entries, of the size ``scale``, has the second.
    """
    return max(n * EPSILON * largest, math.sqrt(n) * epsilon * scale)


def as_covariance(prior: Doubles, change: Doubles, epsilon: float, name: str) -> Doubles:
    """The covariance ``prior + change``, or variances, without negative variances.

    Parameters
    ----------
    prior, change : ndarray of shape (m,) or (m, m)
        ``change`` is overwritten.
    epsilon : float
        The rounding error of the matrices.
    name : str
        The argument that ``prior`` was.

    Raises
    ------
    ValueError
        If a variance is more negative than rounding makes it.
    """
    change += prior
    # A view, also of variances alone: what is written there is written to the result.
    variances = change if change.ndim == 1 else np.einsum("ii->i", change)
    before = prior if prior.ndim == 1 else prior.diagonal()
    below = variances < -math.sqrt(epsilon) * np.abs(before)
    if below.any():
        worst = int(variances.argmin())
        raise ValueError(
            f"{name} does not fit the other kernels: test image {worst} would get the variance "
            f"{variances[worst]:.2g}; all must be values of one kernel, and for a matrix that is "
            "nearly singular noise must not be too small"
        )
    np.maximum(variances, 0, out=variances)
    return change


def _as_finite(values: ArrayLike, name: str, hint: str = "") -> tuple[Doubles, float]:
    array: NDArray[Any] = as_reals(values, name, hint)
    single = array.dtype.kind == "f" and array.dtype.itemsize < np.dtype(np.float64).itemsize
    epsilon = float(np.finfo(array.dtype).eps) if single else EPSILON
    numbers = np.asarray(array, np.float64)
    if not np.isfinite(numbers).all():
        raise ValueError(f"{name} has NaN or infinite entries")
    return numbers, epsilon


def asymmetry(matrix: Doubles) -> tuple[float, int, int]:
    """The largest difference of a square matrix and its transpose, and where it is.

    The rows are compared a few at a time, so that no second matrix is in memory.
    """
    worst = (0.0, 0, 0)
    for first in range(0, len(matrix), ROWS):
        rows = slice(first, first + ROWS)
        difference = np.abs(matrix[rows] - matrix[:, rows].T)
        i, j = np.unravel_index(difference.argmax(), difference.shape)
        worst = max(worst, (float(difference[i, j]), first + int(i), int(j)))
    return worst


def _check_symmetric(matrix: Doubles, epsilon: float, name: str) -> None:
    difference, i, j = asymmetry(matrix)
    if difference > math.sqrt(epsilon) * np.abs(matrix).max(initial=0):
        i, j = sorted((i, j))
        raise ValueError(
            f"{name} must be symmetric to {math.sqrt(epsilon):.1e} of its largest entry, but "
            f"[{i}, {j}] is {matrix[i, j]:.6g} and [{j}, {i}] is {matrix[j, i]:.6g}"
        )
