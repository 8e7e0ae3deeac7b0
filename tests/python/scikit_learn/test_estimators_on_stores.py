"""The estimators on matrices in stores."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

import ckn_rs

pytest.importorskip("sklearn")
pytest.importorskip("zarr", reason="stores need zarr 3, on Python 3.11 or later")
from sklearn.model_selection import cross_val_score

from ckn_rs.sklearn import KernelRidgeClassifierCV, KernelRidgeCV
from ckn_rs.store import IncompleteError, compute_gram
from stores import MODEL, X, Y

LABELS = np.arange(23) % 3
TARGETS = np.random.default_rng(0).normal(size=23)
K = ckn_rs.compute_kernel_matrix(X, model=MODEL)
NEW = ckn_rs.compute_kernel_matrix(X, Y, model=MODEL)


def test_store_is_the_matrix(tmp_path: Path) -> None:
    train = compute_gram(tmp_path / "K.zarr", X, model=MODEL, tile=5)
    new = compute_gram(tmp_path / "new.zarr", X, Y, model=MODEL, tile=7)
    assert new.shape == (23, 9)
    by_store = KernelRidgeCV("precomputed").fit(train, TARGETS)
    by_matrix = KernelRidgeCV("precomputed").fit(K, TARGETS)
    np.testing.assert_array_equal(by_store.dual_coef_, by_matrix.dual_coef_)
    # A store has a column for each image to predict; an array has a row.
    wanted = by_matrix.predict(NEW.T)
    for fitted in (by_store, by_matrix, pickle.loads(pickle.dumps(by_store))):
        assert fitted.predict(new).shape == (9,)
        np.testing.assert_allclose(fitted.predict(new), wanted, rtol=1e-12)
        np.testing.assert_allclose(fitted.predict(NEW.T), wanted, rtol=1e-12)
        np.testing.assert_allclose(fitted.predict(train), by_matrix.predict(K), rtol=1e-12)
    classifier = KernelRidgeClassifierCV("precomputed").fit(train, LABELS)
    assert classifier.score(new, classifier.predict(NEW.T)) == 1
    shares = [
        cross_val_score(KernelRidgeClassifierCV("precomputed"), k, LABELS) for k in (train, K)
    ]
    np.testing.assert_array_equal(*shares)


def test_store_must_belong(tmp_path: Path) -> None:
    train = compute_gram(tmp_path / "K.zarr", X, model=MODEL)
    fitted = KernelRidgeCV("precomputed").fit(train, TARGETS)
    others = compute_gram(tmp_path / "others.zarr", -X, Y, model=MODEL)
    with pytest.raises(ValueError, match=r"X must be .* the training images differ"):
        fitted.predict(others)
    ntk = compute_gram(tmp_path / "ntk.zarr", X, Y, model=MODEL, ntk=True)
    with pytest.raises(ValueError, match=r"X must be .* ntk differ"):
        fitted.predict(ntk)
    turned = compute_gram(tmp_path / "turned.zarr", Y, X, model=MODEL)
    with pytest.raises(ValueError, match="the training images differ"):
        fitted.predict(turned)
    fitted.fit(K, TARGETS)  # of an array nothing is known but its size
    fitted.predict(others)
    with pytest.raises(ValueError, match=r"row for each of the 23 training .* shape \(9, 23\)"):
        fitted.predict(turned)


def test_stores_that_cannot_be_fitted(tmp_path: Path) -> None:
    two = compute_gram(tmp_path / "two.zarr", X, X, model=MODEL)
    with pytest.raises(ValueError, match="one set of images"):
        KernelRidgeCV("precomputed").fit(two, TARGETS)
    part = compute_gram(tmp_path / "part.zarr", X, model=MODEL, tile=5, shard=(1, 3))
    assert part.missing
    with pytest.raises(IncompleteError, match="missing or damaged; run compute_gram"):
        KernelRidgeCV("precomputed").fit(part, TARGETS)
    whole = compute_gram(tmp_path / "part.zarr", X, model=MODEL)
    with pytest.raises(ValueError, match="kernel must be 'precomputed', got 'rbf'"):
        KernelRidgeCV("rbf").fit(whole, TARGETS)
    with pytest.raises(ValueError, match="kernel must be 'precomputed', got 'linear'"):
        KernelRidgeCV().fit(X.reshape(23, -1), TARGETS).predict(whole)
    new = compute_gram(tmp_path / "new.zarr", X, Y, model=MODEL, tile=5, shard=(1, 3))
    fitted = KernelRidgeCV("precomputed").fit(whole, TARGETS)
    with pytest.raises(IncompleteError, match="missing or damaged; run compute_gram"):
        fitted.predict(new)
