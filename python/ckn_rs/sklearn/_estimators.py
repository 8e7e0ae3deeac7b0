"""Estimators for scikit-learn: kernel ridge regression that chooses its regularisation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin, MultiOutputMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets

from ckn_rs._support.arrays import as_reals
from ckn_rs.learn import ridge
from ckn_rs.sklearn import _validation as validation
from ckn_rs.sklearn._leave_one_out import LeaveOneOut


class KernelRidgeCV(MultiOutputMixin, RegressorMixin, LeaveOneOut):  # type: ignore[misc]
    """Kernel ridge regression that chooses its regularisation by leave-one-out.

    The kernel matrix ``K`` of the training samples is decomposed once. Every ``alpha`` then gives
    the coefficients ``a = (K + alpha I)^-1 y``, and the exact predictions ``y_i - a_i / g_i`` for
    each sample by the fit to all others, with ``g`` the diagonal of ``(K + alpha I)^-1`` [1]_. The
    alpha with the least mean squared error of these is kept. There is no intercept.

    Parameters
    ----------
    kernel : kernel object, str or callable
        A kernel of :mod:`sklearn.gaussian_process.kernels`, such as ``ConvolutionalKernel`` or a
        sum with it. Or a name or a function of two samples, as
        :func:`sklearn.metrics.pairwise.pairwise_kernels` takes them. Or ``"precomputed"``: the
        samples are given as their kernels.
    alphas : array_like of shape (alphas,)
        Regularisations above 0, which are added to the diagonal of ``K``, as by
        :class:`sklearn.kernel_ridge.KernelRidge`. The default, ten powers of ten from 1e-8 to 10,
        suits kernels that are 1 on the diagonal, such as those normalised to it.
    kernel_params : dict, optional
        Keyword arguments of a kernel that is a name or a function.

    Attributes
    ----------
    alpha_ : float
        The alpha of the least left-out error; of several, the first.
    best_score_ : float
        Its left-out score.
    cv_results_ : dict of ndarray of shape (alphas,)
        ``alpha``, and the negative mean squared errors ``left_out_score`` and ``train_score`` (as
        :class:`sklearn.linear_model.RidgeCV` has scores), over samples and targets. The dict can be
        made a :class:`pandas.DataFrame`.
    dual_coef_ : ndarray of shape (n,) or (n, targets)
        The coefficients for ``alpha_``. Those of ``KernelRidge(alpha=alpha_)`` are the same.
    X_fit_ : ndarray of shape (n, ...) or None
        The training samples; None with a precomputed kernel, whose matrix is not kept.
    n_features_in_ : int
        ``X.shape[1]`` in ``fit``, as scikit-learn counts features: of images ``(n, h, w, c)`` it is
        ``h``.
    feature_names_in_ : ndarray of shape (features,)
        Names of features, if ``X`` had names.

    See Also
    --------
    KernelRidgeClassifierCV : The same for labels.
    ckn_rs.ridge.fit : The fits for all regularisations, without scikit-learn.

    Notes
    -----
    Samples may be images ``(n, h, w, c)`` if the kernel is a kernel object that takes them.

    With a precomputed kernel, ``X`` is a matrix ``(n, n)`` in ``fit`` and ``(m, n)`` in
    ``predict``, as in scikit-learn: a row for each sample to predict. ``X`` may be a store, too
    (:func:`ckn_rs.store.open_gram`). **The store for** ``predict`` **has the other orientation**,
    ``(n, m)``: it is the matrix of the training images with the new ones, as ``compute_gram(path,
    X_train, X_test, ...)`` writes it. If ``fit`` had a store, that one must have the same training
    images and the same kernel.

    ``fit`` takes no sample weights. A weight of 2 means two equal samples, but when one of them is
    left out, the other stays; leaving out a sample of weight 2 leaves out both.

    Memory is largest in the decomposition. It is that of five matrices ``(n, n)`` in float64:
    ``40 n^2`` bytes, or 10 GB for 16,000 samples. A precomputed matrix in float64 is one of the
    five; one in float32 comes on top. ``predict`` takes the matrix ``(m, n)`` of new samples.

    The kernel matrix must be positive semidefinite up to rounding. An eigenvalue slightly below 0
    counts as 0.

    References
    ----------
    .. [1] C. E. Rasmussen and C. K. I. Williams, *Gaussian Processes for Machine Learning*, 2006,
       section 5.4.2.

    Examples
    --------
    >>> import numpy as np
    >>> from ckn_rs.sklearn import KernelRidgeCV
    >>> X = np.linspace(0, 6, 40)[:, None]
    >>> model = KernelRidgeCV("rbf", kernel_params={"gamma": 0.5}).fit(X, np.sin(X[:, 0]))
    >>> bool(abs(model.predict([[1.0]])[0] - np.sin(1.0)) < 1e-4)
    True
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> KernelRidgeCV:
        """Fit to every alpha, and keep the one with the least left-out error.

        Parameters
        ----------
        X : array_like of shape (n, features), (n, h, w, c) or (n, n), or a store
            Two training samples or more; or their kernel matrix, if the kernel is precomputed.
        y : array_like of shape (n,) or (n, targets)
            Targets.

        Returns
        -------
        KernelRidgeCV
            The estimator itself.

        Raises
        ------
        TypeError, ValueError
            If a parameter is invalid, shapes do not fit, numbers are not finite, or the kernel
            matrix is not symmetric or clearly not positive semidefinite; or if ``X`` is a store
            that is not complete, or of two sets of images.
        """
        samples, y, manifest = validation.training_data(
            self, X, y, multi_output=True, y_numeric=True
        )
        targets = as_reals(y, "y").astype(np.float64)
        columns = targets.reshape(len(targets), -1)
        self._fit_path(samples, columns, lambda guess: -float(np.mean((columns - guess) ** 2)))
        self.dual_coef_, self._trained_on = self.dual_coef_.reshape(targets.shape), manifest
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Predict targets.

        Parameters
        ----------
        X : array_like of shape (m, features), (m, h, w, c) or (m, n), or a store of shape (n, m)
            Samples, or their kernels with the ``n`` training samples.

        Returns
        -------
        ndarray of shape (m,) or (m, targets)
            The predictions.

        Raises
        ------
        TypeError, ValueError
            If shapes do not fit, numbers are not finite, or ``X`` is a store that is not complete,
            or of other training images or another kernel.
        """
        return self._scores(X)


class KernelRidgeClassifierCV(ClassifierMixin, LeaveOneOut):  # type: ignore[misc]
    """Classification by kernel ridge regression, with leave-one-out to choose its regularisation.

    The targets are one-hot labels less 0.1, as those of :func:`ckn_rs.ridge.fit`. A sample gets the
    class with the largest prediction. Every ``alpha`` gives the exact predictions for each sample
    by the fit to all others, from one decomposition of the kernel matrix [1]_. The alpha with which
    most of these are right is kept; of several, the one with the least squared error.

    Parameters
    ----------
    kernel : kernel object, str or callable
        A kernel of :mod:`sklearn.gaussian_process.kernels`, such as ``ConvolutionalKernel`` or a
        sum with it. Or a name or a function of two samples, as
        :func:`sklearn.metrics.pairwise.pairwise_kernels` takes them. Or ``"precomputed"``: the
        samples are given as their kernels.
    alphas : array_like of shape (alphas,)
        Regularisations above 0, which are added to the diagonal of ``K``, as by
        :class:`sklearn.kernel_ridge.KernelRidge`. The default, ten powers of ten from 1e-8 to 10,
        suits kernels that are 1 on the diagonal, such as those normalised to it.
    kernel_params : dict, optional
        Keyword arguments of a kernel that is a name or a function.

    Attributes
    ----------
    alpha_ : float
        The alpha that is kept.
    best_score_ : float
        Its left-out accuracy.
    cv_results_ : dict of ndarray of shape (alphas,)
        ``alpha``, the accuracies ``left_out_score`` and ``train_score``, and
        ``left_out_squared_error``, the mean over samples and classes. The dict can be made a
        :class:`pandas.DataFrame`.
    classes_ : ndarray of shape (classes,)
        The classes, in order.
    dual_coef_ : ndarray of shape (n, classes)
        The coefficients for ``alpha_``, also of two classes.
    X_fit_ : ndarray of shape (n, ...) or None
        The training samples; None with a precomputed kernel, whose matrix is not kept.
    n_features_in_ : int
        ``X.shape[1]`` in ``fit``, as scikit-learn counts features: of images ``(n, h, w, c)`` it is
        ``h``.
    feature_names_in_ : ndarray of shape (features,)
        Names of features, if ``X`` had names.

    See Also
    --------
    KernelRidgeCV : The same for numbers; its notes say what ``X`` may be, that a store for
        ``predict`` has shape ``(n, m)``, how much memory a fit takes, and why there are no sample
        weights.
    ckn_rs.ridge.fit : The fits for all regularisations, without scikit-learn.

    References
    ----------
    .. [1] C. E. Rasmussen and C. K. I. Williams, *Gaussian Processes for Machine Learning*, 2006,
       section 5.4.2.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from ckn_rs import compute_kernel_matrix
    >>> from ckn_rs.sklearn import KernelRidgeClassifierCV
    >>> digits = load_digits()
    >>> X, y = digits.images[:300, :, :, None], digits.target[:300]
    >>> layers = [{"npatch": 3, "subsampling": 2, "kernel": "exp", "sigma": 0.6}]
    >>> K = compute_kernel_matrix(X[:200], model=layers, normalize=True)
    >>> model = KernelRidgeClassifierCV("precomputed").fit(K, y[:200])
    >>> K_new = compute_kernel_matrix(X[200:], X[:200], model=layers, normalize=True)
    >>> bool(model.score(K_new, y[200:]) > 0.9)
    True
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> KernelRidgeClassifierCV:
        """Fit to every alpha, and keep the one with the best left-out accuracy.

        Parameters
        ----------
        X : array_like of shape (n, features), (n, h, w, c) or (n, n), or a store
            Two training samples or more; or their kernel matrix, if the kernel is precomputed.
        y : array_like of shape (n,)
            A label for each, of two classes or more. Several labels for a sample are refused.

        Returns
        -------
        KernelRidgeClassifierCV
            The estimator itself.

        Raises
        ------
        TypeError, ValueError
            As for :meth:`KernelRidgeCV.fit`, and if all labels are of one class, or are continuous
            numbers.
        """
        samples, labels, manifest = validation.training_data(self, X, y)
        check_classification_targets(labels)
        names, codes = np.unique(labels, return_inverse=True)
        classes = np.arange(len(names))
        if len(classes) < 2:
            (only,) = names.tolist()
            raise ValueError(f"y must have labels of two classes or more; got one class, {only!r}")
        errors = self._fit_path(
            samples,
            ridge.one_hot(codes, classes),
            lambda guess: float(np.mean(guess.argmax(axis=1) == codes)),
        )
        self.classes_, self._trained_on = names, manifest
        self.cv_results_["left_out_squared_error"] = errors
        return self

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """The predictions of the targets.

        Parameters
        ----------
        X : array_like of shape (m, features), (m, h, w, c) or (m, n), or a store of shape (n, m)
            Samples, or their kernels with the ``n`` training samples.

        Returns
        -------
        ndarray of shape (m,) or (m, classes)
            A prediction for each class. For two classes it is the second less the first, so that
            the second class is predicted where it is above 0.

        Raises
        ------
        TypeError, ValueError
            As for :meth:`KernelRidgeCV.predict`.
        """
        scores = self._scores(X)
        return scores if len(self.classes_) > 2 else scores[:, 1] - scores[:, 0]

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Predict classes.

        Parameters
        ----------
        X : array_like of shape (m, features), (m, h, w, c) or (m, n), or a store of shape (n, m)
            Samples, or their kernels with the ``n`` training samples.

        Returns
        -------
        ndarray of shape (m,)
            A class for each sample; of equal predictions, the first.

        Raises
        ------
        TypeError, ValueError
            As for :meth:`KernelRidgeCV.predict`.
        """
        best = self._scores(X).argmax(axis=1)
        classes: NDArray[Any] = self.classes_[best]
        return classes
