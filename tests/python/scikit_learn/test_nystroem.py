"""Features from landmarks: what they approximate, in which precision, and what is refused."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn import kernel_approximation
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline

from ckn_rs.sklearn import Nystroem, _nystroem as nystroem
from digits import IMAGES, LABELS, ROWS, kernel

RBF: dict[str, Any] = {"kernel": "rbf", "kernel_params": {"gamma": 1e-3}}


def test_all_samples_as_landmarks_give_the_kernel() -> None:
    features = Nystroem(kernel(), n_components=1000, random_state=0).fit_transform(ROWS)
    np.testing.assert_allclose(features @ features.T, kernel()(ROWS), atol=1e-10)


def test_the_approximation_is_that_of_scikit_learn() -> None:
    ours = Nystroem(kernel(), n_components=20, random_state=3).fit(ROWS)
    theirs = kernel_approximation.Nystroem(kernel(), n_components=20, random_state=3).fit(ROWS)
    np.testing.assert_array_equal(ours.component_indices_, theirs.component_indices_)
    np.testing.assert_array_equal(ours.components_, ROWS[ours.component_indices_])
    first, second = ours.transform(ROWS), theirs.transform(ROWS)
    np.testing.assert_allclose(first @ first.T, second @ second.T, atol=1e-9)


def test_blocks_are_one_transform(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = Nystroem(kernel(), n_components=20, random_state=0).fit(ROWS)
    whole = fitted.transform(ROWS)
    # 90 samples in blocks of 7.
    monkeypatch.setattr(nystroem, "ENTRIES", 7 * 20 + 3)
    np.testing.assert_allclose(fitted.transform(ROWS), whole, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_features_have_the_precision_of_the_kernel(dtype: Any) -> None:
    fitted = Nystroem(kernel(dtype=dtype), n_components=30, random_state=0).fit(ROWS)
    features = fitted.transform(ROWS)
    assert features.dtype == dtype
    assert fitted.normalization_.dtype == np.float64
    exact = np.sum(features[fitted.component_indices_] ** 2, axis=1)
    np.testing.assert_allclose(exact, 1, atol=2e-4 if dtype == np.float32 else 1e-10)


def test_directions_of_rounding_errors_are_left_out() -> None:
    """Landmarks that are there twice have eigenvalues 0, which float32 rounds to noise."""
    twice = np.concatenate([ROWS[:20], ROWS[:20]])
    for dtype in (np.float32, np.float64):
        fitted = Nystroem(kernel(dtype=dtype), n_components=40, random_state=0).fit(twice)
        features = fitted.transform(twice)
        assert features.shape == (40, 20)
        np.testing.assert_allclose(np.sum(features**2, axis=1), 1, atol=1e-4)
        assert list(fitted.get_feature_names_out()) == [f"nystroem{i}" for i in range(20)]


def test_images_without_rows() -> None:
    images = Nystroem(kernel(image_shape=None), n_components=20, random_state=0)
    rows = Nystroem(kernel(), n_components=20, random_state=0)
    np.testing.assert_array_equal(images.fit_transform(IMAGES), rows.fit_transform(ROWS))
    with pytest.raises(ValueError, match=r"shape \(8, 8, 1\), as in fit, got \(8, 7, 1\)"):
        images.transform(IMAGES[:, :, :7])


def test_kernels_by_name() -> None:
    ours = Nystroem(**RBF, n_components=30, random_state=0).fit_transform(ROWS)
    theirs = kernel_approximation.Nystroem(
        "rbf", gamma=1e-3, n_components=30, random_state=0
    ).fit_transform(ROWS)
    np.testing.assert_allclose(ours @ ours.T, theirs @ theirs.T, atol=1e-9)


def test_a_linear_model_on_top() -> None:
    model = make_pipeline(
        Nystroem(kernel(), n_components=40, random_state=0), RidgeClassifier(alpha=1e-3)
    )
    model.fit(ROWS[:60], LABELS[:60])
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(ROWS[60:]), model.predict(ROWS[60:]))
    assert model.score(ROWS[60:], LABELS[60:]) > 0.8


def test_mistakes() -> None:
    with pytest.raises(ValueError, match="landmarks are chosen among samples"):
        Nystroem("precomputed").fit(kernel()(ROWS))
    with pytest.raises(ValueError, match="n_components must be at least 1, got 0"):
        Nystroem(kernel(), n_components=0).fit(ROWS)
    with pytest.raises(TypeError, match="n_components must be a whole number"):
        Nystroem(kernel(), n_components=2.5).fit(ROWS)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="kernel must be a kernel object"):
        Nystroem(3).fit(ROWS)
    with pytest.raises(ValueError, match="landmarks are 0"):
        Nystroem(kernel()).fit(np.zeros((5, 64)))
    with pytest.raises(ValueError, match="positive semidefinite"):
        Nystroem(lambda x, y: float(x @ y) * (1 if x is y else -3)).fit(ROWS[:9])
