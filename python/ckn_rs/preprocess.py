"""What is done to images before their kernels: whitening of patches."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ckn_rs._arrays import Floats, as_images

CHUNK = 1 << 22
"""Numbers of patches that are in memory at a time."""


def whiten(ims: ArrayLike, npatch: int = 3, *, threshold: float = 1e-3) -> Floats:
    """Whiten the patches of every image by its own covariance.

    All patches of side ``npatch`` inside an image lose their means, channel by channel; with ``C``
    the mean of ``p p^T`` over them, each becomes ``C^(-1/2) p``, and patches are averaged back to
    where they were.

    Parameters
    ----------
    ims : array_like of shape (n, h, w, c)
        Images.
    npatch : int
        Side of the patches.
    threshold : float
        Eigenvalues of ``C`` up to this share of the largest count as 0, and so do their inverses.

    Returns
    -------
    ndarray of shape (n, h, w, c)
        float64 for float64 images, else float32.

    Raises
    ------
    ValueError
        If patches are larger than images, or an argument is out of range.

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
    if not isinstance(npatch, int | np.integer) or not 1 <= npatch <= min(h, w):
        raise ValueError(f"npatch must be from 1 to {min(h, w)}, the image's side, got {npatch!r}")
    if not 0 <= threshold < 1:
        raise ValueError(f"threshold must be at least 0 and below 1, got {threshold!r}")
    whitened = np.empty_like(images)
    step = max(1, CHUNK // (h * w * c * npatch**2))
    for begin in range(0, n, step):
        part = slice(begin, begin + step)
        whitened[part] = _whiten(images[part].astype(np.float64), int(npatch), threshold)
    return whitened


def _whiten(images: Floats, k: int, threshold: float) -> Floats:
    n, h, w, c = images.shape
    rows, columns = h - k + 1, w - k + 1
    # (n, rows, columns, c, k, k)
    patches = np.lib.stride_tricks.sliding_window_view(images, (k, k), axis=(1, 2))
    centred = patches - patches.mean(axis=(4, 5), keepdims=True)
    flat = centred.reshape(n, rows * columns, c * k * k)
    covariance = np.einsum("npi,npj->nij", flat, flat, optimize=True) / flat.shape[1]
    values, vectors = np.linalg.eigh(covariance)
    kept = values > threshold * values[:, -1:]
    powers = np.where(kept, 1 / np.sqrt(np.where(kept, values, 1)), 0)
    root = np.einsum("nik,nk,njk->nij", vectors, powers, vectors, optimize=True)
    white = (flat @ root).reshape(centred.shape)
    total, count = np.zeros_like(images), np.zeros((h, w, 1))
    for y in range(k):
        for x in range(k):
            total[:, y : y + rows, x : x + columns] += white[..., y, x]
            count[y : y + rows, x : x + columns] += 1
    return total / count
