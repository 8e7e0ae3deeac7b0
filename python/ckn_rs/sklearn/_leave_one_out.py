"""The fit for a path of regularisations and the choice of one, for any targets and any score."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from ckn_rs.learn import ridge
from ckn_rs.sklearn import _pairwise as pairwise, _validation as validation

ALPHAS = tuple(10.0**power for power in range(-8, 2))
"""The default regularisations."""


class LeaveOneOut(BaseEstimator):  # type: ignore[misc]
    """What classification and regression share: everything but targets and scores."""

    def __init__(
        self,
        kernel: Any = "linear",
        *,
        alphas: ArrayLike = ALPHAS,
        kernel_params: Mapping[str, Any] | None = None,
    ) -> None:
        self.kernel = kernel
        self.alphas = alphas
        self.kernel_params = kernel_params

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = pairwise.is_precomputed(self.kernel)
        return tags

    def _more_tags(self) -> dict[str, Any]:  # scikit-learn 1.5
        return {"pairwise": pairwise.is_precomputed(self.kernel)}

    def _fit_path(
        self,
        X: NDArray[Any],
        targets: NDArray[np.float64],
        score: Callable[[NDArray[np.float64]], float],
    ) -> NDArray[np.float64]:
        """Fit to targets ``(n, t)`` for each alpha, and keep the one whose left-out score is best.

        ``score`` is that of predictions ``(n, t)``. Of equal scores, the one with the least squared
        error is best. Returned are the mean squared errors of the samples when left out.
        """
        path = ridge.as_path(self.alphas, "alphas")
        precomputed = pairwise.is_precomputed(self.kernel)
        self.X_fit_: Any = None if precomputed else X
        K = pairwise.kernels(self.kernel, self.kernel_params, X)
        pairwise.check_symmetric(K)
        decomposition = ridge.Decomposition.of(K)
        pairwise.check_semidefinite(decomposition.values, K)
        results: dict[str, list[float]] = {"left_out_score": [], "train_score": []}
        errors, best = [], (-np.inf, -np.inf)
        # Overflow is reported below; an alpha may be so small, and targets so large.
        with np.errstate(all="ignore"):
            for alpha, solution in zip(path, decomposition.solve(targets, path), strict=True):
                error = float(np.mean((targets - solution.left_out) ** 2))
                if not (np.isfinite(error) and np.isfinite(solution.coefficients).all()):
                    raise ValueError(
                        f"with alpha {alpha:g}, coefficients or squared errors are too large for "
                        "float64; choose a larger alpha, or scale the kernel or the targets"
                    )
                errors.append(error)
                results["left_out_score"].append(score(solution.left_out))
                results["train_score"].append(score(solution.fitted))
                rank = (results["left_out_score"][-1], -error)
                if rank > best:
                    best = rank
                    self.alpha_, self.dual_coef_ = float(alpha), solution.coefficients
        self.best_score_ = best[0]
        self.cv_results_ = {"alpha": path} | {
            name: np.array(values) for name, values in results.items()
        }
        return np.array(errors)

    def _scores(self, X: ArrayLike) -> NDArray[np.float64]:
        """The predictions for samples, of shape ``(m,)`` or ``(m, t)`` as the coefficients."""
        check_is_fitted(self)
        samples = validation.new_data(self, X)
        K = pairwise.kernels(self.kernel, self.kernel_params, samples, self.X_fit_)
        return np.asarray(K @ self.dual_coef_)
