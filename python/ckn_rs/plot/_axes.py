"""The Axes that pictures are drawn into, and what they have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ckn_rs._support.extras import import_extra

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Colours that people with any sort of colour vision can tell apart.

M. Okabe and K. Ito, *Color Universal Design*, 2008; without their yellow, which is faint on white.
"""


def axes(ax: Axes | None, size: tuple[float, float], layout: str = "constrained") -> Axes:
    """``ax``, or the Axes of a new figure of this size in inches.

    The layout ``compressed`` is for pictures whose pixels are squares.

    Raises
    ------
    ImportError
        If Matplotlib is not installed.
    TypeError
        If ``ax`` is something else.
    """
    if ax is None:
        pyplot = import_extra("matplotlib.pyplot", "plot", "ckn_rs.plot")
        made: Axes = pyplot.figure(figsize=size, layout=layout).add_subplot()
        return made
    kind: type[Axes] = import_extra("matplotlib.axes", "plot", "ckn_rs.plot").Axes
    if not isinstance(ax, kind):
        raise TypeError(f"ax must be a Matplotlib Axes, got {type(ax).__name__}")
    return ax


def colours(count: int) -> list[Any]:
    """So many colours: :data:`COLOURS`, or more from dark to light."""
    if count <= len(COLOURS):
        return list(COLOURS[:count])
    colormaps = import_extra("matplotlib", "plot", "ckn_rs.plot").colormaps
    return [colormaps["viridis"](0.95 * index / (count - 1)) for index in range(count)]


def class_name(label: Any, names: Sequence[str] | Mapping[Any, str] | None) -> str:
    """The name of a class: ``names[label]``, or the label itself without names.

    Raises
    ------
    ValueError
        If ``names`` has none for it.
    """
    if names is None:
        return str(label)
    try:
        if not isinstance(names, Mapping) and label < 0:  # Python would count from the end
            raise IndexError
        return str(names[label])
    except (LookupError, TypeError):
        raise ValueError(f"names has no name for the label {label}") from None
