"""Preprocessing of images: whitening of their patches."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import ArrayLike

from ckn_rs import _core
from ckn_rs._support import blas
from ckn_rs._support.arrays import Floats, as_images
from ckn_rs._support.options import as_count, as_flag, as_thread_count

__all__ = ["whiten"]

CHUNK = 1 << 22
"""How many numbers the patches in memory may have at a time."""


def whiten(
    ims: ArrayLike,
    npatch: int = 3,
    *,
    threshold: float = 1e-8,
    original: bool = False,
    n_threads: int | None = None,
) -> Floats:
    """Whiten the patches of every image by its own covariance (ZCA).

    First, each patch that lies inside the image loses its mean, channel by channel. Then, with
    ``C`` the mean of ``p p^T`` over all these patches ``p``, each patch becomes ``C^(-1/2) p``.
    Last, each pixel becomes the mean of the values that the patches have at its place.

    Parameters
    ----------
    ims : array_like of shape (n, h, w, c)
        Images.
    npatch : int
        Rows and columns of a patch.
    threshold : float
        Eigenvalues of ``C`` up to this share of the largest one count as 0. Their inverses are
        taken as 0, too.
    original : bool
        Whiten as the scripts of ``ckn_kernel`` do, to reproduce the results published with them.
        There the patches without their means are averaged to an image first. ``C`` is the sum of
        ``p p^T`` over the patches of that image, and each becomes ``C^(-1/4) p``.
    n_threads : int, optional
        The number of threads. By default it is that of the environment variable
        ``CKN_NUM_THREADS``, or else the number of processors. Each image stays in one thread; where
        threadpoolctl is installed, as with the extras ``store``, ``solve`` and ``sklearn``, NumPy's
        linear algebra takes no others.

    Returns
    -------
    ndarray of shape (n, h, w, c)
        The whitened images: float64 if ``ims`` are, else float32. All is computed in float64.

    Raises
    ------
    TypeError, ValueError
        If patches are larger than the images, an argument is out of range, or ``ims`` are not
        finite images.

    Examples
    --------
    >>> import numpy as np
    >>> from ckn_rs.preprocess import whiten
    >>> X = np.random.default_rng(0).random((2, 32, 32, 3))
    >>> whiten(X).shape
    (2, 32, 32, 3)
    """
    images = as_images(ims, "ims")
    n, h, w, c = images.shape
    npatch, as_published = as_count(npatch, "npatch"), as_flag(original, "original")
    if npatch > min(h, w):
        raise ValueError(
            f"npatch must be at most {min(h, w)}, the shorter side of the images, got {npatch}"
        )
    if not 0 <= threshold < 1:
        raise ValueError(f"threshold must be at least 0 and below 1, got {threshold!r}")
    whitened = np.empty(images.shape, np.float64 if images.dtype == np.float64 else np.float32)
    step = max(1, CHUNK // (h * w * c * npatch**2))
    threads = as_thread_count(n_threads) or _core.default_threads()

    def work(begin: int) -> None:
        part = slice(begin, begin + step)
        block = np.asarray(images[part], np.float64)
        if not np.isfinite(block).all():
            raise ValueError("ims has NaN or infinite values")
        whitened[part] = _whiten(block, npatch, threshold, as_published)

    with blas.one_thread(), ThreadPoolExecutor(threads) as pool:
        try:
            for _ in pool.map(work, range(0, n, step)):
                pass
        except BaseException:
            pool.shutdown(cancel_futures=True)  # else it would do the rest first
            raise
    return whitened


def _whiten(images: Floats, k: int, threshold: float, original: bool) -> Floats:
    rounding = 8 * np.finfo(np.float64).eps * np.abs(images).max(axis=(1, 2, 3), initial=0)
    patches = _patches(images, k)
    patches = patches - patches.mean(axis=(4, 5), keepdims=True)
    if original:
        patches = _patches(_averaged(patches, images.shape), k)
    n, rows, columns, c = patches.shape[:4]
    flat = patches.reshape(n, rows * columns, c * k * k)
    covariance = flat.transpose(0, 2, 1) @ flat
    if not original:
        covariance /= rows * columns
    values, vectors = np.linalg.eigh(covariance)
    # The eigenvalues of a constant image are rounding errors, which must not be amplified.
    least = np.maximum(threshold * values[:, -1], rounding**2 * rows * columns)[:, None]
    kept = values > least
    powers = np.where(kept, np.where(kept, values, 1) ** (-0.25 if original else -0.5), 0)
    root = (vectors * powers[:, None, :]) @ vectors.transpose(0, 2, 1)
    return _averaged((flat @ root).reshape(patches.shape), images.shape)


def _patches(images: Floats, k: int) -> Floats:
    """All patches that lie inside, ``(n, rows, columns, c, k, k)``."""
    return np.lib.stride_tricks.sliding_window_view(images, (k, k), axis=(1, 2))


def _averaged(patches: Floats, shape: tuple[int, ...]) -> Floats:
    """Images of which each pixel is the mean of the values that patches have at its place."""
    _, rows, columns, _, k, _ = patches.shape
    total, count = np.zeros(shape), np.zeros((*shape[1:3], 1))
    for y in range(k):
        for x in range(k):
            total[:, y : y + rows, x : x + columns] += patches[..., y, x]
            count[y : y + rows, x : x + columns] += 1
    return total / count
