"""Kernel ridge regression, against a solve for each regularisation."""

from typing import Any

import numpy as np
import pytest

import cases
import ckn_rs
from ckn_rs import ridge

X = cases.images(40, (8, 8, 1))
Y = np.random.default_rng(1).integers(3, 6, 40)
K = ckn_rs.compute_kernel_matrix(X, model=cases.EXP)
LAMBDAS = [1e-6, 1e-3, 0.5]


def test_solves_the_system() -> None:
    fitted = ridge.fit(K, Y, LAMBDAS)
    targets = np.array([[(label == c) - 0.1 for c in (3, 4, 5)] for label in Y])
    scale = np.mean(np.diag(K))
    np.testing.assert_allclose(fitted.added, np.array(LAMBDAS) * scale)
    for added, coefficients in zip(fitted.added, fitted.coefficients, strict=True):
        wanted = np.linalg.solve(K + added * np.eye(40), targets)
        np.testing.assert_allclose(coefficients, wanted, rtol=1e-6, atol=1e-9)


def test_predicts() -> None:
    train, test = np.arange(30), np.arange(30, 40)
    fitted = ridge.fit(K[np.ix_(train, train)], Y[train], LAMBDAS)
    kernels = K[np.ix_(train, test)]
    guesses = fitted.predict(kernels)
    assert guesses.shape == (3, 10)
    for coefficients, guess in zip(fitted.coefficients, guesses, strict=True):
        scores = kernels.T @ coefficients
        np.testing.assert_array_equal(guess, np.array([3, 4, 5])[scores.argmax(axis=1)])
    shares = [np.mean(guess == Y[test]) for guess in guesses]
    np.testing.assert_array_equal(fitted.accuracies(kernels, Y[test]), shares)


def test_left_out_is_a_fit_without() -> None:
    fitted = ridge.fit(K, Y, LAMBDAS)
    assert fitted.left_out is not None
    for i in range(40):
        others = np.delete(np.arange(40), i)
        # The regularisation stays that of the whole matrix.
        lambdas = fitted.added / np.mean(np.diag(K)[others])
        one = ridge.fit(K[np.ix_(others, others)], Y[others], lambdas.tolist())
        np.testing.assert_array_equal(
            one.predict(K[others, i : i + 1])[:, 0], fitted.left_out[:, i]
        )


def test_float32_matrices_are_solved_in_float64() -> None:
    single = K.astype(np.float32)
    both = (ridge.fit(k, Y, LAMBDAS) for k in (single, single.astype(np.float64)))
    first, second = (fitted.coefficients for fitted in both)
    assert first.dtype == np.float64
    np.testing.assert_array_equal(first, second)


def test_mistakes() -> None:
    bad = K.copy()
    bad[0, 1] = np.nan
    refused: list[tuple[tuple[Any, ...], str]] = [
        ((K[:3], Y), "square"),
        ((K, Y[:-1]), r"y must have shape \(40,\)"),
        ((bad, Y), "NaN"),
        ((K, np.zeros(40)), "two labels"),
        ((-K, Y), "diagonal"),
        ((K, Y, []), "lambdas"),
        ((K, Y, [0.0]), "lambdas"),
        ((K, Y, [np.inf]), "lambdas"),
    ]
    for arguments, message in refused:
        with pytest.raises(ValueError, match=message):
            ridge.fit(*arguments)
    fitted = ridge.fit(K, Y)
    with pytest.raises(ValueError, match="40 rows"):
        fitted.predict(K[:5])
    with pytest.raises(ValueError, match="y must have shape"):
        fitted.accuracies(K, Y[:4])
