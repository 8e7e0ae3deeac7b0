"""Samples and targets as scikit-learn checks them, in all versions that are supported."""

from __future__ import annotations

from typing import Any

import numpy as np

from ckn_rs.sklearn._pairwise import check_kernel, is_precomputed, takes_any_shape
from ckn_rs.store import Gram
from ckn_rs.store._manifest import Manifest

try:
    from sklearn.utils.validation import validate_data
except ImportError:  # before scikit-learn 1.6 it was a method

    def validate_data(estimator: Any, /, *data: Any, **checks: Any) -> Any:
        """Check samples and targets, and keep the number and the names of features."""
        return estimator._validate_data(*data, **checks)


def training_data(
    estimator: Any, X: Any, y: Any, **checks: Any
) -> tuple[Any, Any, Manifest | None]:
    """The samples and the targets of ``fit``, and the manifest of a store.

    Raises
    ------
    TypeError, ValueError
        If the estimator's kernel is none, if scikit-learn refuses the data, or if ``X`` is a store
        that is not complete, is of two sets of images, or is given for another kernel than
        ``"precomputed"``.
    """
    check_kernel(estimator.kernel, estimator.kernel_params)
    manifest = None
    if isinstance(X, Gram):
        _check_precomputed(estimator.kernel)
        if not X.manifest.symmetric:
            raise ValueError(
                "X must be the store of one set of images, the training images; this one is of two "
                "sets, such as predict takes"
            )
        manifest = X.manifest
        X = np.asarray(X, np.float64)
    # Leaving out the only sample would leave nothing.
    checks |= _shape_checks(estimator.kernel)
    X, y = validate_data(estimator, X, y, ensure_min_samples=2, **checks)
    return X, y, manifest


def samples(estimator: Any, X: Any) -> Any:
    """The samples of ``fit`` where there are no targets.

    Raises
    ------
    TypeError, ValueError
        If the estimator's kernel is none or is precomputed, or if scikit-learn refuses the samples.
    """
    check_kernel(estimator.kernel, estimator.kernel_params)
    if is_precomputed(estimator.kernel) or isinstance(X, Gram):
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
    if takes_any_shape(estimator.kernel_) and np.shape(X)[1:] != shape:
        raise ValueError(
            f"each sample of X must have shape {shape}, as in fit, got {np.shape(X)[1:]}"
        )
    return validate_data(estimator, X, reset=False, **_shape_checks(estimator.kernel_))


def new_data(estimator: Any, X: Any) -> Any:
    """The samples of ``predict``; a store with a row a sample, as scikit-learn has it.

    Raises
    ------
    TypeError, ValueError
        If scikit-learn refuses them, the shape of images is not that of ``fit``, or ``X`` is a
        store that is not complete, or has other training images or another kernel.
    """
    if isinstance(X, Gram):
        _check_precomputed(estimator.kernel_)
        if estimator._trained_on is not None:
            estimator._trained_on.check_same_training(X.manifest, "X")
        if len(X) != estimator.n_features_in_:
            raise ValueError(
                f"a store must have a row for each of the {estimator.n_features_in_} training "
                f"images, and a column for each image to predict; this one has shape {X.shape}"
            )
        X = np.asarray(X, np.float64).T
    trained = estimator.X_fit_
    return new_samples(estimator, X, () if trained is None else trained.shape[1:])


def _check_precomputed(kernel: object) -> None:
    if not is_precomputed(kernel):
        raise ValueError(
            "X is a store, which is a kernel matrix; for it, kernel must be 'precomputed', "
            f"got {kernel!r}"
        )


def _shape_checks(kernel: object) -> dict[str, Any]:
    """What scikit-learn must let pass; a kernel object checks its samples itself."""
    if not takes_any_shape(kernel):
        return {}
    return {"ensure_2d": False, "allow_nd": True, "dtype": None}
