"""Kernels of listed pairs of images, as the core gives them."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ckn_rs import _core
from ckn_rs._support.arrays import Floats

Indices: TypeAlias = NDArray[np.intp]


def kernels_of_pairs(
    images: Floats,
    left: Indices,
    right: Indices,
    words: Mapping[str, Any],
    ntk: bool,
    *,
    ckn: bool = False,
    derivatives: int = 0,
    n_threads: int | None = None,
) -> list[Floats]:
    """The kernel of ``images[left[k]]`` and ``images[right[k]]`` for each ``k``.

    After it come the CKN's beside the NTK, with ``ckn``, and the derivatives ``(len(left), G)``, if
    there are ``derivatives``.
    """
    n = len(left)
    kernel = np.empty(n, images.dtype)
    beside = np.empty(n, images.dtype) if ckn else None
    gradient = np.empty((n, derivatives), images.dtype) if derivatives else None
    if n:
        _core.pairs(
            images,
            left,
            right,
            words,
            ntk,
            kernel,
            out_ckn=beside,
            out_gradient=gradient,
            n_threads=n_threads,
        )
    else:  # the core checks the model too, but is not run for no pairs
        _, h, w, c = images.shape
        _core.geometry(words, (h, w, c), ntk)
    return [kernel, *(extra for extra in (beside, gradient) if extra is not None)]


def self_kernels(
    images: Floats,
    words: Mapping[str, Any],
    ntk: bool,
    *,
    ckn: bool = False,
    derivatives: int = 0,
    n_threads: int | None = None,
) -> list[Floats]:
    """The same of each image with itself."""
    each = np.arange(len(images))
    return kernels_of_pairs(
        images, each, each, words, ntk, ckn=ckn, derivatives=derivatives, n_threads=n_threads
    )
