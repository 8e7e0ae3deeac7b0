"""Features from landmarks, for sets whose kernel matrix is too large."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    clone,
)
from sklearn.utils import check_random_state, gen_batches
from sklearn.utils.validation import check_is_fitted

from ckn_rs._support.options import as_count
from ckn_rs.learn.checks import negligible
from ckn_rs.sklearn import _pairwise as pairwise, _validation as validation

ENTRIES = 1 << 23
"""How many kernels are computed at once, so that a second matrix of this size is in memory."""


class Nystroem(
    ClassNamePrefixFeaturesOutMixin,  # type: ignore[misc]
    TransformerMixin,  # type: ignore[misc]
    BaseEstimator,  # type: ignore[misc]
):
    """Features whose inner products approximate a kernel, from landmarks among the samples.

    With ``K_mm`` the kernels of ``m`` landmarks with each other and ``V D V^T`` its
    eigendecomposition, the features of samples are ``F = K_nm V D^-1/2``, with ``K_nm`` their
    kernels with the landmarks. Then ``F F^T = K_nm K_mm^-1 K_mn``, the Nystroem approximation of
    the kernel matrix [1]_. It is exact for landmarks. A linear model on ``F`` takes time and memory
    that are proportional to the number of samples.

    :class:`sklearn.kernel_approximation.Nystroem` takes kernel objects, too. It decomposes ``K_mm``
    by a singular value decomposition in the precision of the kernel, and divides by the roots of
    eigenvalues down to 1e-12. In float32, eigenvalues below some 1e-7 are rounding errors, and so
    are such features. Here an eigendecomposition in float64 takes a third of the time, and
    eigenvalues of the size of the kernel's rounding error are left out. Kernels are computed and
    turned into features a block of samples at a time.

    Parameters
    ----------
    kernel : kernel object, str or callable
        A kernel of :mod:`sklearn.gaussian_process.kernels`, such as ``ConvolutionalKernel``. Or a
        name or a function of two samples, as :func:`sklearn.metrics.pairwise.pairwise_kernels`
        takes them.
    n_components : int
        The number of landmarks. With fewer samples all are landmarks, and the features are exact.
    random_state : int, RandomState or None
        Chooses the landmarks, at random and all different. Pass an int for the same ones each time.
    kernel_params : dict, optional
        Keyword arguments of a kernel that is a name or a function.

    Attributes
    ----------
    components_ : ndarray of shape (m, ...)
        The landmarks.
    component_indices_ : ndarray of shape (m,)
        Their indices in the training set.
    normalization_ : ndarray of shape (m, features), float64
        ``V D^-1/2``, for the eigenvalues above the rounding error.
    n_features_in_ : int
        ``X.shape[1]`` in ``fit``.
    feature_names_in_ : ndarray of shape (features,)
        Names of features, if ``X`` had names.

    References
    ----------
    .. [1] C. K. I. Williams and M. Seeger, "Using the Nystroem Method to Speed Up Kernel Machines",
       NIPS 2000.

    Examples
    --------
    >>> import numpy as np
    >>> from ckn_rs.sklearn import ConvolutionalKernel, Nystroem
    >>> X = np.random.default_rng(0).random((60, 8, 8, 1))
    >>> kernel = ConvolutionalKernel([{"npatch": 3, "subsampling": 2, "sigma": 0.6}])
    >>> F = Nystroem(kernel, n_components=60).fit_transform(X)
    >>> bool(np.allclose(F @ F.T, kernel(X)))
    True
    """

    def __init__(
        self,
        kernel: Any = "linear",
        *,
        n_components: int = 100,
        random_state: Any = None,
        kernel_params: Mapping[str, Any] | None = None,
    ) -> None:
        self.kernel = kernel
        self.n_components = n_components
        self.random_state = random_state
        self.kernel_params = kernel_params

    def fit(self, X: ArrayLike, y: object = None) -> Nystroem:  # noqa: ARG002
        """Choose landmarks and decompose their kernel matrix.

        Parameters
        ----------
        X : array_like of shape (n, features) or (n, h, w, c)
            The samples.
        y : object
            Not used.

        Returns
        -------
        Nystroem
            The transformer itself.

        Raises
        ------
        TypeError, ValueError
            If a parameter is invalid, samples are not finite numbers, or the kernel matrix is not
            positive semidefinite or is 0.
        """
        samples = validation.samples(self, X)
        wanted = as_count(self.n_components, "n_components")
        kernel, params = clone(self.kernel, safe=False), dict(self.kernel_params or {})
        shuffled = check_random_state(self.random_state).permutation(len(samples))
        landmarks = samples[shuffled[:wanted]]
        K = pairwise.kernels(kernel, params, landmarks, dtype=None)
        precision = float(np.finfo(K.dtype).eps)
        K = K.astype(np.float64, copy=False)
        pairwise.check_symmetric(K)
        values, vectors = np.linalg.eigh(K)
        pairwise.check_semidefinite(values, K)
        kept = values > negligible(len(K), precision, values[-1], np.diagonal(K).max())
        if not kept.any():
            raise ValueError("the kernels of the landmarks are 0; take other samples or a kernel")
        # All at the end: a fit that fails leaves the transformer as it was.
        self.kernel_, self._kernel_params = kernel, params
        self.component_indices_, self.components_ = shuffled[:wanted], landmarks
        self.normalization_ = vectors[:, kept] / np.sqrt(values[kept])
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.floating[Any]]:
        """Compute the features.

        Parameters
        ----------
        X : array_like of shape (n, features) or (n, h, w, c)
            Samples.

        Returns
        -------
        ndarray of shape (n, features)
            In the dtype of the kernel's matrices, float32 or float64. There is a feature for each
            landmark, less those that are left out.

        Raises
        ------
        TypeError, ValueError
            If the samples have another shape than those of ``fit``, or are not finite numbers.
        """
        check_is_fitted(self, "normalization_")
        samples = validation.new_samples(self, X, self.components_.shape[1:])
        features = None
        for rows in gen_batches(len(samples), max(1, ENTRIES // len(self.components_))):
            K = pairwise.kernels(
                self.kernel_, self._kernel_params, samples[rows], self.components_, dtype=None
            )
            if features is None:
                features = np.empty((len(samples), self._n_features_out), K.dtype)
            np.matmul(K, self.normalization_.astype(K.dtype), out=features[rows])
        assert features is not None, "scikit-learn refuses an empty set"
        return features

    @property
    def _n_features_out(self) -> int:
        """The number of features, as scikit-learn asks for it to name them."""
        return int(self.normalization_.shape[1])
