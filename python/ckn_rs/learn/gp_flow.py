"""Ensembles of infinitely wide networks, trained by gradient flow on the squared loss."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
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
    as_times,
    negligible,
)


class Gaussian(NamedTuple):
    """Predictions of an ensemble; :meth:`GradientFlow.at` computes them.

    Parameters
    ----------
    mean : ndarray of shape (..., m) or (..., m, targets), float64
        The mean over the ensemble for each test image, at each time.
    covariance : ndarray of shape (..., m) or (..., m, m), float64
        The variance over the ensemble for each test image, or the covariance between test images,
        at each time. It is the same for all targets.
    """

    mean: Doubles
    covariance: Doubles


@dataclass(frozen=True, eq=False)
class GradientFlow:
    """The training of an ensemble of wide networks; :func:`gradient_flow` makes it.

    Parameters
    ----------
    eigenvalues : ndarray of shape (n,)
        The eigenvalues of the NTK ``T`` of the training images, plus the noise. Those that are 0 to
        rounding are 0 here.
    eigenvectors : ndarray of shape (n, n)
        ``V``, its eigenvectors in columns.
    targets : ndarray of shape (n,) or (n, targets)
        ``V^T y``.
    nngp : ndarray of shape (n, n)
        ``V^T K V``, with ``K`` the CKN of the training images.
    epsilon : float
        The rounding error of the matrices.
    """

    eigenvalues: Doubles
    eigenvectors: Doubles
    targets: Doubles
    nngp: Doubles
    epsilon: float

    def at(
        self, t: ArrayLike, ntk_test: ArrayLike, nngp_test: ArrayLike, nngp_test_test: ArrayLike
    ) -> Gaussian:
        """Predict the outputs of the ensemble at one time or several.

        For predictions on the training images, pass their matrices in the place of all three.

        Parameters
        ----------
        t : array_like of any shape
            Times of at least 0; ``numpy.inf`` is the end of training.
        ntk_test, nngp_test : array_like of shape (n, m)
            The NTKs and the CKNs of training images with test images.
        nngp_test_test : array_like of shape (m,) or (m, m)
            The CKN of each test image with itself, as :func:`ckn_rs.compute_diagonal` gives it, for
            variances; or the CKN matrix of the test images, for covariances.

        Returns
        -------
        Gaussian
            The mean and the covariance or variances, with the axes of ``t`` first. No variance is
            negative: what rounding makes negative is 0.

        Raises
        ------
        TypeError, ValueError
            If a time is negative, shapes do not fit, numbers are not finite, or ``nngp_test_test``
            is not of the same kernel as ``nngp_test``.
        """
        times, tangents = as_times(t), self._projected(ntk_test)
        n, m = tangents.shape
        block, epsilon_block = as_block(nngp_test, "nngp_test", n)
        if block.shape[1] != m:
            raise ValueError(
                f"nngp_test must have shape {(n, m)}, that of ntk_test, got {block.shape}"
            )
        prior, epsilon_prior = as_prior(nngp_test_test, "nngp_test_test", m)
        kernels = self.eigenvectors.T @ block
        epsilon = max(self.epsilon, epsilon_block, epsilon_prior)
        means, covariances = [], []
        for learned in self._learned(times, tangents):
            means.append(learned.T @ self.targets)
            pushed = self.nngp @ learned
            if prior.ndim == 1:
                change = np.einsum("ij,ij->j", learned, pushed - 2 * kernels)
            else:
                half = learned.T @ (pushed / 2 - kernels)
                change = half + half.T
            covariances.append(as_covariance(prior, change, epsilon, "nngp_test_test"))
        mean, covariance = np.stack(means), np.stack(covariances)
        return Gaussian(
            mean.reshape(*times.shape, *mean.shape[1:]),
            covariance.reshape(*times.shape, *covariance.shape[1:]),
        )

    def mean(self, t: ArrayLike, ntk_test: ArrayLike) -> Doubles:
        """Predict only the mean, which takes less time and no CKN.

        Parameters
        ----------
        t, ntk_test
            As for :meth:`at`.

        Returns
        -------
        ndarray of shape (..., m) or (..., m, targets), float64
            The mean, with the axes of ``t`` first.

        Raises
        ------
        TypeError, ValueError
            As for :meth:`at`.
        """
        times, tangents = as_times(t), self._projected(ntk_test)
        means = [learned.T @ self.targets for learned in self._learned(times, tangents)]
        return np.reshape(means, (*times.shape, *means[0].shape))

    def _projected(self, ntk_test: ArrayLike) -> Doubles:
        block, _ = as_block(ntk_test, "ntk_test", len(self.eigenvalues))
        return self.eigenvectors.T @ block

    def _learned(self, times: Doubles, tangents: Doubles) -> Iterator[Doubles]:
        """``V^T A^T`` at each time: ``tangents`` times ``(1 - exp(-d t / size)) / d``.

        A direction with the eigenvalue ``d = 0`` is 0 in every test image, because a kernel is
        positive semidefinite. What is there is rounding, and must not grow with ``t``.
        """
        learns = self.eigenvalues > 0
        values = np.where(learns, self.eigenvalues, 1)
        for time in times.ravel():
            with np.errstate(over="ignore"):
                exponents = values * (time / self.targets.size)
            yield np.where(learns, -np.expm1(-exponents) / values, 0)[:, None] * tangents


def gradient_flow(
    ntk: ArrayLike, nngp: ArrayLike, y: ArrayLike, noise: float = 0.0
) -> GradientFlow:
    """Train an ensemble of infinitely wide networks by gradient flow on the squared loss.

    A network with weights ``w`` and outputs ``f`` starts at random weights ``w0``. Its outputs are
    then a sample of the Gaussian process whose covariance is its CKN (NNGP). It is trained by
    ``dw/dt = -dL/dw`` on all ``n`` training images, with the loss

    ``L = (|f - y|^2 + noise |w - w0|^2) / (2 n targets)``,

    where ``|f - y|^2`` is the sum over images and targets. A wide network stays linear in its
    weights, so that the outputs at time ``t`` are known in closed form [1]_. With ``T`` the NTK and
    ``K`` the CKN of training images, and ``A = T_test^T D^-1 (I - exp(-D t / (n targets)))`` for
    ``D = T + noise I``:

    - mean: ``A y``
    - covariance: ``K_test_test - A K_test - K_test^T A^T + A K A^T``

    At time 0 this is the prior, with mean 0. One eigendecomposition of ``T`` serves all times and
    all test images. Beside ``T`` and ``K``, this takes about four times the memory of ``T`` in
    float64. If the last layer alone is trained, ``T`` is ``K``: pass the CKN for both.

    Small steps of gradient descent are the time ``t = steps * learning_rate``. Many packages take
    the plain mean of squares as the loss. It is ``2 L``, and ``t = 2 * steps * learning_rate``.
    ``neural_tangents.predict.gradient_descent_mse_ensemble`` integrates the same flow: its ``t``
    times its ``learning_rate`` is ``t`` here, and the results are equal.

    Parameters
    ----------
    ntk, nngp : array_like of shape (n, n)
        The NTK and the CKN of the training images, as :func:`ckn_rs.compute_both` returns them.
        Both must be symmetric and positive semidefinite, to ``1.5e-8`` of the largest entry in
        float64 and to ``3.5e-4`` in float32. The lower triangle of ``ntk`` is used.
    y : array_like of shape (n,) or (n, targets)
        Targets, numbers. Encode labels as one-hot columns less their mean, because the prior has
        mean 0.
    noise : float
        How strongly the loss holds the weights at their start, at least 0. The mean at the end of
        training is that of :func:`ckn_rs.gp.posterior` with this noise and the NTK. In
        ``neural_tangents`` it is called ``diag_reg``, for ``get="ntk"`` and with
        ``diag_reg_absolute_scale=True``; otherwise ``diag_reg`` is a share of the mean of the
        diagonal. For ``get="nngp"`` that package trains the last layer on targets that have noise
        themselves: pass ``K`` and ``K + noise I``. The end is then the posterior of ``K``.

    Returns
    -------
    GradientFlow
        Its method ``at`` predicts at any times. All is computed in float64.

    Raises
    ------
    TypeError
        If an argument does not hold real numbers, such as labels that are text.
    ValueError
        If shapes do not fit, numbers are not finite, a matrix is not symmetric or not positive
        semidefinite, or ``noise`` is negative.

    Notes
    -----
    ``T`` may be singular, also without noise, as it is with equal images. A direction whose
    eigenvalue is 0 up to rounding does not change during training.

    References
    ----------
    .. [1] J. Lee et al., *Wide Neural Networks of Any Depth Evolve as Linear Models Under Gradient
       Descent*, NeurIPS 2019, section 2.3.1.

    Examples
    --------
    Horizontal stripes have the target 1, vertical ones -1. The test image has horizontal stripes:

    >>> import numpy as np
    >>> from ckn_rs import compute_both, compute_diagonal, gp
    >>> rows = np.stack([np.sin(np.arange(8) + k)[:, None] + np.zeros((8, 8)) for k in range(4)])
    >>> X = np.concatenate([rows[:3], rows[:3].swapaxes(1, 2)])[..., None]
    >>> test = rows[3:, ..., None]
    >>> model = [{"npatch": 3, "subsampling": 2, "kernel": "relu"}]
    >>> flow = gp.gradient_flow(*compute_both(X, model=model), [1, 1, 1, -1, -1, -1])
    >>> K_test = compute_both(X, test, model=model)
    >>> mean, variance = flow.at([0, 1, np.inf], *K_test, compute_diagonal(test, model))
    >>> mean[:, 0].round(2)
    array([0.  , 0.35, 0.94])
    >>> variance[:, 0].round(2)
    array([16.46,  2.65,  0.42])
    """
    tangent, epsilon = as_gram(ntk, "ntk")
    n = len(tangent)
    kernel, epsilon_kernel = as_gram(nngp, "nngp")
    if len(kernel) != n:
        raise ValueError(f"nngp must have shape {(n, n)}, that of ntk, got {kernel.shape}")
    targets, added = as_targets(y, n), as_noise(noise)
    values, vectors = np.linalg.eigh(tangent)
    rounding = negligible(n, epsilon, values[-1], tangent.diagonal().max())
    # What rounding makes negative is 0, so that noise counts in full there.
    values = np.maximum(values, 0) + added
    return GradientFlow(
        np.where(values > rounding, values, 0),
        vectors,
        vectors.T @ targets,
        vectors.T @ kernel @ vectors,
        max(epsilon, epsilon_kernel),
    )
