"""The picture of the images nearest to one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ckn_rs._support.options import as_count
from ckn_rs.plot._axes import axes, class_name
from ckn_rs.plot._pixels import as_picture, picture_style
from ckn_rs.store import Gram

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 8
"""How many neighbours are drawn by default."""

GAP = 0.12
"""The space between two pictures, as a share of their width."""

AFTER_THE_FIRST = 0.4
"""The space between the image and its neighbours."""


def neighbours(
    K: ArrayLike | Gram,
    images: ArrayLike,
    index: int,
    ax: Axes | None = None,
    *,
    count: int | None = None,
    y: ArrayLike | None = None,
    names: Sequence[str] | Mapping[Any, str] | None = None,
) -> Axes:
    """Draw an image and those nearest to it in the kernel's space, the nearest first.

    The squared distance of images ``x`` and ``x'`` is ``k(x, x) + k(x', x') - 2 k(x, x')``. Here it
    follows from one row of the matrix and its diagonal, and no more is read of a store.

    Parameters
    ----------
    K : array_like or store.Gram, of shape (n, n)
        The kernel matrix of the images. After ``normalize=True`` the order is that of cosines.
    images : array_like of shape (n, h, w, c)
        The images, with 1 or 3 channels; of a memory map only those that are drawn are read.
    index : int
        The number of the image whose neighbours are drawn.
    ax : matplotlib Axes, optional
        The place to draw in; by default that of a new figure.
    count : int, optional
        The number of neighbours, at most ``n - 1``. By default it is 8, or all of fewer.
    y : array_like of shape (n,), optional
        Labels, which are written above the pictures.
    names : sequence or mapping of str, optional
        The name of each label, ``names[label]``; by default the labels themselves.

    Returns
    -------
    matplotlib Axes
        The Axes: the image first, then its neighbours with their squared distances below.

    Raises
    ------
    TypeError, ValueError
        If ``K`` is not square, shapes do not fit, there is no such image or there are not so many
        neighbours, or a label has no name.
    IncompleteError
        If a tile of a store that is needed is missing.
    ImportError
        If Matplotlib is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from ckn_rs import compute_kernel_matrix, plot
    >>> X = np.random.default_rng(0).random((10, 8, 8, 1))
    >>> X[7] = X[2]
    >>> K = compute_kernel_matrix(X, model=[{"npatch": 3, "subsampling": 2}])
    >>> ax = plot.neighbours(K, X, 2, count=3)
    >>> len(ax.get_images()), [text.get_text() for text in ax.texts][:2]
    (4, ['image 2', '0'])
    """
    matrix = K if isinstance(K, Gram | np.ndarray) else np.asarray(K)
    shape = matrix.shape
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ValueError(f"K must be the square matrix (n, n) of one set of images, got {shape}")
    pixels: Any = images if hasattr(images, "shape") else np.asarray(images)
    if len(pixels.shape) != 4 or len(pixels) != len(matrix):
        raise ValueError(
            f"images must have shape ({len(matrix)}, h, w, c), one a row of K, got {pixels.shape}"
        )
    index = _as_index(index, len(matrix))
    count = min(MOST, len(matrix) - 1) if count is None else as_count(count, "count")
    if count >= len(matrix):
        raise ValueError(f"count must be at most {len(matrix) - 1}, the other images, got {count}")
    labels = _labels(y, len(matrix))
    near, squared = _nearest(matrix, index, count)
    shown = [index, *near.tolist()]
    pictures = as_picture(np.stack([np.asarray(pixels[each]) for each in shown]), "images")
    below = [f"image {index}", *(f"{value:.2g}" for value in squared)]
    above = None
    if labels is not None:
        above = [class_name(label, names) for label in labels[shown].tolist()]
    ax = _draw(axes(ax, (1.1 * (count + 1.5), 2.0)), pictures, below, above)
    # Above the labels.
    ax.set_title(f"nearest to image {index}, with squared distances", fontsize="medium", pad=20)
    return ax


def _nearest(
    matrix: NDArray[Any] | Gram, index: int, count: int
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The nearest images, and their squared distances. Of equal ones the first come first."""
    row = np.asarray(matrix[index], np.float64)
    own = np.asarray(matrix.diagonal(), np.float64)
    squared = np.maximum(own[index] + own - 2 * row, 0)  # rounding may make it negative
    if not np.isfinite(squared).all():
        raise ValueError("K has NaN or infinite entries")
    order = np.argsort(squared, kind="stable")
    near = order[order != index][:count]
    return near, squared[near]


def _draw(
    ax: Axes, pictures: NDArray[Any], below: Sequence[str], above: Sequence[str] | None
) -> Axes:
    height, width = pictures.shape[1:3]
    style = picture_style(pictures)
    left = 0.0
    for number, picture in enumerate(pictures):
        right = left + width
        ax.imshow(picture, extent=(left, right, height, 0), **style)
        middle = (left + right) / 2
        _write(ax, below[number], (middle, height), -3)
        if above is not None:
            _write(ax, above[number], (middle, 0), 3)
        left = right + width * (AFTER_THE_FIRST if number == 0 else GAP)
    ax.set(xlim=(0, right), ylim=(height, 0))
    ax.set_axis_off()
    return ax


def _write(ax: Axes, text: str, at: tuple[float, float], points: int) -> None:
    """Write a text so many points above a place, or below it."""
    ax.annotate(
        text,
        at,
        xytext=(0, points),
        textcoords="offset points",
        ha="center",
        va="bottom" if points > 0 else "top",
    )


def _as_index(index: object, n: int) -> int:
    if not isinstance(index, int | np.integer) or isinstance(index, bool):
        raise TypeError(f"index must be the number of an image, got {index!r}")
    if not 0 <= index < n:
        raise ValueError(f"index must be from 0 to {n - 1}, got {index}")
    return int(index)


def _labels(y: ArrayLike | None, n: int) -> NDArray[Any] | None:
    if y is None:
        return None
    labels = np.asarray(y)
    if labels.shape != (n,):
        raise ValueError(f"y must have shape ({n},), a label an image, got {labels.shape}")
    return labels
