"""The choice of one regularisation of a path."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ckn_rs.learn.ridge import Ridge


def best(shares: ArrayLike, lambdas: Sequence[float]) -> int:
    """The index of the regularisation with the largest share; of equal ones the largest."""
    found = np.asarray(shares)
    candidates = np.flatnonzero(found == found.max())
    return int(candidates[np.asarray(lambdas)[candidates].argmax()])


def index_of(lambda_: float, lambdas: Sequence[float], name: str) -> int:
    """The index of a regularisation in a path.

    Raises
    ------
    ValueError
        If it is not there.
    """
    found = np.flatnonzero(np.isclose(lambdas, lambda_, rtol=1e-9, atol=0))
    if not len(found):
        path = ", ".join(f"{each:g}" for each in lambdas)
        raise ValueError(f"{name} must be one of the fit's regularisations, {path}; got {lambda_}")
    return int(found[0])


def chosen(fitted: Ridge, y: ArrayLike | None, lambda_: float | None) -> int:
    """The index of ``lambda_``, or of the best regularisation for left-out images.

    Raises
    ------
    ValueError
        If it is not clear which one is meant.
    """
    if lambda_ is not None:
        return index_of(lambda_, fitted.lambdas, "lambda_")
    if len(fitted.lambdas) == 1:
        return 0
    if y is None:
        raise ValueError(
            "give y, the labels of train, to choose the regularisation that is best for left-out "
            "images; or give lambda_"
        )
    validation = fitted.validation(y)
    if validation is None:
        raise ValueError(
            f"the solver {fitted.solver} leaves no image out; give lambda_, or fit with holdout"
        )
    return best(validation, fitted.lambdas)
