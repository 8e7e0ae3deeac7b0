"""The fit for a path of regularisations and the choice of one, for any targets and any score."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, clone
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
        kernel, params = clone(self.kernel, safe=False), dict(self.kernel_params or {})
        K = pairwise.kernels(kernel, params, X)
        pairwise.check_symmetric(K)
        decomposition = ridge.Decomposition.of(K)
        pairwise.check_semidefinite(decomposition.values, K)
        results: dict[str, list[float]] = {"left_out_score": [], "train_score": []}
        errors: list[float] = []
        best: tuple[tuple[float, float], float, NDArray[np.float64]] | None = None
        # Overflow is reported below; an alpha may be so small or large, and targets so large.
        with np.errstate(all="ignore"):
            for alpha, solution in zip(path, decomposition.solve(targets, path), strict=True):
                error = float(np.mean((targets - solution.left_out) ** 2))
                if not (np.isfinite(error) and np.isfinite(solution.coefficients).all()):
                    raise ValueError(
                        f"with alpha {alpha:g}, coefficients or squared errors are too large for "
                        "float64; choose another alpha, or scale the kernel or the targets"
                    )
                errors.append(error)
                results["left_out_score"].append(score(solution.left_out))
                results["train_score"].append(score(solution.fitted))
                rank = (results["left_out_score"][-1], -error)
                if best is None or rank > best[0]:
                    best = rank, float(alpha), solution.coefficients
        assert best is not None, "a path has an alpha"
        # All at the end: a fit that fails leaves the estimator as it was.
        self.kernel_, self._kernel_params = kernel, params
        self.X_fit_: Any = None if pairwise.is_precomputed(kernel) else X
        (self.best_score_, _), self.alpha_, self.dual_coef_ = best
        self.cv_results_ = {"alpha": path} | {
            name: np.array(values) for name, values in results.items()
        }
        return np.array(errors)

    def _scores(self, X: ArrayLike) -> NDArray[np.float64]:
        """The predictions for samples, of shape ``(m,)`` or ``(m, t)`` as the coefficients."""
        check_is_fitted(self, "dual_coef_")
        samples = validation.new_data(self, X)
        K = pairwise.kernels(self.kernel_, self._kernel_params, samples, self.X_fit_)
        return np.asarray(K @ self.dual_coef_)
