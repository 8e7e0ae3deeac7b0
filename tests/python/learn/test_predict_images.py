"""``ridge.Classifier``: labels of images without a matrix, against those of the matrix."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cases
import ckn_rs
from ckn_rs import ridge
from ckn_rs._support.images import Images
from ckn_rs.compute import blocks

SHAPE = (8, 8, 1)
X = cases.images(20, SHAPE)
OTHERS = cases.images(13, SHAPE, seed=1)
Y = np.arange(20) % 3
LAMBDAS = [1e-6, 0.1]


def classifier(**options: Any) -> tuple[ridge.Classifier, ridge.Ridge, np.ndarray[Any, Any]]:
    """A classifier, the fits that it is one of, and the matrix of the other images."""
    options = {"model": cases.RELU if options.get("ntk") else cases.EXP, **options}
    fitted = ridge.fit(ckn_rs.compute_kernel_matrix(X, **options), Y, LAMBDAS)
    test = ckn_rs.compute_kernel_matrix(X, OTHERS, **options)
    return ridge.Classifier.of(fitted, X, lambda_=0.1, **options), fitted, test


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize(("ntk", "dtype"), [(False, "float32"), (True, "float64")])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_scores_are_those_of_the_matrix(
    normalize: bool, ntk: bool, dtype: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "ROWS", size)
    monkeypatch.setattr(blocks, "COLUMNS", size + 2)
    one, fitted, test = classifier(normalize=normalize, ntk=ntk, dtype=dtype)
    wanted = test.astype(np.float64).T @ fitted.coefficients[1]
    # The kernels have the same bits; the order of the sums differs.
    np.testing.assert_allclose(one.scores(OTHERS), wanted, rtol=0, atol=1e-13 * abs(wanted).max())
    np.testing.assert_array_equal(one.predict(OTHERS), fitted.predict(test)[1])
    np.testing.assert_array_equal(one.predict(OTHERS[3:4]), fitted.predict(test)[1, 3:4])


def test_blocks_have_the_bits_of_the_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks are cut by the bytes of their images, too, and columns are complete in turn."""
    spec = ckn_rs.Model.from_dicts(cases.EXP)
    one, _, test = classifier(model=spec)
    plan = one.record.plan()
    monkeypatch.setattr(blocks, "BYTES", 3 * 8 * (64 + plan.norms_len))
    found = np.full(test.shape, np.nan)
    places = []
    sets = (Images(X, "train"), Images(OTHERS, "images"))
    for rows, columns, K in blocks.gram_blocks(plan, *sets, np.dtype(np.float64)):
        found[rows, columns] = K
        places.append((columns.start, rows.start))
    np.testing.assert_array_equal(found, test)
    assert places == [(c, r) for c in range(0, 13, 6) for r in range(0, 20, 3)]


def test_progress_is_that_of_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    @contextmanager
    def bar(shown: bool, total: int, unit: str) -> Iterator[Callable[[int], object] | None]:
        assert (total, unit) == (260, "pairs")
        yield seen.append if shown else None

    monkeypatch.setattr(blocks, "progress_bar", bar)
    monkeypatch.setattr(blocks, "ROWS", 6)
    monkeypatch.setattr(blocks, "COLUMNS", 5)
    one, _, _ = classifier()
    one.predict(OTHERS)
    assert not seen
    one.predict(OTHERS, progress=True)
    assert seen == sorted(seen)
    assert len(seen) >= 12
    assert seen[-1] == 260


def test_images_of_other_kinds() -> None:
    one, _, _ = classifier(dtype="float32")
    wanted = one.predict(OTHERS)
    for images in (OTHERS.astype(np.float32), np.asfortranarray(OTHERS), OTHERS.tolist()):
        np.testing.assert_array_equal(one.predict(images), wanted)
    assert one.predict(np.zeros((2, *SHAPE), np.uint8)).shape == (2,)


def test_no_images() -> None:
    one, _, _ = classifier()
    assert one.predict(OTHERS[:0]).shape == (0,)
    assert one.predict(OTHERS[:0]).dtype == Y.dtype
    assert one.scores(OTHERS[:0]).shape == (0, 3)


@pytest.mark.parametrize(
    "labels",
    [
        np.array([False, True]),
        np.array([3, 7], np.uint8),
        np.array(["cat", "dog"]),
        np.array([b"cat", b"dog"]),
        np.array([0.5, 1.5]),
    ],
)
def test_labels_of_any_kind(labels: np.ndarray[Any, Any], tmp_path: Path) -> None:
    y = labels[np.arange(20) % 2]
    K = ckn_rs.compute_kernel_matrix(X, model=cases.EXP)
    ridge.Classifier.of(ridge.fit(K, y), X, y, model=cases.EXP).save(tmp_path / "fit.npz")
    guesses = ridge.Classifier.load(tmp_path / "fit.npz", X).predict(X)
    assert guesses.dtype == labels.dtype
    assert set(guesses.tolist()) <= set(labels.tolist())


def test_the_best_fit_is_taken() -> None:
    K = ckn_rs.compute_kernel_matrix(X, model=cases.EXP)
    fitted = ridge.fit(K, Y, [1e-6, 1e-2, 1e-1])
    left_out = np.stack([Y, Y, Y])
    left_out[0, :2] += 1
    chosen = replace(fitted, left_out=left_out)
    # Of equals the largest.
    assert ridge.Classifier.of(chosen, X, Y, model=cases.EXP).lambda_ == 1e-1
    left_out[2, 0] += 1
    one = ridge.Classifier.of(chosen, X, Y, model=cases.EXP)
    assert one.lambda_ == 1e-2
    np.testing.assert_array_equal(one.record.coefficients, fitted.coefficients[1])
    assert repr(one) == (
        "<Classifier: 20 training images 8x8x1, 3 labels, CKN in float64, lambda 0.01>"
    )
    single = ridge.fit(K, Y, [0.5])
    assert ridge.Classifier.of(single, X, model=cases.EXP).lambda_ == 0.5


def test_mistakes() -> None:
    one, fitted, _ = classifier()
    of = ridge.Classifier.of
    with pytest.raises(ValueError, match="give y, the labels of train"):
        of(fitted, X, model=cases.EXP)
    with pytest.raises(ValueError, match=r"y must have shape \(20,\)"):
        of(fitted, X, Y[:3], model=cases.EXP)
    with pytest.raises(ValueError, match=r"lambda_ must be one of .* 1e-06, 0.1; got 0.2"):
        of(fitted, X, lambda_=0.2, model=cases.EXP)
    with pytest.raises(ValueError, match=r"train must be the training images .* shape"):
        of(fitted, X[:5], lambda_=0.1, model=cases.EXP)
    with pytest.raises(ValueError, match=r"train must be .*; these have another digest"):
        ridge.Classifier(one.record, X[::-1])
    bad = X.copy()
    bad[3, 0, 0] = np.nan
    with pytest.raises(ValueError, match="mine: image 3 contains NaN"):
        ridge.Classifier(one.record, bad, name="mine")
    with pytest.raises(ValueError, match="images of images and the fit must have one shape"):
        one.blocks(OTHERS[:, :7])  # before the first block is asked for
    with pytest.raises(ValueError, match=r"images must have shape \(n, h, w, c\)"):
        one.predict(OTHERS[..., 0])
    with pytest.raises(TypeError, match="n_threads"):
        one.predict(OTHERS, n_threads=0.5)  # type: ignore[arg-type]
    bad = OTHERS.copy()
    bad[7, 0, 0, 0] = np.inf
    with pytest.raises(ValueError, match="images: image 7 contains NaN or infinite values"):
        one.predict(bad)


#: 6,000 against 6,000 images: a matrix of 144 MB.
LARGE = """
import sys
import numpy as np
from ckn_rs import Model, ridge
X = np.random.default_rng(0).random((6000, 1, 2, 1), dtype=np.float32)
model = Model([{"npatch": 1, "kernel": "linear", "pooling": "none"}])
a, none = np.random.default_rng(1).random((1, 6000, 3)), np.empty((1, 6000), int)
fitted = ridge.Ridge(
    (0.1,), np.array([0.1]), np.arange(3), a, none, none,
    "eigh", np.zeros(1), np.ones(1, bool), 0, np.empty(0, int), none[:, :0],
)
one = ridge.Classifier.of(fitted, X, model=model)
def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) << 10
one.scores(X[:1], n_threads=1)
before = peak()
scores = one.scores(X, n_threads=1)
print(peak() - before)
points = X.reshape(6000, 2).astype(float)
np.testing.assert_allclose(scores, points @ (points.T @ a[0]), rtol=1e-5)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_memory_is_that_of_blocks() -> None:
    done = subprocess.run([sys.executable, "-c", LARGE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 48 << 20
