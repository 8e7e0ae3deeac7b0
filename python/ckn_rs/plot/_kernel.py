"""The picture of a patch kernel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ckn_rs import _core, _describe
from ckn_rs._support.options import as_count
from ckn_rs.compute.matrix import compute_kernel_matrix
from ckn_rs.layer import Layer
from ckn_rs.model import Model, as_spec
from ckn_rs.plot._axes import COLOURS, axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OTHERS = (
    *("npatch", "subsampling", "poolfactor", "pooling", "padding", "stride", "dilation"),
    *("weight_std", "bias_std", "shortcut"),
)
"""The keys of a layer that say nothing of its patch kernel."""

LEAST = 1e-6
"""The least norm, below which cosines are not those of the patches; the largest is its inverse."""

COUNT = 200
"""The number of cosines of a curve."""


@dataclass(frozen=True)
class Curve:
    """A patch kernel over the cosine of two patches of one norm; :func:`kernel_curve` makes it.

    Parameters
    ----------
    cosines : ndarray of shape (count,)
        From -1 to 1, evenly spaced, without 0.
    values : ndarray of shape (count,)
        The kernel.
    slopes : ndarray of shape (count,), or None
        Its derivative by the inner product of the patches, by which the NTK multiplies. None if
        the kernel has no NTK.
    """

    cosines: NDArray[np.float64]
    values: NDArray[np.float64]
    slopes: NDArray[np.float64] | None


def kernel_curve(
    layer: Layer | Mapping[str, Any] | str, *, norm: float = 1.0, count: int = COUNT
) -> Curve:
    """The patch kernel of a layer over the cosine, as the package computes it.

    Values are kernels of single pixels of two channels, in float64. Slopes follow from their NTK,
    ``T = M + S dM/dS``, with ``M`` the patch kernel and ``S`` the inner product.

    Parameters
    ----------
    layer : Layer, dict or str
        A layer, of which only the patch kernel and its parameters count, or the name of a kernel,
        with its default parameters. A layer that names no kernel has ``exp``.
    norm : float
        The norm of both patches. It matters for kernels that are not homogeneous.
    count : int
        The number of cosines: even, since slopes are divided by the cosine.

    Returns
    -------
    Curve
        Cosines, values and slopes.

    Raises
    ------
    TypeError, ValueError
        If there is no such kernel, it needs a parameter, ``norm`` is not from 1e-6 to 1e6, or
        ``count`` is odd.

    Examples
    --------
    >>> curve = kernel_curve("poly2", count=4)
    >>> curve.values.round(3).tolist(), curve.slopes.round(3).tolist()
    ([1.0, 0.111, 0.111, 1.0], [-2.0, -0.667, 0.667, 2.0])
    """
    spec = as_spec([_only_the_kernel(layer)])
    if isinstance(norm, bool) or not isinstance(norm, Real) or not LEAST <= norm <= 1 / LEAST:
        raise ValueError(f"norm must be a number from {LEAST:g} to {1 / LEAST:g}, got {norm!r}")
    if as_count(count, "count") % 2:
        raise ValueError(f"count must be even, got {count}")
    cosines = np.linspace(-1, 1, count)
    one = norm * np.array([1.0, 0.0]).reshape(1, 1, 1, 2)
    others = norm * np.stack([cosines, np.sqrt(1 - cosines**2)], axis=1).reshape(-1, 1, 1, 2)
    values = compute_kernel_matrix(one, others, model=spec["layers"])[0]
    if not _has_slope(spec):
        return Curve(cosines, values, None)
    tangent = compute_kernel_matrix(one, others, model=spec["layers"], ntk=True)[0]
    return Curve(cosines, values, (tangent - values) / (norm**2 * cosines))


def patch_kernel(
    layer: Layer | Mapping[str, Any] | str, ax: Axes | None = None, *, norm: float = 1.0
) -> Axes:
    """Draw a patch kernel and its slope over the cosine of two patches.

    Parameters
    ----------
    layer : Layer, dict or str
        A layer, of which only the patch kernel and its parameters count, or the name of a kernel,
        with its default parameters. A layer that names no kernel has ``exp``.
    ax : matplotlib Axes, optional
        The place to draw in; by default that of a new figure.
    norm : float
        The norm of both patches. It matters for kernels that are not homogeneous.

    Returns
    -------
    matplotlib Axes
        The Axes. The slope, by which the NTK multiplies, is dashed; a kernel without an NTK has
        none.

    Raises
    ------
    TypeError, ValueError
        As for :func:`kernel_curve`.
    ImportError
        If Matplotlib is not installed.

    Examples
    --------
    >>> from ckn_rs import Layer, plot
    >>> ax = plot.patch_kernel(Layer(3, 2, kernel="exp", sigma=0.6))
    >>> ax.get_title()
    'exp, sigma 0.6'
    """
    curve = kernel_curve(layer, norm=norm)
    ax = axes(ax, (4.2, 3.2))
    ax.axhline(0, color="0.8", linewidth=0.8)
    ax.axvline(0, color="0.8", linewidth=0.8)
    ax.plot(curve.cosines, curve.values, color=COLOURS[0], linewidth=2, label="kernel")
    if curve.slopes is not None:
        ax.plot(curve.cosines, curve.slopes, color=COLOURS[1], linestyle="--", label="slope")
    ax.set(
        xlim=(-1, 1), xticks=[-1, -0.5, 0, 0.5, 1], title=_describe.kernel(_only_the_kernel(layer))
    )
    ax.set_xlabel(f"cosine of two patches of norm {norm:g}")
    ax.legend(frameon=False)
    return ax


def _only_the_kernel(layer: Layer | Mapping[str, Any] | str) -> Layer:
    """A layer with this patch kernel, on single pixels."""
    if isinstance(layer, str):
        given: Mapping[str, Any] = {"kernel": layer}
    elif isinstance(layer, Layer):
        given = layer.to_dict()
    elif isinstance(layer, Mapping):
        given = layer
    else:
        raise TypeError(
            f"layer must be a Layer, a dict or the name of a kernel, got {type(layer).__name__}"
        )
    kept = {k: v for k, v in given.items() if k not in OTHERS and v is not None}
    return Model([{"kernel": "exp", **kept, "npatch": 1, "pooling": "none"}])[0]


def _has_slope(spec: Mapping[str, Any]) -> bool:
    """Whether the kernel, which is known to be valid, has an NTK."""
    try:
        _core.Plan(spec, (1, 1, 2), "ntk")
    except ValueError:
        return False
    return True
