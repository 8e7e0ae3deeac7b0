"""The picture of a Gram matrix, sorted by class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ckn_rs._support.arrays import as_reals
from ckn_rs._support.options import as_count
from ckn_rs.plot._axes import axes, class_name
from ckn_rs.store import Gram

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 1000
"""Rows and columns that are drawn: more than the pixels that a picture usually has for them."""

RUNS = 10
"""The number of runs of images that are drawn of a large matrix without labels."""

SHARES = (0.02, 0.98)
"""The quantiles of the entries between which colours change."""

WIDEST = 45
"""Names of columns that have more letters, spaces between them included, are written upright."""

CLOSEST = 0.035
"""Names of classes are at least so far apart, as a share of the axis."""


def gram(
    K: ArrayLike | Gram,
    y: ArrayLike | None = None,
    ax: Axes | None = None,
    *,
    columns: ArrayLike | None = None,
    names: Sequence[str] | Mapping[Any, str] | None = None,
    most: int = MOST,
    cmap: str = "magma",
) -> Axes:
    """Draw a Gram matrix, sorted by class.

    Lines separate the classes, whose names stand at the middle of their rows and columns. Colours
    change between the quantiles 0.02 and 0.98 of the entries that are drawn, so that a few large
    ones do not hide the others; the ends of the colour bar say what lies outside.

    Of a large matrix at most about ``most`` rows and columns are read and drawn, which of a store
    are found in few of its tiles. With labels these are the first ones of each class, in proportion
    to its size, and one at least; if the images are in random order, they stand near the beginning.
    Without labels they are ten runs of rows, evenly spaced, whose numbers are written beside them.

    Parameters
    ----------
    K : array_like or store.Gram, of shape (n, m)
        The matrix: an array, a memory map, or a matrix in a store.
    y : array_like of shape (n,), optional
        The labels of the rows and, if the matrix is square, of the columns. Without labels the
        matrix is drawn in its own order.
    ax : matplotlib Axes, optional
        The place to draw in; by default that of a new figure.
    columns : array_like of shape (m,), optional
        The labels of the columns, for a matrix of two sets of images.
    names : sequence or mapping of str, optional
        The name of each label, ``names[label]``; by default the labels themselves.
    most : int
        The largest number of rows and of columns to draw.
    cmap : str
        A colour map of Matplotlib.

    Returns
    -------
    matplotlib Axes
        The Axes, with a colour bar beside it.

    Raises
    ------
    ValueError
        If the shapes do not fit, the matrix is empty or has NaN or infinite entries, or a label has
        no name.
    IncompleteError
        If a tile of a store that is needed is missing.
    ImportError
        If Matplotlib is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from ckn_rs import compute_kernel_matrix, plot
    >>> X = np.random.default_rng(0).random((30, 8, 8, 1))
    >>> K = compute_kernel_matrix(X, model=[{"npatch": 3, "subsampling": 2}])
    >>> ax = plot.gram(K, np.arange(30) % 3, names=["cat", "dog", "owl"])
    >>> [name.get_text() for name in ax.get_yticklabels()]
    ['cat', 'dog', 'owl']
    """
    matrix = K if isinstance(K, Gram | np.ndarray) else np.asarray(K)
    shape = matrix.shape
    if len(shape) != 2 or min(shape) < 1:
        raise ValueError(f"K must be a matrix (n, m) of at least one entry, got shape {shape}")
    most = as_count(most, "most")
    if columns is None and shape[0] == shape[1]:
        columns = y
    sides = []
    for name, length, labels in zip(("y", "columns"), shape, (y, columns), strict=True):
        if labels is None:
            sides.append(_in_order(length, most))
            continue
        each = np.asarray(labels)
        if each.shape != (length,):
            raise ValueError(f"{name} must have shape ({length},), a label each, got {each.shape}")
        sides.append(_by_class(each, names, most))
    drawn = matrix[np.ix_(sides[0].drawn, sides[1].drawn)]
    values = as_reals(drawn, "K").astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("K has NaN or infinite entries")
    ax = axes(ax, (5.6, 4.6))
    low, high = np.quantile(values, SHARES)
    image = ax.imshow(
        values,
        vmin=low,
        vmax=high,
        cmap=cmap,
        aspect="equal" if shape[0] == shape[1] else "auto",
    )
    for axis, line, side in ((ax.yaxis, ax.axhline, sides[0]), (ax.xaxis, ax.axvline, sides[1])):
        if not side.groups:
            continue
        for start in side.starts[1:]:
            # Faint if there are many, which would hide the matrix.
            line(start, color="white", linewidth=0.5, alpha=min(0.6, 8 / len(side.groups)))
        middles, texts = zip(*side.names(), strict=True)
        axis.set_ticks(middles, texts)
        axis.set_tick_params(length=0)
    if sum(len(text) + 1 for _, text in sides[1].names()) > WIDEST:
        ax.tick_params(axis="x", labelrotation=90)
    beyond = (bool(values.min() < low), bool(values.max() > high))
    extend = {(False, False): "neither", (True, False): "min", (False, True): "max"}
    ax.figure.colorbar(image, ax=ax, extend=extend.get(beyond, "both"))
    return ax


@dataclass(frozen=True)
class _Side:
    """The rows, or the columns, that are drawn, and the groups that they stand in."""

    drawn: NDArray[np.intp]
    groups: Sequence[str] = ()
    lengths: Sequence[int] = ()

    @property
    def starts(self) -> list[float]:
        """The edge before each group."""
        return [end - length - 0.5 for end, length in zip(self._ends(), self.lengths, strict=True)]

    def names(self) -> Iterator[tuple[float, str]]:
        """The middle of each group with its name, without names that would cover each other."""
        last, least = -np.inf, CLOSEST * len(self.drawn)
        for name, end, length in zip(self.groups, self._ends(), self.lengths, strict=True):
            middle = end - 0.5 - length / 2
            if middle - last >= least:
                yield middle, name
                last = middle

    def _ends(self) -> Iterator[int]:
        return accumulate(self.lengths)


def _in_order(length: int, most: int) -> _Side:
    """All images or, if they are too many, a few runs of them, whose names are their numbers."""
    if length <= most:
        return _Side(np.arange(length))
    count = min(RUNS, most)
    size = most // count
    firsts = [length * run // count for run in range(count)]
    drawn = np.concatenate([np.arange(first, first + size) for first in firsts])
    return _Side(drawn, [f"{first}-{first + size - 1}" for first in firsts], [size] * count)


def _by_class(
    labels: NDArray[Any], names: Sequence[str] | Mapping[Any, str] | None, most: int
) -> _Side:
    """The first images of each class."""
    found, inverse, counts = np.unique(labels, return_inverse=True, return_counts=True)
    shares = _shares(counts, most)
    order = np.argsort(inverse, kind="stable")
    begins = np.cumsum(counts) - counts
    parts = [order[begin : begin + share] for begin, share in zip(begins, shares, strict=True)]
    classes = [class_name(label, names) for label in found.tolist()]
    return _Side(np.concatenate(parts), classes, shares.tolist())


def _shares(counts: NDArray[np.intp], most: int) -> NDArray[np.intp]:
    """How many of each class are drawn: about ``most`` in all, and at least one of each."""
    if counts.sum() <= most:
        return counts
    ends = (np.cumsum(counts) * (most / counts.sum())).round().astype(np.intp)
    shares: NDArray[np.intp] = np.maximum(np.diff(ends, prepend=0), 1)
    return shares
