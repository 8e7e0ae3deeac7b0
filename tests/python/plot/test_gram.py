"""The picture of a Gram matrix: what is drawn of it, where, and what is read of a store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from ckn_rs import plot
from messages import ANY

RNG = np.random.default_rng(0)
Y = RNG.integers(3, 7, 60)
K = RNG.random((60, 60))
ORDER = np.argsort(Y, kind="stable")


def shown(ax: Axes) -> Any:
    return np.asarray(ax.get_images()[0].get_array())


def ticks(ax: Axes, axis: str) -> dict[str, float]:
    """The names along an axis and where they stand."""
    places = getattr(ax, f"get_{axis}ticks")()
    texts = [text.get_text() for text in getattr(ax, f"get_{axis}ticklabels")()]
    return dict(zip(texts, places.tolist(), strict=True))


def test_sorted_by_class() -> None:
    ax = plot.gram(K, Y)
    np.testing.assert_array_equal(shown(ax), K[np.ix_(ORDER, ORDER)])
    np.testing.assert_array_equal(ax.get_images()[0].get_extent(), [-0.5, 59.5, 59.5, -0.5])
    for axis in "xy":
        found = ticks(ax, axis)
        assert list(found) == ["3", "4", "5", "6"]
        for name, place in found.items():
            assert place == np.flatnonzero(Y[ORDER] == int(name)).mean()
    starts = np.flatnonzero(np.diff(Y[ORDER])) + 0.5
    lines = [np.asarray(line.get_xydata()) for line in ax.get_lines()]
    assert [line[0, 1] for line in lines[:3]] == starts.tolist()
    assert [line[0, 0] for line in lines[3:]] == starts.tolist()


def test_colours_leave_out_the_ends() -> None:
    matrix = K.copy()
    matrix[3, 5] = 1e6
    ax = plot.gram(matrix)
    low, high = ax.get_images()[0].get_clim()
    assert (low, high) == tuple(np.quantile(matrix, [0.02, 0.98]))
    bar = ax.get_images()[0].colorbar
    assert bar is not None
    assert bar.extend == "both"
    assert bar.ax.get_figure() is ax.get_figure()
    flat = plot.gram(np.eye(100)).get_images()[0].colorbar
    assert flat is not None
    assert flat.extend == "max"


def test_two_sets() -> None:
    columns = np.arange(20) % 2
    _, given = plt.subplots()
    names = {0: "zero", 1: "one", **{k: str(k) for k in range(3, 7)}}
    ax = plot.gram(K[:, :20], Y, given, columns=columns, names=names)
    assert ax is given
    order = np.argsort(columns, kind="stable")
    np.testing.assert_array_equal(shown(ax), K[np.ix_(ORDER, order)])
    assert list(ticks(ax, "x")) == ["zero", "one"]
    only_rows = plot.gram(K[:, :20], Y)
    np.testing.assert_array_equal(shown(only_rows), K[ORDER, :20])


def test_large_matrices_are_thinned() -> None:
    n = 5000
    labels = np.repeat([0, 1, 2], [n // 2, n // 2 - 3, 3])
    vector = np.arange(n, dtype=float)
    matrix = np.broadcast_to(vector, (n, n))  # each column has its number
    drawn = shown(plot.gram(matrix, labels, most=100))[0]
    assert [(labels[drawn.astype(int)] == k).sum() for k in range(3)] == [50, 50, 1]
    np.testing.assert_array_equal(drawn[:50], np.arange(50))  # the first ones of each class
    np.testing.assert_array_equal(drawn[-1], n - 3)


def test_large_matrices_without_labels() -> None:
    n = 5000
    matrix = np.broadcast_to(np.arange(n, dtype=float), (n, n))
    ax = plot.gram(matrix)
    runs = shown(ax)[0].reshape(10, 100)
    np.testing.assert_array_equal(runs, np.arange(100) + 500 * np.arange(10)[:, None])
    assert list(ticks(ax, "x"))[:2] == ["0-99", "500-599"]
    np.testing.assert_array_equal(list(ticks(ax, "x").values())[:2], [49.5, 149.5])
    np.testing.assert_array_equal(ax.get_xlim(), [-0.5, 999.5])
    assert shown(plot.gram(matrix, most=7)).shape == (7, 7)
    small = plot.gram(matrix[:900, :900])
    assert shown(small).shape == (900, 900)
    assert not small.get_lines()


def test_names_do_not_cover_each_other() -> None:
    labels = np.repeat(np.arange(200), 3)
    ax = plot.gram(np.ones((600, 600)), labels, names=[f"class {k}" for k in range(200)])
    places = np.array(list(ticks(ax, "y").values()))
    assert 10 < len(places) < 40
    assert np.diff(places).min() >= 0.035 * 600
    assert {text.get_rotation() for text in ax.get_xticklabels()} == {90.0}
    assert {text.get_rotation() for text in ax.get_yticklabels()} == {0.0}


def test_few_tiles_of_a_store_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("zarr", reason="stores need zarr 3, on Python 3.11 or later")
    from ckn_rs import store
    from ckn_rs.store._layout import Layout
    from stores import MODEL, X

    whole = store.compute_gram(tmp_path / "K.zarr", X, model=MODEL, tile=4)
    labels = np.arange(23) % 2
    order = np.argsort(labels, kind="stable")
    np.testing.assert_array_equal(
        shown(plot.gram(whole, labels)), np.asarray(whole)[np.ix_(order, order)]
    )
    read: list[Any] = []
    read_part = Layout.read

    def noted(layout: Layout, part: Any) -> Any:
        read.append(part)
        return read_part(layout, part)

    monkeypatch.setattr(Layout, "read", noted)
    plot.gram(whole, labels, most=8)
    assert {(part.row, part.column) for part in read} == {(0, 0), (0, 1), (1, 1)}
    read.clear()
    plot.gram(whole, most=2)
    assert {(part.row, part.column) for part in read} == {(0, 0), (0, 2), (2, 2)}
    (tmp_path / "K.zarr" / "kernel" / "c" / "0" / "1").unlink()
    with pytest.raises(store.IncompleteError, match="tile"):
        plot.gram(whole, labels, most=8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((K[0],), r"K must be a matrix \(n, m\).*\(60,\)"),
        ((K[:0],), "at least one entry"),
        ((K, Y[:9]), r"y must have shape \(60,\), a label each, got \(9,\)"),
        ((np.where(K > 0.9, np.nan, K), Y), "NaN"),
        ((K, Y, "here"), "ax must be a Matplotlib Axes, got str"),
    ],
)
def test_mistakes(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ANY, match=message):
        plot.gram(*arguments)


def test_mistakes_by_keyword() -> None:
    with pytest.raises(ValueError, match=r"columns must have shape \(20,\)"):
        plot.gram(K[:, :20], Y, columns=Y)
    with pytest.raises(ValueError, match="no name for the label 3"):
        plot.gram(K, Y, names=["a", "b", "c"])
    with pytest.raises(ValueError, match="no name for the label -1"):
        plot.gram(K, np.sign(Y - 4.5).astype(int), names=["minus", "plus"])
    with pytest.raises(ValueError, match="most must be at least 1"):
        plot.gram(K, most=0)
