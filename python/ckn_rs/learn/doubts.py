"""Warnings of ridge regression: what rounding decides, and what did not converge."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ckn_rs.learn.solve import Solved

ROUNDING = 4
"""Rounding of the entries of ``K`` adds a matrix with a norm of so many ``sqrt(n) eps t``.

A symmetric matrix of independent errors of the size ``e`` has a norm of ``2 sqrt(n) e``, and the
steps by which a kernel is computed leave some two ``eps`` of it.
"""


def rounding_of(n: int, dtype: np.dtype[Any]) -> float:
    """What rounding of the entries may add to the matrix, as a share of its mean diagonal."""
    return ROUNDING * math.sqrt(n) * float(np.finfo(dtype).eps)


FACTORS = 8
"""A Cholesky factor in float32 serves down to ``n eps t`` by this.

Its errors are sums of ``n`` terms. Of Gaussian kernels nearly all of whose eigenvalues are 0 there
was no factor below 0.07 ``n eps t`` for 1,000, 5,000 and 8,000 points. Other kernels allow less.
"""


def floor_of_factors(n: int) -> float:
    """What the errors of a factor in float32 add, as a share of the mean diagonal."""
    single = np.dtype(np.float32)
    return max(n * float(np.finfo(single).eps) / FACTORS, rounding_of(n, single))


def warn_of_rounding(
    path: NDArray[np.float64], floor: float, smallest: float, dtype: np.dtype[Any]
) -> None:
    """Say which regularisations are below the ``floor``, with the smallest eigenvalue added."""
    below = path[path + smallest < floor]
    if len(below):
        names = ", ".join(f"{each:g}" for each in below)
        warnings.warn(
            f"lambda {names}: the rounding of {dtype} kernels may decide the coefficients, since "
            f"it is like adding up to {floor:.1g} of the diagonal; take larger lambdas"
            + (", or kernels in float64" if dtype != np.float64 else ""),
            stacklevel=3,
        )


def warn_of_residuals(
    path: NDArray[np.float64],
    solved: Solved,
    solver: str,
    tolerance: float,
    precision: str | None = None,
) -> None:
    """Say what did not converge. Of eigh this would say that it has cut off an eigenvalue."""
    if solver == "eigh" or solved.converged.all():
        return
    wanting = ", ".join(
        f"lambda {each:g} has {residual:.1e}"
        for each, residual, good in zip(path, solved.residuals, solved.converged, strict=True)
        if not good
    )
    after = " by factors in float32" if precision == "float32" else ""
    after = f" after {solved.passes} passes" if solver == "cg" else after
    if solver == "cg":
        advice = "more passes, a higher rank, a larger tolerance, or larger lambdas"
    elif precision == "float32":
        advice = "precision float64, a larger tolerance, or larger lambdas"
    else:
        advice = "a larger tolerance, or larger lambdas"
    warnings.warn(
        f"not converged to a relative residual of {tolerance:g}{after}: {wanting}; take {advice}",
        stacklevel=3,
    )
