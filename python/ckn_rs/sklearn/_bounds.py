"""Bounds between which a Gaussian process chooses parameters of layers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import Literal, TypeAlias

Bounds: TypeAlias = tuple[float, float] | Literal["fixed"]
"""The least and the largest value of a parameter, or none: its value stays."""

SIGMA_BOUNDS = (1e-2, 1e2)
"""Bounds of every ``sigma``, unless the user gives others."""

LIMITS = {"weight_std": (1e-9, 1e9), "bias_std": (0.0, 1e9)}
"""What a model may have, so that a fit cannot fail halfway."""


def bounds_of(name: str, given: object, layers: Sequence[int]) -> list[Bounds]:
    """Bounds of a parameter of each of these layers: the same for all, or one for each.

    ``name`` is that of the parameter, such as ``sigma``.

    Raises
    ------
    TypeError, ValueError
        If they are not bounds, or as many as there are layers.

    Examples
    --------
    >>> bounds_of("sigma", (0.1, 10), [0, 2])
    [(0.1, 10.0), (0.1, 10.0)]
    >>> bounds_of("sigma", [(0.1, 10), "fixed"], [0, 2])
    [(0.1, 10.0), 'fixed']
    """
    if isinstance(given, str) or not isinstance(given, Iterable):
        return [_checked(name, given)] * len(layers)
    each = list(given)
    if each and all(isinstance(one, Real) for one in each):
        return [_checked(name, each)] * len(layers)
    if len(each) != len(layers):
        numbers = ", ".join(map(str, layers)) or "none"
        raise ValueError(
            f"{name}_bounds must be one pair for all layers, or have one entry for each layer that "
            f"has a {name}; these are {len(layers)} ({numbers}), got {len(each)} entries"
        )
    return [_checked(name, one) for one in each]


def _checked(name: str, bounds: object) -> Bounds:
    if isinstance(bounds, str) and bounds == "fixed":
        return "fixed"
    wanted = f'{name}_bounds must be pairs (low, high) or "fixed", got {bounds!r}'
    if isinstance(bounds, str) or not isinstance(bounds, Iterable):
        raise TypeError(wanted)
    pair = list(bounds)
    if len(pair) != 2 or not all(isinstance(end, Real) for end in pair):
        raise TypeError(wanted)
    low, high = map(float, pair)
    if not 0 < low < high < math.inf:
        raise ValueError(f"{name}_bounds must be finite, with 0 < low < high, got {(low, high)}")
    least, most = LIMITS.get(name, (low, high))
    if low < least or high > most:
        raise ValueError(
            f"{name}_bounds must be from {least:g} to {most:g}, as in models, got {(low, high)}"
        )
    return low, high
