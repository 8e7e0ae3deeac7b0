"""Patch norms of sets of images."""

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ckn_rs import _core
from ckn_rs._support.arrays import Floats, as_images, for_core, result_dtype
from ckn_rs._support.options import as_flag, as_thread_count
from ckn_rs.compute.operands import NORM_FLOOR
from ckn_rs.compute.run import patch_norms
from ckn_rs.compute.verbose import report
from ckn_rs.model import ModelLike, as_spec


def compute_norms(
    ims: ArrayLike,
    model: ModelLike | None = None,
    ntk: bool = False,
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
    _, h, w, c = images.shape
    dtype = result_dtype(dtype, images)
    n_threads = as_thread_count(n_threads)
    # With the kernels of the NTK, but without its slopes: norms need none.
    spec = _core.resolve_model(as_spec(model), as_flag(ntk, "ntk"))
    plan = _core.Plan(spec, (h, w, c), "ckn")
    if verbose:
        report(plan)
    norms = patch_norms(plan, for_core(images, dtype), n_threads=n_threads, progress=progress)
    norms_inv = np.zeros_like(norms)
    for index, layer in enumerate(plan.layers):
        rows, cols = layer["patches"]
        used = slice(index * h * w, index * h * w + rows * cols)
        np.divide(1, np.maximum(norms[:, used], NORM_FLOOR), out=norms_inv[:, used])
    return norms, norms_inv
