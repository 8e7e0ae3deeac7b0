"""The picture of a model's receptive fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ckn_rs import _core
from ckn_rs._support.extras import import_extra
from ckn_rs._support.options import as_shape
from ckn_rs.model import ModelLike, as_spec
from ckn_rs.plot._axes import axes, colours
from ckn_rs.plot._geometry import Positions, fields, spans
from ckn_rs.plot._pixels import as_picture, picture_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def receptive_fields(
    model: ModelLike, image: ArrayLike | tuple[int, int, int], ax: Axes | None = None
) -> Axes:
    """Draw the pixels that a model's patches and pooling windows see.

    Each layer has a colour and two rectangles, for the output in the middle of its map, at row
    ``h // 2`` and column ``w // 2`` of ``h`` rows and ``w`` columns. The solid one holds the pixels
    that the output depends on, through all patches of its pooling window. The dashed one holds
    those of a single patch, in the middle of that window. The legend has their sizes in pixels,
    first the patch's. Where patches have gaps, as with a dilation, a rectangle is the least one
    that holds all pixels. Where it goes around the edge of a circular map it is drawn in parts. Of
    rectangles that are equal, that of the first layer is seen.

    Parameters
    ----------
    model : Model or list of dict
        The layers.
    image : array_like of shape (h, w, c), or (int, int, int)
        An image with 1 or 3 channels to draw on, or only the shape of one.
    ax : matplotlib Axes, optional
        The place to draw in; by default that of a new figure.

    Returns
    -------
    matplotlib Axes
        The Axes, with a legend beside it.

    Raises
    ------
    TypeError, ValueError
        If this is not a model, or neither an image nor a shape, or the model does not fit it.
    ImportError
        If Matplotlib is not installed.

    Examples
    --------
    >>> from ckn_rs import plot
    >>> model = [{"npatch": 3, "subsampling": 2}, {"npatch": 3, "subsampling": 2}]
    >>> ax = plot.receptive_fields(model, (28, 28, 1))
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['layer 0: 3x3, pooled 7x7', 'layer 1: 11x11, pooled 19x19']
    """
    shape, picture = _shape_and_picture(image)
    plan = _core.Plan(as_spec(model), shape, "ckn")
    ax = axes(ax, (7.0, 4.4), "compressed")
    height, width = shape[:2]
    box = (-0.5, width - 0.5, height - 0.5, -0.5)
    if picture is None:
        ax.imshow(np.ones((1, 1)), cmap="gray", vmin=0, vmax=1, extent=box)
    else:
        ax.imshow(picture, extent=box, **picture_style(picture))
    found = fields(plan)
    for index, (field, colour) in enumerate(zip(found, colours(len(found)), strict=True)):
        # Those of the first layers are the smallest, and lie above the others.
        style = {"color": colour, "zorder": 2 + len(found) - index}
        patch = _draw(ax, field.patch, shape, field.circular, linestyle="--", **style)
        pooled = _draw(ax, field.pooled, shape, field.circular, **style)
        ax.plot([], [], color=colour, label=f"layer {index}: {patch}, pooled {pooled}")
    ax.set(xlim=box[:2], ylim=box[2:])
    ax.legend(
        title="dashed: a patch; solid: pooled",
        loc="center left",
        bbox_to_anchor=(1.02, 0.5),
        frameon=False,
    )
    return ax


def _draw(
    ax: Axes,
    pixels: tuple[Positions, Positions],
    shape: tuple[int, int, int],
    circular: bool,
    **style: Any,
) -> str:
    """Draw the rectangle around these rows and columns, and return its size, such as ``3x3``.

    It has several parts if it goes around an edge.
    """
    patches, effects = (
        import_extra(f"matplotlib.{module}", "plot", "ckn_rs.plot")
        for module in ("patches", "patheffects")
    )
    rows, columns = (spans(each, size, circular) for each, size in zip(pixels, shape, strict=False))
    # With a white edge the lines can be seen on an image of any colour.
    halo = [effects.withStroke(linewidth=3.5, foreground="white")]
    for top, bottom in rows:
        for left, right in columns:
            corner, sides = (left - 0.5, top - 0.5), (right - left + 1, bottom - top + 1)
            part = patches.Rectangle(
                corner, *sides, fill=False, linewidth=2, path_effects=halo, clip_on=False, **style
            )
            ax.add_patch(part)
    lengths = (sum(last - first + 1 for first, last in each) for each in (rows, columns))
    return "x".join(map(str, lengths))


def _shape_and_picture(
    image: ArrayLike | tuple[int, int, int],
) -> tuple[tuple[int, int, int], NDArray[Any] | None]:
    given = np.asarray(image)
    if given.ndim == 1:
        return as_shape(image, "image"), None
    if given.ndim != 3:
        raise ValueError(
            f"image must be an image (h, w, c), or the shape of one, got shape {given.shape}"
        )
    return as_shape(given.shape), as_picture(given, "image")
