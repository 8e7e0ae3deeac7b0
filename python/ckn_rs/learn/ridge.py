"""Kernel ridge regression over a path of regularisations, from one factorisation.

:class:`Decomposition` solves for any targets. :func:`fit` takes labels; the estimators for
scikit-learn (:mod:`ckn_rs.sklearn`) take both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ckn_rs.learn.streaming import as_sliceable, score_columns

LAMBDAS = tuple(10.0**power for power in range(-8, 1))
"""The default regularisations."""

OFFSET = 0.1
"""This is subtracted from one-hot targets."""


@dataclass(frozen=True)
class Solution:
    """Kernel ridge regression with one regularisation ``r``, on targets ``Y`` of shape ``(n, t)``.

    Parameters
    ----------
    coefficients : ndarray of shape (n, t)
        ``a = (K + r I)^-1 Y``.
    fitted : ndarray of shape (n, t)
        The prediction for each training sample by the fit to all of them, ``Y - r a``.
    left_out : ndarray of shape (n, t)
        The prediction for it by the fit to all the others.
    """

    coefficients: NDArray[np.float64]
    fitted: NDArray[np.float64]
    left_out: NDArray[np.float64]


@dataclass(frozen=True)
class Decomposition:
    """A kernel matrix as ``V D V^T``; :meth:`of` decomposes it.

    Parameters
    ----------
    values : ndarray of shape (n,)
        ``D``, in ascending order.
    vectors : ndarray of shape (n, n)
        ``V``, an eigenvector a column.
    """

    values: NDArray[np.float64]
    vectors: NDArray[np.float64]

    @classmethod
    def of(cls, K: NDArray[np.float64]) -> Decomposition:
        """Decompose a symmetric matrix. It takes four times the memory of ``K`` beside it."""
        return cls(*np.linalg.eigh(K))

    def solve(self, Y: NDArray[np.float64], added: Iterable[float]) -> Iterator[Solution]:
        """Solve for each regularisation ``r`` above 0, which is added to the diagonal.

        ``(K + r I)^-1 = V (D + r)^-1 V^T``. An eigenvalue below 0 counts as 0: rounding made it.
        The prediction for a sample by the fit to all others is ``Y_i - a_i / g_i``, with ``g`` the
        diagonal of ``(K + r I)^-1``.

        Parameters
        ----------
        Y : ndarray of shape (n, t)
            Targets, a column each.
        added : iterable of float
            The regularisations.

        Yields
        ------
        Solution
            The fits, one for each regularisation.
        """
        projected, squares = self.vectors.T @ Y, self.vectors**2
        for each in added:
            inverse = 1 / (np.maximum(self.values, 0) + each)
            solved = self.vectors @ (inverse[:, None] * projected)
            left_out = Y - solved / (squares @ inverse)[:, None]
            yield Solution(solved, Y - each * solved, left_out)


@dataclass(frozen=True)
class Ridge:
    """Kernel ridge regressions, one for each regularisation of a path; :func:`fit` makes them.

    Parameters
    ----------
    lambdas : tuple of float
        Regularisations, as shares of the mean ``t`` of the diagonal of ``K``.
    added : ndarray of shape (lambdas,)
        The numbers added to the diagonal: ``lambda t``.
    labels : ndarray of shape (labels,)
        The label of each column of scores.
    coefficients : ndarray of shape (lambdas, n, labels)
        ``(K + lambda t I)^-1 Y``, with ``Y`` the targets.
    fitted : ndarray of shape (lambdas, n)
        The label that each training image gets from the fit to all of them.
    left_out : ndarray of shape (lambdas, n)
        The label that it gets from the fit to all the others.
    """

    lambdas: tuple[float, ...]
    added: NDArray[np.float64]
    labels: NDArray[Any]
    coefficients: NDArray[np.float64]
    fitted: NDArray[Any]
    left_out: NDArray[Any]

    def predict(self, K: ArrayLike) -> NDArray[Any]:
        """Predict the labels of images.

        Parameters
        ----------
        K : array_like of shape (n, m)
            The kernels of ``n`` training images with ``m`` images. What has a shape and a dtype,
            such as a memory map or a :class:`ckn_rs.store.Gram`, is read a block at a time.

        Returns
        -------
        ndarray of shape (lambdas, m)
            The labels, for each regularisation.

        Raises
        ------
        TypeError
            If ``K`` does not hold real numbers.
        ValueError
            If ``K`` has not a row for each training image, or has NaN or infinite entries.
        """
        kernels = as_sliceable(K, "K", self.coefficients.shape[1])
        guesses = np.empty((len(self.lambdas), kernels.shape[1]), self.labels.dtype)
        for columns, scores in score_columns(kernels, self.coefficients):
            guesses[:, columns] = self.labels[scores.argmax(axis=2)]
        return guesses

    def accuracies(self, K: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
        """The share of images that get their label, for each regularisation.

        Parameters
        ----------
        K : array_like of shape (n, m)
            As for :meth:`predict`.
        y : array_like of shape (m,)
            The labels of the images.

        Returns
        -------
        ndarray of shape (lambdas,), float64
            Accuracies between 0 and 1.

        Raises
        ------
        ValueError
            If the shapes do not fit, or there are no images.
        """
        kernels, labels = as_sliceable(K, "K", self.coefficients.shape[1]), np.asarray(y)
        if labels.shape != tuple(kernels.shape[1:]):
            raise ValueError(
                f"y must have shape ({kernels.shape[1]},), a label a column of K, got "
                f"{labels.shape}"
            )
        if not len(labels):
            raise ValueError("K must have a column or more: there is no accuracy of no images")
        return np.asarray((self.predict(kernels) == labels).mean(axis=1))


def fit(K: ArrayLike, y: ArrayLike, lambdas: Sequence[float] = LAMBDAS) -> Ridge:
    """Fit kernel ridge regression to one-hot targets less 0.1, for all regularisations at once.

    ``K = V D V^T`` is decomposed once, in float64. Then the coefficients are
    ``a = (K + r I)^-1 Y = V (D + r)^-1 V^T Y`` for every ``r = lambda t``, with ``t`` the mean of
    the diagonal and ``Y`` the targets. The scores of image ``i`` are ``Y_i - r a_i``. The scores
    that it gets from a fit to all other images are ``Y_i - a_i / g_i``, with ``g`` the diagonal of
    ``(K + r I)^-1`` [1]_. Beside ``K``, this takes four times the memory of ``K`` in float64, and
    five times if ``K`` has another dtype.

    Parameters
    ----------
    K : array_like of shape (n, n)
        The symmetric kernel matrix of the training images, with finite entries.
    y : array_like of shape (n,)
        Their labels, at least two different ones.
    lambdas : sequence of float
        Regularisations above 0, as shares of the mean of the diagonal.

    Returns
    -------
    Ridge
        The fits, one for each regularisation.

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
    decomposition = Decomposition.of(matrix)
    added = path * (np.trace(matrix) / len(matrix))
    del matrix
    coefficients, fitted, left_out = [], [], []
    for solution in decomposition.solve(one_hot(labels, classes), added):
        coefficients.append(solution.coefficients)
        fitted.append(classes[solution.fitted.argmax(axis=1)])
        left_out.append(classes[solution.left_out.argmax(axis=1)])
    stacks = map(np.stack, (coefficients, fitted, left_out))
    return Ridge(tuple(path.tolist()), added, classes, *stacks)


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


def _checked(
    K: ArrayLike, y: ArrayLike, lambdas: Sequence[float]
) -> tuple[NDArray[np.float64], NDArray[Any], NDArray[np.float64]]:
    matrix, labels = np.asarray(K, np.float64), np.asarray(y)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"K must be a square matrix, got shape {matrix.shape}")
    if not np.isfinite(matrix).all():
        raise ValueError("K has NaN or infinite entries")
    if labels.shape != matrix.shape[:1]:
        raise ValueError(f"y must have shape ({len(matrix)},), a label a row, got {labels.shape}")
    if len(np.unique(labels)) < 2:
        raise ValueError("y must have two labels or more")
    path = as_path(lambdas, "lambdas")
    if np.trace(matrix) <= 0:
        raise ValueError("K must have a positive diagonal")
    return matrix, labels, path
