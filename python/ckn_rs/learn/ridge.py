"""Kernel ridge regression over a path of regularisations, from one factorisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

LAMBDAS = tuple(10.0**power for power in range(-8, 1))
OFFSET = 0.1
"""Targets are one-hot, less this."""


@dataclass(frozen=True)
class Ridge:
    """Predictions along the path.

    Parameters
    ----------
    lambdas : tuple of float
        Regularisations, as shares of the mean ``t`` of the diagonal of ``K``.
    added : ndarray of shape (lambdas,)
        What they add to the diagonal: ``lambda t``.
    labels : ndarray
        Of the columns of scores.
    coefficients : ndarray of shape (lambdas, n, labels)
        ``(K + lambda t I)^-1 Y``.
    fitted : ndarray of shape (lambdas, n)
        The label that each training image gets.
    left_out : ndarray of shape (lambdas, n)
        The one that it gets from a fit to all the others.
    """

    lambdas: tuple[float, ...]
    added: NDArray[np.float64]
    labels: NDArray[Any]
    coefficients: NDArray[np.float64]
    fitted: NDArray[Any]
    left_out: NDArray[Any]

    def predict(self, K: ArrayLike) -> NDArray[Any]:
        """Labels ``(lambdas, m)`` of images, from their kernels ``(n, m)`` with the training ones.

        Raises
        ------
        ValueError
            If the rows of ``K`` are not as many as the training images.
        """
        kernels = np.asarray(K, np.float64)
        n = self.coefficients.shape[1]
        if kernels.ndim != 2 or len(kernels) != n:
            raise ValueError(
                f"K must have {n} rows, one a training image, and a column an image to label; got "
                f"shape {kernels.shape}"
            )
        # One at a time: scores of all regularisations together may be large.
        return np.stack(
            [self.labels[(kernels.T @ each).argmax(axis=1)] for each in self.coefficients]
        )

    def accuracies(self, K: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
        """The share of labels ``y`` that are right, for each regularisation."""
        guesses, labels = self.predict(K), np.asarray(y)
        if labels.shape != guesses.shape[1:]:
            raise ValueError(
                f"y must have shape {guesses.shape[1:]}, a label a column of K, got {labels.shape}"
            )
        return np.asarray((guesses == labels).mean(axis=1))


def fit(K: ArrayLike, y: ArrayLike, lambdas: Sequence[float] = LAMBDAS) -> Ridge:
    """Fit kernel ridge regression to one-hot targets less 0.1, for all regularisations at once.

    ``K = V D V^T`` is decomposed once, in float64; then ``(K + r I)^-1 Y = V (D + r)^-1 V^T Y`` for
    every ``r = lambda t``, ``t`` the mean of the diagonal. With ``a`` these coefficients, scores of
    image ``i`` are ``Y_i - r a_i``, and those of a fit without it are ``Y_i - a_i / g_i``, ``g``
    the diagonal of ``(K + r I)^-1`` [1]_. It all takes four times the
    memory of ``K`` in float64, beside ``K``.

    Parameters
    ----------
    K : array_like of shape (n, n)
        The symmetric kernel matrix, finite.
    y : array_like of shape (n,)
        Labels, of two kinds or more.
    lambdas : sequence of float
        Regularisations above 0, as shares of the mean of the diagonal.

    Raises
    ------
    ValueError
        If shapes do not fit, numbers are not finite, or a regularisation is not above 0.

    References
    ----------
    .. [1] C. E. Rasmussen and C. K. I. Williams, *Gaussian Processes for Machine Learning*, 2006,
       section 5.4.2.

    Examples
    --------
    >>> import numpy as np
    >>> from ckn_rs import ridge
    >>> points, y = np.array([-2.0, -1.0, 1.0, 2.0]), np.array([0, 0, 1, 1])
    >>> K = np.exp(-((points[:, None] - points) ** 2))
    >>> ridge.fit(K, y, [1e-3]).accuracies(K, y)
    array([1.])
    """
    matrix, labels, path = _checked(K, y, lambdas)
    classes = np.unique(labels)
    targets = (labels[:, None] == classes) - OFFSET
    values, vectors = np.linalg.eigh(matrix)
    added = path * (np.trace(matrix) / len(matrix))
    del matrix
    projected, squares = vectors.T @ targets, vectors**2
    coefficients, fitted, left_out = [], [], []
    for each in added:
        inverse = 1 / (np.maximum(values, 0) + each)
        solved = vectors @ (inverse[:, None] * projected)
        coefficients.append(solved)
        fitted.append(classes[(targets - each * solved).argmax(axis=1)])
        without = targets - solved / (squares @ inverse)[:, None]
        left_out.append(classes[without.argmax(axis=1)])
    stacks = map(np.stack, (coefficients, fitted, left_out))
    return Ridge(tuple(path.tolist()), added, classes, *stacks)


def _checked(
    K: ArrayLike, y: ArrayLike, lambdas: Sequence[float]
) -> tuple[NDArray[np.float64], NDArray[Any], NDArray[np.float64]]:
    matrix, labels, path = np.asarray(K, np.float64), np.asarray(y), np.array(lambdas, np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"K must be a square matrix, got shape {matrix.shape}")
    if not np.isfinite(matrix).all():
        raise ValueError("K has NaN or infinite entries")
    if labels.shape != matrix.shape[:1]:
        raise ValueError(f"y must have shape ({len(matrix)},), a label a row, got {labels.shape}")
    if len(np.unique(labels)) < 2:
        raise ValueError("y must have two labels or more")
    if path.ndim != 1 or not path.size or not (np.isfinite(path) & (path > 0)).all():
        raise ValueError(f"lambdas must be finite numbers above 0, got {lambdas}")
    if np.trace(matrix) <= 0:
        raise ValueError("K must have a positive diagonal")
    return matrix, labels, path
