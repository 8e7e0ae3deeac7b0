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
        Regularisations, as shares of the mean of the diagonal.
    labels : ndarray
        Of the columns of scores.
    coefficients : ndarray of shape (lambdas, n, labels)
        ``(K + lambda t I)^-1 Y`` with ``t`` the mean of the diagonal of ``K``.
    """

    lambdas: tuple[float, ...]
    labels: NDArray[Any]
    coefficients: NDArray[np.float64]

    def predict(self, K: ArrayLike) -> NDArray[Any]:
        """Labels ``(lambdas, m)`` of images with these kernels ``(n, m)`` with the training ones."""
        scores = np.asarray(K, np.float64).T @ self.coefficients
        return np.asarray(self.labels[scores.argmax(axis=-1)])

    def accuracies(self, K: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
        """The share of labels that are right, for each regularisation."""
        return np.asarray((self.predict(K) == np.asarray(y)).mean(axis=1))


def fit(K: ArrayLike, y: ArrayLike, lambdas: Sequence[float] = LAMBDAS) -> Ridge:
    """Fit kernel ridge regression to one-hot targets, for all regularisations at once.

    Parameters
    ----------
    K : array_like of shape (n, n)
        The kernel matrix; it is decomposed once, in float64.
    y : array_like of shape (n,)
        Labels.
    lambdas : sequence of float
        Regularisations above 0, as shares of the mean of the diagonal.

    Raises
    ------
    ValueError
        If shapes do not fit, or a regularisation is not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from ckn_rs import ridge
    >>> K, y = np.eye(4), np.array([0, 1, 0, 1])
    >>> ridge.fit(K, y, [1e-3]).accuracies(K, y)
    array([1.])
    """
    matrix, labels = np.array(K, np.float64), np.asarray(y)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"K must be a square matrix, got shape {matrix.shape}")
    if labels.shape != matrix.shape[:1]:
        raise ValueError(f"y must have shape ({len(matrix)},), a label a row, got {labels.shape}")
    if not len(lambdas) or min(lambdas) <= 0:
        raise ValueError(f"lambdas must be above 0, got {list(lambdas)}")
    classes = np.unique(labels)
    targets = (labels[:, None] == classes) - OFFSET
    scale = float(np.trace(matrix)) / len(matrix)
    values, vectors = np.linalg.eigh(matrix)
    projected = vectors.T @ targets
    coefficients = [
        vectors @ (projected / (np.maximum(values, 0) + each * scale)[:, None]) for each in lambdas
    ]
    return Ridge(tuple(map(float, lambdas)), classes, np.stack(coefficients))
