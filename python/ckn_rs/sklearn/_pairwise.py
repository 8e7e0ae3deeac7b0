"""Kernel matrices of samples, for the estimators: computed, given by the caller, or in a store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from sklearn.gaussian_process.kernels import Kernel
from sklearn.metrics.pairwise import PAIRWISE_KERNEL_FUNCTIONS, pairwise_kernels
from sklearn.utils import assert_all_finite

from ckn_rs.learn.checks import asymmetry

PRECOMPUTED = "precomputed"

ASYMMETRY = 1e-5
"""The largest difference of ``K`` and its transpose, as a share of the largest diagonal entry.

That of float32 kernels computed in blocks is some 1e-6 or less.
"""

NEGATIVITY = 1e-3
"""An eigenvalue may be this far below 0, as a share of the largest diagonal entry.

The diagonal of an NTK in float32 holds to 3e-4 only, so that its eigenvalues do, too.
"""


def check_kernel(kernel: object, params: object) -> None:
    """Raise an error unless an estimator can use this kernel with these parameters.

    Raises
    ------
    TypeError
        If the kernel is none, or the parameters are no dict.
    ValueError
        If the kernel has an unknown name, or takes no parameters.
    """
    if isinstance(kernel, type) or not (isinstance(kernel, str) or callable(kernel)):
        raise TypeError(
            "kernel must be a kernel object, a name, a function of two samples, or 'precomputed', "
            f"got {kernel!r}"
        )
    names = sorted(PAIRWISE_KERNEL_FUNCTIONS)
    if isinstance(kernel, str) and kernel not in (*names, PRECOMPUTED):
        raise ValueError(
            f"kernel must be one of {', '.join(names)} and {PRECOMPUTED}, got {kernel!r}"
        )
    if params is not None and not isinstance(params, Mapping):
        raise TypeError(f"kernel_params must be a dict or None, got {params!r}")
    if params and (isinstance(kernel, Kernel) or is_precomputed(kernel)):
        raise ValueError(
            "kernel_params are for kernels that are names or functions; a kernel object has its "
            "own parameters, and a precomputed matrix has none"
        )


def is_precomputed(kernel: object) -> bool:
    """Whether samples are given as their kernels."""
    return isinstance(kernel, str) and kernel == PRECOMPUTED


def takes_any_shape(kernel: object) -> bool:
    """Whether the kernel takes samples of any shape, and not only vectors."""
    return isinstance(kernel, Kernel) and not kernel.requires_vector_input


def kernels(
    kernel: Any,
    params: Mapping[str, Any] | None,
    X: NDArray[Any],
    Y: NDArray[Any] | None = None,
    dtype: DTypeLike | None = np.float64,
) -> NDArray[Any]:
    """The kernels of samples with others ``(n, m)``; without others, with themselves.

    Of a precomputed kernel, ``X`` is the matrix. It is not copied if it has the ``dtype``, or if
    that is None.

    Raises
    ------
    ValueError
        If the kernel gives no matrix of this shape, or one with a NaN or an infinity.
    """
    if is_precomputed(kernel):
        values: Any = X
    elif isinstance(kernel, Kernel):
        values = kernel(X) if Y is None else kernel(X, Y)
    else:
        values = pairwise_kernels(X, Y, metric=kernel, **(params or {}))
    K: NDArray[Any] = np.asarray(values, dtype)
    shape = K.shape if is_precomputed(kernel) else (len(X), len(X if Y is None else Y))
    if K.shape != shape:
        raise ValueError(f"kernel must give a matrix of shape {shape}, got {K.shape}")
    assert_all_finite(K, input_name="kernel matrix")
    return K


def check_symmetric(K: NDArray[np.float64]) -> None:
    """Raise a ValueError unless the matrix is square, symmetric, and without negative diagonal."""
    if K.ndim != 2 or K.shape[0] != K.shape[1]:
        raise ValueError(
            f"X must be a square matrix, the kernels of the training samples, got shape {K.shape}"
        )
    diagonal = np.diagonal(K)
    largest, i = np.abs(diagonal).max(), int(diagonal.argmin())
    if diagonal[i] < -NEGATIVITY * largest:
        raise ValueError(
            f"the kernel of a sample with itself must be at least 0, K[{i}, {i}] is {diagonal[i]:g}"
        )
    difference, i, j = asymmetry(K)
    if difference > ASYMMETRY * largest:
        raise ValueError(
            "the kernel matrix of the training samples must be symmetric; entries "
            f"K[{i}, {j}] and K[{j}, {i}] differ by {difference:g}, the largest diagonal entry is "
            f"{largest:g}"
        )


def check_semidefinite(values: NDArray[np.float64], K: NDArray[np.float64]) -> None:
    """Raise a ValueError if an eigenvalue of ``K`` is farther below 0 than by rounding."""
    largest = np.diagonal(K).max()
    if values[0] < -NEGATIVITY * largest:
        raise ValueError(
            "the kernel matrix of the training samples must be positive semidefinite; its least "
            f"eigenvalue is {values[0]:g}, its largest diagonal entry {largest:g}"
        )
