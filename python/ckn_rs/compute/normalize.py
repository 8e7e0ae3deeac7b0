"""Normalized kernels, ``K[i, j] / sqrt(k(x_i, x_i) k(y_j, y_j))``, and their derivatives.

Every operation is elementwise and in float64, and only the results are rounded to float32. So the
bits of an entry depend on its two images alone, and a symmetric matrix stays symmetric. The matrix
is normalized in place, one row at a time, so that there is no second one in memory.

The kernel of equal images is exactly 1, since in floating point ``sqrt(d * d)`` is ``d`` unless
``d * d`` overflows or underflows. Diagonals are held as mantissas and powers of two so that it does
neither.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ckn_rs._support.arrays import DOUBLE, Floats


class SelfKernels(NamedTuple):
    """Kernels ``d`` of images with themselves, as ``mantissas * scales**2``."""

    mantissas: Floats
    """From 1 to 4, ``(n,)``."""

    scales: Floats
    """Powers of two, ``(n,)``; infinite where ``d`` is 0, so that division by them gives 0."""

    slopes: Floats
    """Derivatives of ``log(d) / 2``, ``(n, G)``; 0 where ``d`` is."""

    @classmethod
    def of(cls, diagonal: Floats, derivatives: Floats | None = None) -> SelfKernels:
        """Kernels ``d``, ``(n,)``, with their derivatives, ``(n, G)``."""
        own = diagonal.astype(DOUBLE)
        there = own > 0
        own[~there] = 1
        halves = (np.frexp(own)[1] - 1) // 2
        scales = np.where(there, np.ldexp(1.0, halves), np.inf)
        if derivatives is None:
            derivatives = np.empty((len(own), 0))
        slopes = np.where(there[:, None], derivatives / own[:, None] / 2, 0)
        return cls(np.ldexp(own, -2 * halves), scales, slopes)

    def roots(self, i: int, other: SelfKernels) -> Floats:
        """``sqrt(d[i] d')`` for every ``d'`` of ``other``."""
        mantissas = np.sqrt(self.mantissas[i] * other.mantissas)
        roots: Floats = mantissas * (self.scales[i] * other.scales)
        return roots


def normalize(K: Floats, left: SelfKernels, right: SelfKernels, dK: Floats | None = None) -> None:
    """Normalize a matrix ``(n, m)`` in place, and its derivatives ``(n, m, G)`` if given."""
    for i in range(len(K)):
        roots = left.roots(i, right)
        row = K[i] / roots
        if dK is not None:
            change = row[:, None] * (left.slopes[i] + right.slopes)
            dK[i] = dK[i] / roots[:, None] - change
        K[i] = row
