"""Patch norms of sets of images."""

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ckn_rs import _core
from ckn_rs._support.arrays import Floats, as_images, for_core, result_dtype
from ckn_rs._support.options import Ntk, as_ntk, as_thread_count
from ckn_rs._support.progress import progress_bar
from ckn_rs._support.verbose import report
from ckn_rs.model import ModelLike, as_spec

NORM_FLOOR = 1e-6
"""A patch norm below this counts as this where the kernel divides by it."""


def compute_norms(
    ims: ArrayLike,
    model: ModelLike | None = None,
    ntk: Ntk = False,
    verbose: bool = False,
    *,
    dtype: DTypeLike | None = None,
    n_threads: int | None = None,
    progress: bool = False,
) -> tuple[Floats, Floats]:
    """Patch norms of every image at every layer.

    The norm at position ``p`` is ``sqrt(S[p, p])``, ``S`` being the patch sum of the image's map
    against itself. Sets of images that are used again and again save their cost by it.

    Parameters
    ----------
    ims : array_like of shape (n, h, w, c)
        Images.
    model, ntk, verbose, dtype, n_threads, progress
        As for :func:`compute_kernel_matrix`; ``ntk`` matters for the default of ``kernel`` only.

    Returns
    -------
    norms : ndarray of shape (n, L*h*w), float32 or float64
        Layer ``l``, which has ``(h_l, w_l)`` patches, begins at ``l*h*w`` and takes ``h_l*w_l``
        entries; those after them, up to the next layer's, are zero.
    norms_inv : ndarray of shape (n, L*h*w), float32 or float64
        ``1/max(norms, 1e-6)``, with the same zeros.

    Raises
    ------
    TypeError, ValueError, ImportError
        As for :func:`compute_kernel_matrix`.

    Examples
    --------
    >>> import numpy as np
    >>> from ckn_rs import compute_norms
    >>> X = np.random.default_rng(0).random((4, 8, 8, 1))
    >>> norms, norms_inv = compute_norms(X, [{"npatch": 3, "subsampling": 2}])
    >>> norms.shape
    (4, 64)
    """
    images = as_images(ims, "ims")
    words = as_spec(model)
    n, h, w, c = images.shape
    dtype = result_dtype(dtype, images)
    n_threads, flag = as_thread_count(n_threads), bool(as_ntk(ntk))
    geometry = _core.geometry(words, (h, w, c), flag)
    if verbose:
        report(words, geometry)
    norms = np.zeros((n, len(geometry) * h * w), dtype)
    if n:
        with progress_bar(progress, n, "images") as callback:
            _core.norms(
                for_core(images, dtype), words, flag, norms, n_threads=n_threads, progress=callback
            )
    norms_inv = np.zeros_like(norms)
    for index, layer in enumerate(geometry):
        rows, cols = layer["patches"]
        used = slice(index * h * w, index * h * w + rows * cols)
        np.divide(1, np.maximum(norms[:, used], NORM_FLOOR), out=norms_inv[:, used])
    return norms, norms_inv
