"""Kernel ridge regression over a path of regularisations.

:func:`fit` takes labels and solves by one of the solvers of :mod:`ckn_rs.learn.solvers`. The
estimators for scikit-learn (:mod:`ckn_rs.sklearn`) take the :class:`Decomposition`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ckn_rs._support import memory as _memory
from ckn_rs._support.options import as_count, as_flag
from ckn_rs.learn import solvers
from ckn_rs.learn.arguments import OFFSET, as_matrix, as_path, as_seed, as_tolerance, one_hot
from ckn_rs.learn.decomposition import Decomposition, Solution
from ckn_rs.learn.doubts import (
    floor_of_factors,
    rounding_of,
    warn_of_residuals,
    warn_of_rounding,
)
from ckn_rs.learn.fits import Ridge
from ckn_rs.learn.holdout import hold_out
from ckn_rs.learn.solve import Options, Solved, by_cg, by_cholesky, by_eigh
from ckn_rs.learn.tiles import InMemory, Part, SymmetricMatrix, multiply

__all__ = ["Decomposition", "LAMBDAS", "OFFSET", "Ridge", "Solution", "as_path", "fit", "one_hot"]

LAMBDAS = tuple(10.0**power for power in range(-8, 1))
"""The default regularisations."""


def fit(
    K: ArrayLike | SymmetricMatrix,
    y: ArrayLike,
    lambdas: Sequence[float] | None = None,
    *,
    solver: str = "eigh",
    leave_one_out: bool = False,
    holdout: float = 0.0,
    seed: int = 0,
    memory: int | str | None = None,
    tolerance: float = 1e-6,
    max_passes: int = 200,
    rank: int | None = None,
    precision: str | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    client: Any = None,
    progress: bool = False,
    announce: Callable[[solvers.Choice], object] | None = None,
) -> Ridge:
    """Fit kernel ridge regression to one-hot targets less 0.1, for all regularisations.

    The coefficients are ``a = (K + r I)^-1 Y`` for every ``r = lambda t``, with ``t`` the mean of
    the diagonal and ``Y`` the targets. The scores of image ``i`` are ``Y_i - r a_i``. All sums are
    in float64, whatever the dtype of ``K``.

    ``eigh`` decomposes ``K = V D V^T`` once and has all regularisations from that. The scores that
    an image gets from a fit to all other images are ``Y_i - a_i / g_i``, with ``g`` the diagonal of
    ``(K + r I)^-1`` [1]_. It takes four times the memory of ``K`` in float64 beside it, and five
    times if ``K`` has another dtype or is in a store.

    ``cholesky`` decomposes ``K + r I`` for each ``r`` in the memory of one matrix in float64, and
    needs SciPy (``pip install ckn-rs[solve]``). With ``precision="float32"`` it takes half of the
    memory and of the time: factors in float32 give a solution, and conjugate gradients refine it
    until its residual, which is computed in float64, is as small as asked [4]_. Such factors serve
    for ``lambda`` down to ``n eps / 8``, with the ``eps`` of float32, and of most kernels for far
    smaller ones; where they do not, an error or a warning says so. If ``K`` is in float64,
    residuals are those of its entries in float64, which are read anew for each step.

    ``cg`` makes passes over the tiles of ``K``, which may be in a store that is larger than memory.
    These are iterations of conjugate gradients for all columns of ``Y`` and all ``r`` at once,
    preconditioned by a randomly pivoted Cholesky approximation [2]_, [3]_. It takes a few tiles,
    the preconditioner, ``(n, rank)``, and ten arrays of the size of all coefficients.

    Parameters
    ----------
    K : array_like of shape (n, n), or Gram
        The symmetric kernel matrix of the training images, with finite entries; an array, or a
        store that :func:`ckn_rs.store.open_gram` opens.
    y : array_like of shape (n,)
        Their labels, at least two different ones.
    lambdas : sequence of float, optional
        Regularisations above 0, as shares of the mean of the diagonal. By default these are
        :data:`LAMBDAS`; ``cholesky`` and ``cg``, which pay for each, leave out those below
        ``4 sqrt(n) eps``, with ``eps`` the rounding error of the dtype of ``K``, and for factors in
        float32 those below ``n eps / 8``, too, with the ``eps`` of float32.
    solver : {'eigh', 'cholesky', 'cg', 'auto'}
        ``auto`` takes ``eigh`` up to 10,000 images, ``cholesky`` up to 30,000, and ``cg`` beyond,
        or what of these fits the memory. Where only ``cholesky`` in float32 fits, it takes that
        before ``cg``, if no regularisation is too small for it.
    leave_one_out : bool
        Whether ``auto`` must take ``eigh``, for the sake of ``left_out``.
    holdout : float
        The share of the images of each label to hold out, at random. The fit is to the others, and
        ``held_out`` says what it is worth. For a fit to all images, call again without it.
    seed : int
        The seed of the images held out and of the preconditioner.
    memory : int or str, optional
        How much memory the solver may take, in bytes or as ``"4GB"``; by default what is available.
    tolerance : float
        The relative residual that ``cholesky`` and ``cg`` must reach for each label.
    max_passes : int
        ``cg`` makes at most so many passes.
    rank : int, optional
        The rank of the preconditioner; by default ``20 sqrt(n)``, or less if memory is short.
    precision : {'float64', 'float32'}, optional
        The dtype of the factors of ``cholesky``; by default float64, and float32 only where
        ``auto`` takes that. The residual must be within ``tolerance`` in both. ``auto`` may take
        another solver all the same, which has no such factors.
    checkpoint : path, optional
        Where ``cg`` keeps its state after each pass, though at most every two seconds. This is the
        beginning of the file's name; its end tells the problem. The same call goes on from it. It
        is removed at the end.
    client : dask.distributed.Client, optional
        ``cg`` multiplies the tiles of a store on the workers of this cluster. All must see it.
    progress : bool
        Show the passes of ``cg`` (needs tqdm).
    announce : callable, optional
        Called with the :class:`Choice` of a solver before the work begins. ``print`` shows it, and
        what raises an error ends the fit.

    Returns
    -------
    Ridge
        The fits, one for each regularisation.

    Raises
    ------
    ValueError
        If shapes do not fit, numbers are not finite, or a regularisation is not above 0. If the
        solver needs more memory than there is; the message names one that does not. If a matrix
        for ``cholesky`` is not positive definite in its precision, or too near to singular.
    TypeError
        If ``client`` is no client, or ``K`` is not in a store.
    IncompleteError
        If a tile of a store is missing or damaged; the message names it.

    Warns
    -----
    UserWarning
        If a residual is larger than ``tolerance`` after all. If a regularisation is so small that
        the rounding of the entries of ``K`` has as large an effect: rounding adds a matrix whose
        norm may be ``4 sqrt(n) eps t``. If a checkpoint cannot be written or read; then the fit
        goes on without it.

    References
    ----------
    .. [1] C. E. Rasmussen and C. K. I. Williams, *Gaussian Processes for Machine Learning*, 2006,
       section 5.4.2.
    .. [2] Y. Chen, E. N. Epperly, J. A. Tropp and R. J. Webber, *Randomly pivoted Cholesky*, 2023.
    .. [3] M. Diaz, E. N. Epperly, Z. Frangella, J. A. Tropp and R. J. Webber, *Robust, randomized
       preconditioning for kernel ridge regression*, 2023.
    .. [4] N. J. Higham, *Accuracy and Stability of Numerical Algorithms*, 2002, chapter 12.

    Examples
    --------
    >>> import numpy as np
    >>> from ckn_rs import ridge
    >>> points, y = np.array([-2.0, -1.0, 1.0, 2.0]), np.array([0, 0, 1, 1])
    >>> K = np.exp(-((points[:, None] - points) ** 2))
    >>> ridge.fit(K, y, [1e-3]).accuracies(K, y)
    array([1.])
    >>> fitted = ridge.fit(K, y, [1e-3], solver="cg")
    >>> fitted.accuracies(K, y), bool(fitted.residuals.max() <= 1e-6)
    (array([1.]), True)
    """
    matrix, labels = as_matrix(K), np.asarray(y)
    if client is not None:
        matrix = _on_cluster(matrix, client, solver)
    n = matrix.shape[0]
    if labels.shape != (n,):
        raise ValueError(f"y must have shape ({n},), a label a row, got {labels.shape}")
    classes = np.unique(labels)
    if len(classes) < 2:
        raise ValueError("y must have two labels or more")
    path = as_path(LAMBDAS if lambdas is None else lambdas, "lambdas")
    options = Options(
        tolerance=as_tolerance(tolerance),
        max_passes=as_count(max_passes, "max_passes"),
        seed=as_seed(seed),
        checkpoint=None if checkpoint is None else Path(checkpoint),
        progress=as_flag(progress, "progress"),
    )
    kept, held = hold_out(labels, holdout, options.seed)
    inner = Part(matrix, kept) if len(held) else matrix
    scale = float(matrix.diagonal().mean(dtype=np.float64))
    if scale <= 0:
        raise ValueError("K must have a positive diagonal")
    in_place = isinstance(inner, InMemory) and inner.dtype == np.float64
    coarse = floor_of_factors(n)
    single = lambdas is None or bool(path.min() >= coarse)
    choice = solvers.choose(
        solvers.Problem(
            len(kept),
            len(classes),
            len(path),
            matrix.tile,
            in_place,
            single,
            stored=not isinstance(matrix, InMemory),
        ),
        solver,
        leave_one_out=as_flag(leave_one_out, "leave_one_out"),
        holdout=len(held) > 0,
        memory=_memory.available() if memory is None else _memory.as_bytes(memory, "memory"),
        rank=None if rank is None else as_count(rank, "rank"),
        precision=precision,
    )
    floor = rounding_of(n, matrix.dtype)
    if lambdas is None and choice.solver != "eigh":
        path = path[path >= (coarse if choice.precision == "float32" else floor)]
    if announce is not None:
        announce(replace(choice, lambdas=tuple(path.tolist())))
    added, Y = path * scale, one_hot(labels[kept], classes)
    solved = _solve(inner, Y, added, choice, options, rank)
    if lambdas is not None:
        warn_of_rounding(path, floor, max(solved.smallest, 0) / scale, matrix.dtype)
    warn_of_residuals(path, solved, choice.solver, options.tolerance, choice.precision)
    return _ridge(matrix, labels, classes, path, added, Y, (kept, held), choice, solved)


def _solve(
    K: SymmetricMatrix,
    Y: NDArray[np.float64],
    added: NDArray[np.float64],
    choice: solvers.Choice,
    options: Options,
    rank: int | None,
) -> Solved:
    if choice.solver == "eigh":
        return by_eigh(K, Y, added, options.tolerance)
    if choice.precision is not None:
        return by_cholesky(K, Y, added, options.tolerance, choice.precision)
    assert choice.rank is not None
    return by_cg(K, Y, added, choice.rank, options, rank)


def _ridge(
    K: SymmetricMatrix,
    labels: NDArray[Any],
    classes: NDArray[Any],
    path: NDArray[np.float64],
    added: NDArray[np.float64],
    Y: NDArray[np.float64],
    parts: tuple[NDArray[np.intp], NDArray[np.intp]],
    choice: solvers.Choice,
    solved: Solved,
) -> Ridge:
    """The result, with the labels that the solutions give to all training images."""
    kept, held = parts
    coefficients = np.zeros((len(path), len(labels), len(classes)))
    coefficients[:, kept] = solved.coefficients
    fitted = np.empty((len(path), len(labels)), classes.dtype)
    for each, r, guesses in zip(solved.coefficients, added, fitted, strict=True):
        guesses[kept] = classes[(Y - r * each).argmax(axis=1)]
    if len(held):
        beside = np.concatenate(list(coefficients), axis=1)
        scores = multiply(K, beside)[held].reshape(len(held), len(path), len(classes))
        fitted[:, held] = classes[scores.argmax(axis=2)].T
    left_out = None
    if solved.left_out is not None and not len(held):
        left_out = classes[solved.left_out.argmax(axis=2)]
    return Ridge(
        lambdas=tuple(path.tolist()),
        added=added,
        labels=classes,
        coefficients=coefficients,
        fitted=fitted,
        left_out=left_out,
        solver=choice.solver,
        residuals=solved.residuals,
        converged=solved.converged,
        passes=solved.passes,
        held=held,
        held_out=fitted[:, held],
        precision=choice.precision,
    )


def _on_cluster(K: SymmetricMatrix, client: Any, solver: str) -> SymmetricMatrix:
    """The matrix whose tiles are multiplied on a cluster."""
    if solver != "cg":
        raise ValueError(f"client goes with the solver cg, got {solver!r}")
    on = getattr(K, "on", None)
    if on is None:
        raise TypeError("client goes with a matrix in a store, which the workers can read")
    found: SymmetricMatrix = on(client)
    return found
