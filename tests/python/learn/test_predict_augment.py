"""Fits of kernels averaged over flips label images by the same kernel, also from files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cases
import ckn_rs
from ckn_rs import ridge
from ckn_rs.learn.record import Record

X = cases.images(12, (8, 8, 1))
Z = cases.images(5, (8, 8, 1), seed=1)
Y = np.arange(12) % 3


def fit(**options: Any) -> tuple[ridge.Ridge, ridge.Classifier]:
    fitted = ridge.fit(ckn_rs.compute_kernel_matrix(X, model=cases.RELU, **options), Y, [1e-2])
    return fitted, ridge.Classifier.of(fitted, X, model=cases.RELU, **options)


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("ntk", [False, True])
def test_scores_are_those_of_the_matrix(tmp_path: Path, normalize: bool, ntk: bool) -> None:
    options: dict[str, Any] = {"augment": "flip", "normalize": normalize, "ntk": ntk}
    fitted, classifier = fit(**options)
    T = ckn_rs.compute_kernel_matrix(X, Z, model=cases.RELU, **options)
    wanted = T.T @ fitted.coefficients[0]
    np.testing.assert_allclose(classifier.scores(Z), wanted, atol=1e-13 * abs(wanted).max())
    flipped = classifier.scores(Z[:, :, ::-1])
    np.testing.assert_allclose(flipped, wanted, atol=1e-12 * abs(wanted).max())
    classifier.save(tmp_path / "fit.npz")
    again = ridge.Classifier.load(tmp_path / "fit.npz", X)
    assert again.record.augment == "flip"
    assert "averaged over flips" in repr(again)
    np.testing.assert_array_equal(again.scores(Z), classifier.scores(Z))


def about(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as arrays:
        found: dict[str, Any] = json.loads(str(arrays["about"]))
    return found


def test_format(tmp_path: Path) -> None:
    """A file without ``augment`` is as it was; with it, older versions refuse the format."""
    fit()[1].save(tmp_path / "plain.npz")
    fit(augment="flip")[1].save(tmp_path / "fit.npz")
    plain, other = about(tmp_path / "plain.npz"), about(tmp_path / "fit.npz")
    assert plain["format"] == 1
    assert list(plain)[-1] == "version"
    assert "augment" not in plain
    assert (other["format"], other["augment"]) == (2, "flip")


@pytest.mark.parametrize("change", [{"format": 1}, {"augment": None}, {"augment": "flop"}])
def test_damage(tmp_path: Path, change: dict[str, Any]) -> None:
    path = tmp_path / "fit.npz"
    fit(augment="flip")[1].save(path)
    with np.load(path, allow_pickle=False) as file:
        arrays = dict(file)
    arrays["about"] = np.array(json.dumps({**about(path), **change}))
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match="augment"):
        Record.load(path)


def test_errors() -> None:
    fitted, classifier = fit()
    with pytest.raises(ValueError, match="augment must be None or 'flip'"):
        ridge.Classifier.of(fitted, X, model=cases.RELU, augment="flop")
    with pytest.raises(ValueError, match="augment must be None or 'flip'"):
        replace(classifier.record, augment="flop")
