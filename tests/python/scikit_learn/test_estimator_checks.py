"""The checks that scikit-learn has for estimators."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytest.importorskip("sklearn")
from sklearn.utils.estimator_checks import parametrize_with_checks

from ckn_rs.sklearn import KernelRidgeClassifierCV, KernelRidgeCV, Nystroem

ESTIMATORS = [
    estimator(**parameters)
    for estimator in (KernelRidgeCV, KernelRidgeClassifierCV)
    for parameters in (
        {},
        {"kernel": "rbf", "kernel_params": {"gamma": 0.1}, "alphas": [1e-3, 1e-1, 1.0]},
        {"kernel": "precomputed"},
    )
] + [Nystroem(), Nystroem("rbf", kernel_params={"gamma": 0.1}, n_components=10, random_state=0)]

#: Checks that fit a precomputed matrix that is no kernel matrix. KernelRidge takes it and would
#: solve a system without meaning; leave-one-out would choose by it. It must be refused.
NO_KERNEL = {
    # rounds the kernels of 20 samples down to integers, with eigenvalues from -2
    "check_estimators_dtypes": "positive semidefinite",
    # takes the mean of all kernels off each, which leaves negative ones on the diagonal
    "check_positive_only_tag_during_fit": "itself must be at least 0",
}


@parametrize_with_checks(ESTIMATORS)  # type: ignore[untyped-decorator]
def test_estimator(estimator: Any, check: Any) -> None:
    message = NO_KERNEL.get(check.func.__name__)
    if message is None or estimator.kernel != "precomputed":
        check(estimator)
        return
    with pytest.raises((AssertionError, ValueError)) as caught:
        check(estimator)
    assert re.search(message, str(caught.value.__cause__ or caught.value))
