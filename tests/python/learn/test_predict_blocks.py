"""``Ridge.predict`` on matrices that are read a block at a time."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

import cases
from ckn_rs import ridge
from ckn_rs.learn import streaming

RNG = np.random.default_rng(0)
FITTED = replace(
    ridge.fit(np.eye(23), list("abc" * 7 + "ab"), [0.1, 0.2]),
    coefficients=RNG.standard_normal((2, 23, 3)),
)
K = RNG.random((23, 11)).astype(np.float32)


class Recorder:
    """A matrix with chunks that keeps which blocks are read."""

    def __init__(self, values: np.ndarray[Any, Any], chunks: Any = None) -> None:
        self.values, self.chunks, self.read = values, chunks, list[Any]()
        self.shape, self.dtype = values.shape, values.dtype

    def __getitem__(self, key: Any) -> Any:
        self.read.append(key)
        return self.values[key]


def wanted(matrix: Any) -> np.ndarray[Any, Any]:
    whole = np.asarray(matrix, np.float64)
    return np.stack([FITTED.labels[(whole.T @ a).argmax(axis=1)] for a in FITTED.coefficients])


@pytest.mark.parametrize("entries", [1, 7, 60, 1 << 20])
@pytest.mark.parametrize("chunks", [None, (4, 3), (50, 2), (1, 50), "auto"])
def test_every_block_is_read_once(
    entries: int, chunks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "ENTRIES", entries)
    recorder = Recorder(K, chunks)
    np.testing.assert_array_equal(FITTED.predict(cast(Any, recorder)), wanted(K))
    seen = np.zeros(K.shape, int)
    for rows, columns in recorder.read:
        seen[rows, columns] += 1
        high, wide = chunks if isinstance(chunks, tuple) else (1, 1)
        assert rows.start % high == 0
        assert columns.start % wide == 0
        size = (rows.stop - rows.start) * (columns.stop - columns.start)
        assert size <= max(entries, high * wide)
    assert (seen == 1).all()


@pytest.mark.parametrize(
    "matrix",
    [
        K,
        np.asfortranarray(K),
        K[:, ::-1],
        K.astype(np.float16),
        (100 * K).astype(np.uint8),
        K > 0.5,
        K.astype(object),
        K.tolist(),
        K[:, :1],
    ],
)
def test_matrices_of_all_kinds(matrix: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "ENTRIES", 10)
    np.testing.assert_array_equal(FITTED.predict(matrix), wanted(matrix))


def test_no_images() -> None:
    guesses = FITTED.predict(K[:, :0])
    assert guesses.shape == (2, 0)
    assert guesses.dtype == FITTED.labels.dtype
    with pytest.raises(ValueError, match="no accuracy of no images"):
        FITTED.accuracies(K[:, :0], [])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_entries_that_are_not_finite(value: float) -> None:
    bad = K.copy()
    bad[20, 4] = value
    with pytest.raises(ValueError, match="K has NaN or infinite entries in columns 0 to 10"):
        FITTED.predict(bad)


def test_mistakes() -> None:
    for matrix in (K[:5], K[0], K[None]):
        with pytest.raises(ValueError, match="K must have 23 rows"):
            FITTED.predict(matrix)
    with pytest.raises(TypeError, match="real numbers, got dtype complex64"):
        FITTED.predict(K.astype(np.complex64))
    reader = Recorder(K)
    with pytest.raises(ValueError, match=r"y must have shape \(11,\)"):
        FITTED.accuracies(cast(Any, reader), ["a"])
    assert not reader.read  # a mistake is found before the matrix is read


def test_a_tile_of_a_store_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("zarr", reason="stores need zarr 3, on Python 3.11 or later")
    from ckn_rs import store

    images = cases.images(34, (8, 8, 1)).astype(np.float32)
    T = store.compute_gram(tmp_path / "T.zarr", images[:23], images[23:], model=cases.EXP, tile=5)
    read = []
    load = store.Gram._tile

    def count(gram: store.Gram, tile: Any) -> Any:
        read.append(tile.place)
        return load(gram, tile)

    monkeypatch.setattr(store.Gram, "_tile", count)
    monkeypatch.setattr(streaming, "ENTRIES", 60)
    guesses = FITTED.predict(T)
    assert sorted(read) == [(i, j) for i in range(5) for j in range(3)]
    np.testing.assert_array_equal(guesses, wanted(T))


#: A store whose matrix has 72 MB, 144 MB in float64.
LARGE = """
import sys
import numpy as np
from ckn_rs import ridge, store
X = np.random.default_rng(0).random((6000, 1, 2, 1), dtype=np.float32)
model = [{"npatch": 1, "kernel": "linear", "pooling": "none"}]
n = 3000
store.compute_gram(sys.argv[1], X[:n], X, model=model, tile=300, n_threads=1)
none = np.empty((2, n), int)
labels, a = np.arange(3), np.random.default_rng(1).random((2, n, 3))
fitted = ridge.Ridge(
    (0.1, 0.2), np.array([0.1, 0.2]), labels, a, none, none,
    "eigh", np.zeros(2), np.ones(2, bool), 0, np.empty(0, int), none[:, :0],
)
def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) << 10
T = store.open_gram(sys.argv[1])
fitted.predict(store.open_gram(sys.argv[1])[:, :1])
before = peak()
guesses = fitted.predict(T)
print(peak() - before)
points = X.reshape(6000, 2).astype(float)
assert (guesses == (points @ (points[:n].T @ a)).argmax(axis=2)).mean() > 0.999
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_memory_is_that_of_blocks(tmp_path: Path) -> None:
    pytest.importorskip("zarr", reason="stores need zarr 3, on Python 3.11 or later")
    done = subprocess.run(
        [sys.executable, "-c", LARGE, str(tmp_path / "T.zarr")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 32 << 20
