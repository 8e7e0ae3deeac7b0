"""Pictures of kernels, models and results, drawn by Matplotlib.

Every function draws into the Axes ``ax`` and returns it. Without ``ax`` it makes a figure of its
own by ``matplotlib.pyplot``, so that notebooks show it and ``pyplot.show()`` opens it.

Needs ``pip install ckn-rs[plot]``; ``import ckn_rs`` does not import Matplotlib.
"""

from ckn_rs.plot._gram import gram
from ckn_rs.plot._kernel import Curve, kernel_curve, patch_kernel
from ckn_rs.plot._neighbours import neighbours
from ckn_rs.plot._path import path
from ckn_rs.plot._receptive import receptive_fields

__all__ = [
    "Curve",
    "gram",
    "kernel_curve",
    "neighbours",
    "patch_kernel",
    "path",
    "receptive_fields",
]
