"""Samples and targets as scikit-learn checks them, in all versions that are supported."""

from __future__ import annotations

from typing import Any

import numpy as np

from ckn_rs.sklearn._pairwise import check_kernel, is_precomputed, is_store, takes_any_shape

try:
    from sklearn.utils.validation import validate_data
except ImportError:  # before scikit-learn 1.6 it was a method

    def validate_data(estimator: Any, /, *data: Any, **checks: Any) -> Any:
        """Check samples and targets, and keep the number and the names of features."""
        return estimator._validate_data(*data, **checks)


def training_data(estimator: Any, X: Any, y: Any, **checks: Any) -> tuple[Any, Any]:
    """The samples and the targets of ``fit``.

    Raises
    ------
    TypeError, ValueError
        If the estimator's kernel is none, if scikit-learn refuses the data, or if ``X`` is a store
        that is not complete, is of two sets of images, or is given for another kernel than
        ``"precomputed"``.
    """
    check_kernel(estimator.kernel, estimator.kernel_params)
    estimator._trained_on = None
    if is_store(X):
        _check_precomputed(estimator)
        if not X.manifest.symmetric:
            raise ValueError(
                "X must be the store of one set of images, the training images; this one is of two "
                "sets, such as predict takes"
            )
        # A dict, since the manifest's own class cannot be unpickled where there is no Zarr.
        estimator._trained_on = X.manifest.to_dict()
        X = np.asarray(X, np.float64)
    # Leaving out the only sample would leave nothing.
    checks |= _shape_checks(estimator.kernel)
    X, y = validate_data(estimator, X, y, ensure_min_samples=2, **checks)
    return X, y


def samples(estimator: Any, X: Any) -> Any:
    """The samples of ``fit`` where there are no targets.

    Raises
    ------
    TypeError, ValueError
        If the estimator's kernel is none or is precomputed, or if scikit-learn refuses the samples.
    """
    check_kernel(estimator.kernel, estimator.kernel_params)
    if is_precomputed(estimator.kernel) or is_store(X):
        raise ValueError(
            "landmarks are chosen among samples, whose kernels are computed then; X must hold the "
            "samples, and kernel be a kernel object, a name or a function"
        )
    return validate_data(estimator, X, **_shape_checks(estimator.kernel))


def new_samples(estimator: Any, X: Any, shape: tuple[int, ...]) -> Any:
    """Samples of the ``shape`` of those in ``fit``.

    Raises
    ------
    TypeError, ValueError
        If scikit-learn refuses them, or they have another shape.
    """
    if takes_any_shape(estimator.kernel) and np.shape(X)[1:] != shape:
        raise ValueError(
            f"each sample of X must have shape {shape}, as in fit, got {np.shape(X)[1:]}"
        )
    return validate_data(estimator, X, reset=False, **_shape_checks(estimator.kernel))


def new_data(estimator: Any, X: Any) -> Any:
    """The samples of ``predict``; a store with a row a sample, as scikit-learn has it.

    Raises
    ------
    TypeError, ValueError
        If scikit-learn refuses them, the shape of images is not that of ``fit``, or ``X`` is a
        store that is not complete, or has other training images or another kernel.
    """
    if is_store(X):
        _check_precomputed(estimator)
        if estimator._trained_on is not None:
            trained_on = type(X.manifest).from_dict(estimator._trained_on)
            trained_on.check_same_training(X.manifest, "X")
        if len(X) != estimator.n_features_in_:
            raise ValueError(
                f"a store must have a row for each of the {estimator.n_features_in_} training "
                f"images, and a column for each image to predict; this one has shape {X.shape}"
            )
        X = np.asarray(X, np.float64).T
    trained = estimator.X_fit_
    return new_samples(estimator, X, () if trained is None else trained.shape[1:])


def _check_precomputed(estimator: Any) -> None:
    if not is_precomputed(estimator.kernel):
        raise ValueError(
            "X is a store, which is a kernel matrix; for it, kernel must be 'precomputed', "
            f"got {estimator.kernel!r}"
        )


def _shape_checks(kernel: object) -> dict[str, Any]:
    """What scikit-learn must let pass; a kernel object checks its samples itself."""
    if not takes_any_shape(kernel):
        return {}
    return {"ensure_2d": False, "allow_nd": True, "dtype": None}
