"""Accuracies along a path of regularisations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

import cases
import ckn_rs
from ckn_rs import plot, ridge
from messages import ANY

X = cases.images(30, (8, 8, 1))
Y = np.arange(30) % 3
K = ckn_rs.compute_kernel_matrix(X, model=cases.EXP)
FITTED = ridge.fit(K, Y, [1.0, 1e-4, 1e-2])
ORDER = [1, 2, 0]


def lines(ax: Axes) -> dict[str, Any]:
    return {str(line.get_label()): line for line in ax.get_lines()}


def test_of_a_fit() -> None:
    test = [0.5, 0.25, 0.75]
    _, given = plt.subplots()
    ax = plot.path(FITTED, Y, given, test=test)
    assert ax is given
    assert ax.get_xscale() == "log"
    found = lines(ax)
    wanted = {
        "train": FITTED.accuracies(K, Y),
        "left out": np.mean(FITTED.left_out == Y, axis=1),
        "test": np.array(test),
    }
    assert list(found)[:3] == list(wanted)
    for name, shares in wanted.items():
        np.testing.assert_array_equal(found[name].get_xdata(), [1e-4, 1e-2, 1.0])
        np.testing.assert_array_equal(found[name].get_ydata(), shares[ORDER])
    assert len({line.get_color() for line in found.values()}) == 4
    assert len({found[name].get_marker() for name in wanted}) == 3
    ax.figure.canvas.draw()
    assert all("%" in text.get_text() for text in ax.get_yticklabels())


def test_of_names() -> None:
    ax = plot.path({"left out": [0.5, 0.9, 0.9, 0.1], "CKN": [0, 1, 0, 1]}, lambdas=[1, 2, 4, 8])
    found = lines(ax)
    assert list(found) == ["left out", "CKN", "best left out: 4"]  # the largest of the best
    assert list(found["best left out: 4"].get_xdata()) == [4, 4]
    assert list(lines(plot.path({"a": [1, 0]}, lambdas=[1, 2]))) == ["a"]
    many = lines(plot.path({str(k): [0.5] for k in range(12)}, lambdas=[1]))
    assert len({str(line.get_color()) for line in many.values()}) == 12


@pytest.mark.parametrize(
    ("arguments", "keys", "message"),
    [
        ((FITTED,), {}, "a Ridge needs y"),
        ((FITTED, Y), {"lambdas": [1, 2, 3]}, "no lambdas"),
        ((FITTED, Y[:4]), {}, r"y must have shape \(30,\)"),
        ((FITTED, Y), {"test": [0.5, 0.5]}, r"'test' must have shape \(3,\)"),
        ((FITTED, Y), {"test": [0.5, 90, 0.5]}, "between 0 and 1"),
        (({"a": [1]},), {}, "needs lambdas"),
        (({"a": [1]}, Y), {"lambdas": [1]}, "no y"),
        (({"a": [np.nan]},), {"lambdas": [1]}, "between 0 and 1"),
        (({"a": [1]},), {"lambdas": [0]}, "above 0"),
        (({"a": 1},), {"lambdas": 1}, "above 0"),
        (([1],), {"lambdas": [1]}, "or a mapping of accuracies, got list"),
    ],
)
def test_mistakes(arguments: tuple[Any, ...], keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ANY, match=message):
        plot.path(*arguments, **keys)


def test_an_estimator_draws_its_own_path() -> None:
    pytest.importorskip("sklearn")
    from ckn_rs.sklearn import KernelRidgeClassifierCV, KernelRidgeCV

    X = cases.images(40, (8, 8, 1))
    K = ckn_rs.compute_kernel_matrix(X, model=cases.EXP, normalize=True)
    y = np.arange(40) % 2
    estimator = KernelRidgeClassifierCV("precomputed", alphas=[0.1, 1.0, 10.0]).fit(K, y)
    ax = plot.path(estimator)
    train, left_out, line = ax.get_lines()
    np.testing.assert_array_equal(train.get_ydata(), estimator.cv_results_["train_score"])
    np.testing.assert_array_equal(left_out.get_ydata(), estimator.cv_results_["left_out_score"])
    assert line.get_xdata() == [estimator.alpha_] * 2
    assert ax.get_xlabel() == "alpha, added to the diagonal"
    with pytest.raises(ValueError, match="must be a classifier"):
        plot.path(KernelRidgeCV("precomputed").fit(K, y))
    with pytest.raises(ValueError, match="empty mapping"):
        plot.path({}, lambdas=[1.0])
    with pytest.raises(TypeError, match="lambdas must hold real numbers"):
        plot.path({"test": [0.5]}, lambdas=["one"])


def test_held_out_images_choose_too() -> None:
    fitted = ridge.fit(K, Y, [1.0, 1e-2], solver="cg", holdout=0.25)
    lines = {line.get_label(): line for line in plot.path(fitted, Y).get_lines()}
    shares = fitted.validation(Y)
    assert shares is not None
    np.testing.assert_array_equal(lines["held out"].get_ydata(), shares[::-1])
    kept = np.delete(np.arange(len(Y)), fitted.held)
    trained = np.mean(fitted.fitted[:, kept] == Y[kept], axis=1)
    np.testing.assert_array_equal(lines["train"].get_ydata(), trained[::-1])
    assert any(str(name).startswith("best held out: ") for name in lines)
    alone = plot.path(ridge.fit(K, Y, [1.0, 1e-2], solver="cg"), Y)
    assert [line.get_label() for line in alone.get_lines()] == ["train"]
