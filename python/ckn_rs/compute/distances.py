"""Kernels of images with themselves, and the distances that follow from them."""

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ckn_rs import _core
from ckn_rs._support.arrays import (
    Floats,
    as_images,
    as_one_set,
    check_finite,
    check_same_shape,
    for_core,
    result_dtype,
)
from ckn_rs._support.options import as_kind, as_thread_count
from ckn_rs.compute.augment import augmented
from ckn_rs.compute.run import kernels_of_pairs, self_kernels
from ckn_rs.model import ModelLike, as_spec


def compute_diagonal(
    X: ArrayLike,
    model: ModelLike,
    ntk: bool = False,
    *,
    dtype: DTypeLike | None = None,
    n_threads: int | None = None,
    augment: str | None = None,
) -> Floats:
    """The kernel of each image with itself, ``k(X[i], X[i])``.

    It is the diagonal of :func:`compute_kernel_matrix`, to the last bit, and takes time
    proportional to the number of images. The predicted variance of a Gaussian process needs it.

    Parameters
    ----------
    X : array_like of shape (n, h, w, c)
        Images.
    model, ntk, dtype, n_threads, augment
        As for :func:`compute_kernel_matrix`.

    Returns
    -------
    ndarray of shape (n,), float32 or float64
        The diagonal.

    Raises
    ------
    TypeError, ValueError
        As for :func:`compute_kernel_matrix`.

    Examples
    --------
    >>> import numpy as np
    >>> from ckn_rs import compute_diagonal, compute_kernel_matrix
    >>> X = np.random.default_rng(0).random((4, 8, 8, 1))
    >>> model = [{"npatch": 3, "subsampling": 2}]
    >>> K = compute_kernel_matrix(X, model=model)
    >>> bool((compute_diagonal(X, model) == K.diagonal()).all())
    True
    """
    images = as_images(X, "X")
    check_finite(images, "X")
    kind, n_threads = as_kind(ntk), as_thread_count(n_threads)
    _, h, w, c = images.shape
    plan = augmented(_core.Plan(as_spec(model), (h, w, c), kind), augment)
    converted = for_core(images, result_dtype(dtype, images))
    (diagonal,) = self_kernels(plan, converted, n_threads=n_threads)
    return diagonal


def compute_distances(
    X: ArrayLike,
    Y: ArrayLike,
    model: ModelLike,
    ntk: bool = False,
    *,
    dtype: DTypeLike | None = None,
    n_threads: int | None = None,
    augment: str | None = None,
) -> Floats:
    """Squared distances of pairs of images in the kernel's feature space.

    Entry ``i`` is ``k(X[i], X[i]) + k(Y[i], Y[i]) - 2 k(X[i], Y[i])``: the squared distance of the
    images' features in the reproducing kernel Hilbert space. It measures, for example, how far a
    deformation takes an image [1]_.

    Parameters
    ----------
    X, Y : array_like of shape (n, h, w, c)
        Images. One of the two may hold a single image, ``(1, h, w, c)``, which then forms a pair
        with every image of the other.
    model, ntk
        As for :func:`compute_kernel`.
    dtype : {numpy.float32, numpy.float64}, optional
        The precision of the computation: float64 by default, whatever the images' dtype, since the
        distance of similar images is a small difference of large numbers.
    n_threads, augment
        As for :func:`compute_kernel_matrix`.

    Returns
    -------
    ndarray of shape (n,), float64 unless ``dtype`` says otherwise
        Squared distances, never below 0, and 0 for equal images.

    Raises
    ------
    TypeError, ValueError
        As for :func:`compute_kernel_matrix`, and if the numbers of images differ and neither is 1.

    References
    ----------
    .. [1] A. Bietti and J. Mairal, "On the Inductive Bias of Neural Tangent Kernels",
       arXiv:1905.12173, 2019.

    Examples
    --------
    The distances of images from themselves shifted by one pixel, and of the first from all:

    >>> import numpy as np
    >>> from ckn_rs import compute_distances
    >>> X = np.random.default_rng(0).random((4, 8, 8, 1))
    >>> model = [{"npatch": 3, "subsampling": 2}]
    >>> bool((compute_distances(X, np.roll(X, 1, axis=2), model) > 0).all())
    True
    >>> float(compute_distances(X[:1], X, model)[0])
    0.0
    """
    images1, images2 = as_images(X, "X"), as_images(Y, "Y")
    check_same_shape("X", images1.shape[1:], "Y", images2.shape[1:])
    n1, n2 = len(images1), len(images2)
    if n1 != n2 and 1 not in (n1, n2):
        raise ValueError(
            f"X and Y must hold as many images, or one of them a single one, got {n1} and {n2}"
        )
    for images, name in ((images1, "X"), (images2, "Y")):
        check_finite(images, name)
    both = as_one_set([images1, images2], dtype)
    each = np.arange(n1 + n2)
    first, second = np.broadcast_arrays(each[:n1], each[n1:])
    kind, n_threads = as_kind(ntk), as_thread_count(n_threads)
    _, h, w, c = both.shape
    (values,) = kernels_of_pairs(
        augmented(_core.Plan(as_spec(model), (h, w, c), kind), augment),
        both,
        np.concatenate([each, first]),
        np.concatenate([each, second]),
        n_threads=n_threads,
    )
    own, across = values[: n1 + n2], values[n1 + n2 :]
    # For equal images both differences are exactly 0.
    distances: Floats = (own[first] - across) + (own[second] - across)
    return np.maximum(distances, 0, out=distances)
