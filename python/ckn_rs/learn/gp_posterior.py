"""The posterior of a Gaussian process whose covariance is a kernel matrix."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ckn_rs.learn.checks import (
    Doubles,
    as_block,
    as_covariance,
    as_gram,
    as_noise,
    as_prior,
    as_targets,
    negligible,
    with_added,
)


class Posterior(NamedTuple):
    """What a Gaussian process predicts; :func:`posterior` computes it.

    Parameters
    ----------
    mean : ndarray of shape (m,) or (m, targets), float64
        The mean for each test image.
    covariance : ndarray of shape (m,) or (m, m), float64
        The variance for each test image, or the covariance between test images. It is the same for
        all targets, and without the noise of a new observation.
    log_marginal_likelihood : ndarray of shape () or (targets,), float64
        The logarithm of the density of the targets, for each column of ``y``.
    """

    mean: Doubles
    covariance: Doubles
    log_marginal_likelihood: Doubles


def posterior(
    K: ArrayLike,
    K_test: ArrayLike,
    K_test_test: ArrayLike,
    y: ArrayLike,
    noise: float = 0.0,
) -> Posterior:
    """The posterior of a Gaussian process with mean 0, given noisy targets of training images.

    With a CKN this is the posterior of an infinitely wide Bayesian network, whose prior is the CKN
    (NNGP) [1]_. An NTK is a covariance like any other. Each column of ``y`` is a Gaussian process
    of its own, with the same covariance:

    - mean: ``K_test^T (K + noise I)^-1 y``
    - covariance: ``K_test_test - K_test^T (K + noise I)^-1 K_test``
    - log marginal likelihood: ``-(y^T (K + noise I)^-1 y + log det(K + noise I) + n log 2 pi) / 2``

    All three come from one Cholesky decomposition [2]_, in float64 whatever the dtypes are. Beside
    ``K``, this takes about three times the memory of ``K`` in float64.

    Parameters
    ----------
    K : array_like of shape (n, n)
        The kernel matrix of the training images. It must be symmetric and positive semidefinite, to
        ``1.5e-8`` of its largest entry in float64 and to ``3.5e-4`` in float32. The lower triangle
        is used.
    K_test : array_like of shape (n, m)
        The kernels of training images with test images.
    K_test_test : array_like of shape (m,) or (m, m)
        The kernel of each test image with itself, as :func:`ckn_rs.compute_diagonal` gives it, for
        variances; or the kernel matrix of the test images, for covariances.
    y : array_like of shape (n,) or (n, targets)
        Targets, numbers. Encode labels as one-hot columns less their mean, because the prior has
        mean 0.
    noise : float
        The variance of the noise of each target, at least 0. It is added to the diagonal of ``K``.
        ``neural_tangents`` calls it ``diag_reg``, which is a share of the mean of the diagonal
        unless ``diag_reg_absolute_scale=True``.

    Returns
    -------
    Posterior
        The mean, the covariance or variances, and the log marginal likelihood. No variance is
        negative: what rounding makes negative is 0.

    Raises
    ------
    TypeError
        If an argument does not hold real numbers, such as labels that are text.
    ValueError
        If shapes do not fit, numbers are not finite, ``K`` is not symmetric or not positive
        semidefinite, ``K + noise I`` is singular to rounding, ``K_test_test`` is not of the same
        kernel as ``K_test``, or ``noise`` is negative.

    References
    ----------
    .. [1] R. Novak et al., *Bayesian Deep Convolutional Networks with Many Channels are Gaussian
       Processes*, ICLR 2019.
    .. [2] C. E. Rasmussen and C. K. I. Williams, *Gaussian Processes for Machine Learning*, 2006,
       algorithm 2.1.

    Examples
    --------
    Horizontal stripes have the target 1, vertical ones -1. One test image has horizontal stripes;
    the other has weak vertical ones, too, and is less certain:

    >>> import numpy as np
    >>> from ckn_rs import compute_diagonal, compute_kernel_matrix, gp
    >>> rows = np.stack([np.sin(np.arange(8) + k)[:, None] + np.zeros((8, 8)) for k in range(4)])
    >>> X = np.concatenate([rows[:3], rows[:3].swapaxes(1, 2)])[..., None]
    >>> test = np.stack([rows[3], rows[3] + 0.5 * rows[3].T])[..., None]
    >>> model = [{"npatch": 3, "subsampling": 2, "kernel": "relu"}]
    >>> K = compute_kernel_matrix(X, model=model)
    >>> K_test = compute_kernel_matrix(X, test, model=model)
    >>> found = gp.posterior(
    ...     K, K_test, compute_diagonal(test, model), [1, 1, 1, -1, -1, -1], noise=0.1
    ... )
    >>> found.mean.round(2)
    array([0.69, 0.49])
    >>> found.covariance.round(2)
    array([1.04, 1.33])
    """
    matrix, epsilon = as_gram(K, "K")
    n = len(matrix)
    block, epsilon_block = as_block(K_test, "K_test", n)
    m = block.shape[1]
    prior, epsilon_prior = as_prior(K_test_test, "K_test_test", m)
    targets = as_targets(y, n)
    factor = _cholesky(matrix, as_noise(noise), epsilon)
    # With L L^T = K + noise I, all terms are products of these two with themselves and each other.
    whitened = np.linalg.solve(factor, np.column_stack([block, targets]))
    tests, labels = whitened[:, :m], whitened[:, m:]
    explained = np.einsum("ij,ij->j", tests, tests) if prior.ndim == 1 else tests.T @ tests
    covariance = as_covariance(
        prior,
        -explained,
        max(epsilon, epsilon_block, epsilon_prior),
        "K_test_test",
    )
    constant = np.log(factor.diagonal()).sum() + n / 2 * math.log(2 * math.pi)
    likelihood = -np.einsum("ij,ij->j", labels, labels) / 2 - constant
    columns = targets.shape[1:]
    return Posterior(
        (tests.T @ labels).reshape(m, *columns), covariance, likelihood.reshape(columns)
    )


def _cholesky(matrix: Doubles, noise: float, epsilon: float) -> Doubles:
    n = len(matrix)
    diagonal = matrix.diagonal()
    # Each square of the factor's diagonal is at least the smallest eigenvalue.
    smallest = negligible(n, epsilon, diagonal.max(), diagonal.max())
    try:
        factor = np.asarray(np.linalg.cholesky(with_added(matrix, noise)), np.float64)
        singular = bool((factor.diagonal() ** 2 <= smallest).any())
    except np.linalg.LinAlgError:
        singular = True
    if singular:
        # This is enough for every matrix that passed the check of its eigenvalues.
        enough = max(1e-6, 2 * math.sqrt(epsilon)) * diagonal.max() or 1
        raise ValueError(
            f"K + noise I is singular to rounding with noise = {noise:g}, as it is if training "
            f"images are equal; give more noise, such as {enough:.1g}"
        )
    return factor
