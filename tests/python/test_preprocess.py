"""Whitening, against its definition in loops."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

import cases
from ckn_rs import preprocess
from ckn_rs.preprocess import whiten

Image = NDArray[np.float64]


def patches_of(image: Image, k: int) -> Image:
    h, w, _ = image.shape
    return np.array(
        [image[y : y + k, x : x + k] for y in range(h - k + 1) for x in range(w - k + 1)]
    )


def put_back(patches: Image, shape: tuple[int, ...]) -> Image:
    h, w, _ = shape
    k = patches.shape[1]
    total, count = np.zeros(shape), np.zeros(shape)
    places = ((y, x) for y in range(h - k + 1) for x in range(w - k + 1))
    for (y, x), patch in zip(places, patches, strict=True):
        total[y : y + k, x : x + k] += patch
        count[y : y + k, x : x + k] += 1
    return total / count


def definition(image: Image, k: int, threshold: float, original: bool) -> Image:
    patches = patches_of(image, k)
    patches = patches - patches.mean(axis=(1, 2), keepdims=True)
    if original:
        patches = patches_of(put_back(patches, image.shape), k)
    flat = patches.reshape(len(patches), -1)
    covariance = np.sum([np.outer(p, p) for p in flat], axis=0)
    covariance = covariance if original else covariance / len(flat)
    values, vectors = np.linalg.eigh(covariance)
    root = np.zeros_like(covariance)
    for value, vector in zip(values, vectors.T, strict=True):
        if value > threshold * values.max():
            root += value ** (-0.25 if original else -0.5) * np.outer(vector, vector)
    return put_back((flat @ root).reshape(patches.shape), image.shape)


@pytest.mark.parametrize("original", [False, True])
@pytest.mark.parametrize(("shape", "k"), [((9, 7, 3), 3), ((8, 8, 1), 2), ((12, 10, 2), 5)])
def test_is_the_definition(shape: tuple[int, int, int], k: int, original: bool) -> None:
    X = cases.images(5, shape)
    for threshold in (1e-8, 0.2):
        white = whiten(X, k, threshold=threshold, original=original)
        for image, result in zip(X, white, strict=True):
            wanted = definition(image, k, threshold, original)
            np.testing.assert_allclose(result, wanted, atol=1e-9 * np.abs(wanted).max())


def test_patches_are_white() -> None:
    """Their covariance is the projection on patches without a mean."""
    X = cases.images(1, (40, 40, 3))
    patches = patches_of(X[0], 3)
    flat = (patches - patches.mean(axis=(1, 2), keepdims=True)).reshape(len(patches), -1)
    values, vectors = np.linalg.eigh(flat.T @ flat / len(flat))
    kept = values > 1e-8 * values.max()
    assert kept.sum() == 24
    white = flat @ (vectors[:, kept] / np.sqrt(values[kept])) @ vectors[:, kept].T
    np.testing.assert_allclose(whiten(X)[0], put_back(white.reshape(patches.shape), X[0].shape))


def test_scale_shift_and_chunks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    X = cases.images(7, (10, 10, 3))
    white = whiten(X)
    np.testing.assert_allclose(whiten(37 * X), white, atol=1e-9)
    np.testing.assert_allclose(whiten(X + np.arange(3)), white, atol=1e-9)
    monkeypatch.setattr("ckn_rs.preprocess.CHUNK", 1)
    np.testing.assert_allclose(whiten(X), white, atol=1e-12)


def test_dtypes() -> None:
    X = cases.images(2, (8, 8, 3))
    assert whiten(X).dtype == np.float64
    assert whiten(X.astype(np.float32)).dtype == np.float32
    pixels = (255 * np.abs(X)).astype(np.uint8)
    np.testing.assert_allclose(whiten(pixels), whiten(pixels / 255), atol=1e-5)


@pytest.mark.parametrize("original", [False, True])
def test_flat_images_are_blank(original: bool) -> None:
    X = np.stack([np.full((9, 9, 3), value) for value in (0.0, 0.1, 1e8 / 3)])
    np.testing.assert_array_equal(whiten(X, original=original), 0)
    assert whiten(X[:0]).shape == (0, 9, 9, 3)


def test_mistakes() -> None:
    X = cases.images(2, (8, 6, 3))
    for npatch, message in [(0, "at least 1"), (7, "at most 6"), (2.5, "whole"), (True, "whole")]:
        with pytest.raises((TypeError, ValueError), match=f"npatch must be .*{message}"):
            whiten(X, npatch)  # type: ignore[arg-type]
    for threshold in (-1, 1, np.nan):
        with pytest.raises(ValueError, match="threshold"):
            whiten(X, threshold=threshold)
    with pytest.raises(ValueError, match="original must be False or True, got 'False'"):
        whiten(X, original="False")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="ims"):
        whiten(X[0])
    X[1, 2, 3, 0] = np.inf
    with pytest.raises(ValueError, match="NaN or infinite"):
        whiten(X)


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    X = cases.images(23, (9, 8, 2))
    one = whiten(X, n_threads=1)
    # Blocks of two images.
    monkeypatch.setattr(preprocess, "CHUNK", 2 * X[0].size * 9)
    np.testing.assert_array_equal(whiten(X, n_threads=3), one)
    with pytest.raises(ValueError, match="n_threads must be at least 1"):
        whiten(X, n_threads=0)
    X[20, 1, 1, 0] = np.nan
    with pytest.raises(ValueError, match="NaN or infinite"):
        whiten(X, n_threads=3)
