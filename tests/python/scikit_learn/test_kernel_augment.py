"""``ConvolutionalKernel(augment="flip")``."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import cases
import ckn_rs

pytest.importorskip("sklearn", reason="needs scikit-learn")
from sklearn.base import clone
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC

from ckn_rs.sklearn import ConvolutionalKernel

SHAPE = (8, 8, 1)
X = cases.images(12, SHAPE)
ROWS = X.reshape(len(X), -1)
KERNEL = ConvolutionalKernel(cases.EXP, image_shape=SHAPE, augment="flip")


@pytest.mark.parametrize("normalize", [False, True])
def test_the_bits_of_the_function(normalize: bool) -> None:
    kernel = clone(KERNEL).set_params(normalize=normalize)
    options: dict[str, Any] = {"model": cases.EXP, "normalize": normalize, "augment": "flip"}
    K = ckn_rs.compute_kernel_matrix(X, **options)
    np.testing.assert_array_equal(kernel(ROWS), K)
    np.testing.assert_array_equal(kernel.diag(ROWS), K.diagonal())
    two = ckn_rs.compute_kernel_matrix(X[:5], X, **options)
    np.testing.assert_array_equal(kernel(ROWS[:5], ROWS), two)
    K, dK = kernel(ROWS, eval_gradient=True)
    np.testing.assert_array_equal(dK, ckn_rs.compute_gradient(X, **options)[1])


def test_it_is_a_parameter() -> None:
    plain = ConvolutionalKernel(cases.EXP, image_shape=SHAPE)
    assert plain.augment is None
    assert "augment" not in repr(plain)
    assert repr(KERNEL).endswith("augment='flip')")
    assert plain != KERNEL
    assert clone(plain).set_params(augment="flip") == KERNEL
    assert clone(KERNEL) == KERNEL == pickle.loads(pickle.dumps(KERNEL))
    with pytest.raises(ValueError, match="augment must be None or 'flip'"):
        clone(KERNEL).set_params(augment="flop")(ROWS)


def test_estimators_take_it() -> None:
    y = np.arange(12) % 2
    grid = GridSearchCV(SVC(kernel=KERNEL), {"kernel__augment": [None, "flip"]}, cv=2).fit(ROWS, y)
    assert len(grid.cv_results_["params"]) == 2
    process = GaussianProcessRegressor(KERNEL, alpha=1e-3).fit(ROWS, y.astype(float))
    assert np.isfinite(process.log_marginal_likelihood_value_)
    flipped = X[:, :, ::-1].reshape(len(X), -1)
    np.testing.assert_allclose(process.predict(flipped), process.predict(ROWS), atol=1e-9)
