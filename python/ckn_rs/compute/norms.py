"""Patch norms of sets of images."""

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ckn_rs import _core
from ckn_rs._support.arrays import Floats, as_images, for_core, result_dtype
from ckn_rs._support.options import as_flag, as_thread_count, as_verbosity
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

    The norm of the patch at position ``p`` is ``sqrt(S[p, p])``, where ``S`` are the patch sums of
    the image's map with itself. For images that are used again and again, norms that are computed
    once and given to :func:`compute_kernel_matrix` save time.

    Parameters
    ----------
    ims : array_like of shape (n, h, w, c)
        Images.
    model, ntk, verbose, dtype, n_threads, progress
        As for :func:`compute_kernel_matrix`. ``ntk`` only sets the default of a layer's ``kernel``.

    Returns
    -------
    norms : ndarray of shape (n, L*h*w), float32 or float64
        The norms of layer ``l``, counted from 0, begin at entry ``l*h*w``. A layer of
        ``h_l`` rows and ``w_l`` columns of patches has ``h_l*w_l`` of them; the entries between
        these and the next layer's are zero.
    norms_inv : ndarray of shape (n, L*h*w), float32 or float64
        ``1/max(norms, 1e-6)``, and zero where an entry is not used.

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
    shown, verbosity = as_flag(progress, "progress"), as_verbosity(verbose)
    # `ntk` chooses the default kernel. The plan is a CKN's, since norms need no slopes.
    spec = _core.resolve_model(as_spec(model), as_flag(ntk, "ntk"))
    plan = _core.Plan(spec, (h, w, c), "ckn")
    if verbosity:
        report(plan)
    norms = patch_norms(plan, for_core(images, dtype), n_threads=n_threads, progress=shown)
    norms_inv = np.zeros_like(norms)
    for index, layer in enumerate(plan.layers):
        rows, cols = layer["patches"]
        used = slice(index * h * w, index * h * w + rows * cols)
        np.divide(1, np.maximum(norms[:, used], NORM_FLOOR), out=norms_inv[:, used])
    return norms, norms_inv
