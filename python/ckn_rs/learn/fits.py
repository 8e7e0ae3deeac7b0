"""The result of kernel ridge regression: fits along a path of regularisations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ckn_rs.learn.streaming import as_sliceable, score_columns


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
        ``(K + lambda t I)^-1 Y``, with ``Y`` the targets. Those of images that were held out are 0.
    fitted : ndarray of shape (lambdas, n)
        The label that each training image gets from this fit, also if it was held out.
    left_out : ndarray of shape (lambdas, n), or None
        The label that it gets from the fit to all the others. Only the solver ``eigh`` has them,
        and only if no image was held out.
    solver : {'eigh', 'cholesky', 'cg'}
        The solver that made the fits.
    residuals : ndarray of shape (lambdas,)
        The largest relative residual ``|Y - (K + lambda t I) a| / |Y|`` among the labels.
    converged : ndarray of bool of shape (lambdas,)
        Whether that is within the tolerance.
    passes : int
        How often ``cg`` went through the matrix, after its preconditioner was made; else 0.
    held : ndarray of int of shape (h,)
        The numbers of the images that were held out.
    held_out : ndarray of shape (lambdas, h)
        The labels that they get.
    precision : {'float64', 'float32'} or None
        The dtype of the factors of ``cholesky``; None for other solvers.
    """

    lambdas: tuple[float, ...]
    added: NDArray[np.float64]
    labels: NDArray[Any]
    coefficients: NDArray[np.float64]
    fitted: NDArray[Any]
    left_out: NDArray[Any] | None
    solver: str
    residuals: NDArray[np.float64]
    converged: NDArray[np.bool_]
    passes: int
    held: NDArray[np.intp]
    held_out: NDArray[Any]
    precision: str | None = None

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

    def validation(self, y: ArrayLike) -> NDArray[np.float64] | None:
        """The accuracies by which to choose a regularisation.

        Parameters
        ----------
        y : array_like of shape (n,)
            The labels of the training images.

        Returns
        -------
        ndarray of shape (lambdas,), float64, or None
            The share of the images that were held out that get their label; if there are none, the
            share of all images, each by the fit without it; None if there are neither.

        Raises
        ------
        ValueError
            If there is not a label for each training image.
        """
        labels = np.asarray(y)
        if labels.shape != self.fitted.shape[1:]:
            raise ValueError(
                f"y must have shape {self.fitted.shape[1:]}, a label a training image, got "
                f"{labels.shape}"
            )
        if len(self.held):
            return np.asarray((self.held_out == labels[self.held]).mean(axis=1))
        if self.left_out is None:
            return None
        return np.asarray((self.left_out == labels).mean(axis=1))
