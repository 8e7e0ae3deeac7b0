"""The images nearest to one, against distances that are computed on their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

import cases
import ckn_rs
from ckn_rs import plot
from messages import ANY

X = np.random.default_rng(0).random((12, 8, 6, 1))
K = ckn_rs.compute_kernel_matrix(X, model=cases.EXP)


def drawn(ax: Axes) -> list[Any]:
    return [np.asarray(image.get_array()) for image in ax.get_images()]


def test_the_nearest_come_first() -> None:
    distances = ckn_rs.compute_distances(X, np.repeat(X[4:5], 12, axis=0), cases.EXP)
    near = [each for each in np.argsort(distances) if each != 4][:5]
    _, given = plt.subplots()
    ax = plot.neighbours(K, X, 4, given, count=5)
    assert ax is given
    for picture, wanted in zip(drawn(ax), X[[4, *near]], strict=True):
        np.testing.assert_array_equal(picture, wanted[..., 0])
    texts = [text.get_text() for text in ax.texts]
    assert texts == ["image 4", *(f"{distances[each]:.2g}" for each in near)]
    limits = {image.get_clim() for image in ax.get_images()}
    assert limits == {(X[[4, *near]].min(), X[[4, *near]].max())}  # one scale of grey
    boxes = np.array([image.get_extent() for image in ax.get_images()])
    assert (boxes[1:, 0] > boxes[:-1, 1]).all()  # side by side
    np.testing.assert_allclose(boxes[:, 1] - boxes[:, 0], 6)
    assert ax.get_xlim() == (0, boxes[-1, 1])


def test_labels() -> None:
    labels = np.arange(12) % 2
    ax = plot.neighbours(K, X, 4, count=2, y=labels, names=["even", "odd"])
    above = [text.get_text() for text in ax.texts][1::2]
    pixels = X.reshape(12, -1)
    where = [int(np.argmin(abs(pixels - each.ravel()).sum(axis=1))) for each in drawn(ax)]
    assert above == [["even", "odd"][k % 2] for k in where]


@pytest.mark.parametrize("bright", [1, 3, 255])
def test_colours(bright: int) -> None:
    colours = np.random.default_rng(1).random((12, 5, 5, 3)) * bright
    images = colours.astype(np.uint8) if bright == 255 else colours
    for picture in drawn(plot.neighbours(K, images, 0, count=11)):
        assert picture.shape == (5, 5, 3)
        assert picture.max() <= (255 if bright == 255 else 1)


def test_an_image_twice_is_its_own_neighbour() -> None:
    """Rounding does not make its distance negative, and the image itself is left out."""
    twice = np.concatenate([X[:3], X[:3]]).astype(np.float32) * 7
    matrix = ckn_rs.compute_kernel_matrix(twice, model=cases.EXP)
    ax = plot.neighbours(matrix, twice, 4, count=1)
    assert [text.get_text() for text in ax.texts] == ["image 4", "0"]
    np.testing.assert_array_equal(drawn(ax)[1], twice[1][..., 0])


def test_of_a_store(tmp_path: Path) -> None:
    pytest.importorskip("zarr", reason="stores need zarr 3, on Python 3.11 or later")
    from ckn_rs import store

    np.save(tmp_path / "X.npy", X)
    images = np.load(tmp_path / "X.npy", mmap_mode="r")
    whole = store.compute_gram(tmp_path / "K.zarr", images, model=cases.EXP, tile=5)
    ours, theirs = plot.neighbours(whole, images, 11), plot.neighbours(K, X, 11)
    np.testing.assert_array_equal(drawn(ours), drawn(theirs))
    assert [t.get_text() for t in ours.texts] == [t.get_text() for t in theirs.texts]


@pytest.mark.parametrize(
    ("arguments", "keys", "message"),
    [
        ((K[:5], X, 0), {}, r"square matrix \(n, n\) of one set of images, got \(5, 12\)"),
        ((K, X[:5], 0), {}, r"images must have shape \(12, h, w, c\)"),
        ((K, X[..., 0], 0), {}, r"images must have shape \(12, h, w, c\)"),
        ((K, np.zeros((12, 4, 4, 2)), 0), {}, "1 channel or 3"),
        ((K, X, 12), {}, "index must be from 0 to 11, got 12"),
        ((K, X, -1), {}, "index must be from 0 to 11, got -1"),
        ((K, X, 1.0), {}, "index must be the number of an image, got 1.0"),
        ((K, X, 1), {"count": 12}, "count must be at most 11"),
        ((K, X, 1), {"count": 0}, "count must be at least 1"),
        ((K, X, 1), {"y": np.arange(5)}, r"y must have shape \(12,\)"),
        ((K, X, 1), {"y": np.arange(12), "names": ["one"]}, "no name for the label"),
        ((np.where(K[1, 3] == K, np.nan, K), X, 1), {}, "NaN"),
        ((K, np.where(X > 0.9, np.inf, X), 1), {}, "images contains NaN or infinite values"),
    ],
)
def test_mistakes(arguments: tuple[Any, ...], keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ANY, match=message):
        plot.neighbours(*arguments, **keys)


def test_few_images_are_all_drawn() -> None:
    X = cases.images(3, (8, 8, 1))
    K = ckn_rs.compute_kernel_matrix(X, model=cases.EXP)
    assert len(plot.neighbours(K, X, 1).get_images()) == 3
