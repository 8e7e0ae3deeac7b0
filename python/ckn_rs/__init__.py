"""Exact convolutional kernels (CKN) and convolutional neural tangent kernels (NTK) of images.

The kernel of two images is that of an infinitely wide convolutional network [1]_ [2]_. Its layers
take patches, apply a patch kernel and pool; here they are computed exactly, over all pairs of
positions. A model is a list of dicts, one for each layer, or a :class:`Model`. A compiled core does
the work, on all processors.

References
----------
.. [1] A. Bietti and J. Mairal, "Group Invariance, Stability to Deformations, and Complexity of
   Deep Convolutional Representations", JMLR 20(25), 2019.
.. [2] A. Bietti and J. Mairal, "On the Inductive Bias of Neural Tangent Kernels",
   arXiv:1905.12173, 2019.

Examples
--------
>>> import numpy as np
>>> import ckn_rs
>>> X = np.random.default_rng(0).random((5, 28, 28, 1))
>>> model = [
...     {"npatch": 3, "subsampling": 2, "kernel": "exp", "sigma": 0.65},
...     {"npatch": 3, "subsampling": 5, "kernel": "exp", "sigma": 0.65},
... ]
>>> ckn_rs.compute_kernel_matrix(X, model=model).shape
(5, 5)
"""

import numpy as np

from ckn_rs._core import __version__ as __version__, simd_level
from ckn_rs.compute.distances import compute_diagonal, compute_distances
from ckn_rs.compute.matrix import compute_both, compute_gradient, compute_kernel_matrix
from ckn_rs.compute.norms import compute_norms
from ckn_rs.compute.original import (
    CKNKernel,
    compute_kernel_matrix_all,
    compute_kernel_matrix_norms,
)
from ckn_rs.compute.pairs import compute_dist_to_ref, compute_kernel
from ckn_rs.layer import Dense, Layer
from ckn_rs.model import Model
from ckn_rs.residual import Residual

dtype = np.float32
"""The original's floating type. Its scripts convert images by ``X.astype(ckn_kernel.dtype)``."""

to_pool_type: dict[str, int] = {"gaussian": 0, "strided": 1, "average": 2}
"""The poolings, with the numbers that the original gives them."""

to_kernel_type: dict[str, int] = {
    "exp": 0,
    "relu": 1,
    "linear": 2,
    "poly2": 3,
    "poly3": 4,
    "poly4": 5,
    "square": 6,
}
"""The patch kernels, with the numbers that the original gives them."""

__all__ = [
    "CKNKernel",
    "Dense",
    "Layer",
    "Model",
    "Residual",
    "compute_both",
    "compute_diagonal",
    "compute_dist_to_ref",
    "compute_distances",
    "compute_gradient",
    "compute_kernel",
    "compute_kernel_matrix",
    "compute_kernel_matrix_all",
    "compute_kernel_matrix_norms",
    "compute_norms",
    "dtype",
    "simd_level",
    "to_kernel_type",
    "to_pool_type",
]
