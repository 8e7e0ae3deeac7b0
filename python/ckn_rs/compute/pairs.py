"""Kernels of single pairs of images, in float64 unless another dtype is asked for."""

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ckn_rs import _core
from ckn_rs._support.arrays import Floats, as_image, as_images, as_one_set, check_same_shape
from ckn_rs._support.options import as_kind, as_thread_count
from ckn_rs.compute.run import kernels_of_pairs
from ckn_rs.model import ModelLike, as_spec


def compute_kernel(
    im1: ArrayLike,
    im2: ArrayLike,
    model: ModelLike,
    ntk: bool = False,
    *,
    dtype: DTypeLike | None = None,
) -> float:
    """The kernel of two images.

    The formula is that of :func:`compute_kernel_matrix`, which is the function for many pairs.

    Parameters
    ----------
    im1, im2 : array_like of shape (h, w, c)
        Images.
    model : Model, or sequence of Layer, Residual or dicts
        The layers, the first one reading pixels.
    ntk : bool
        The neural tangent kernel instead of the kernel itself.
    dtype : {numpy.float32, numpy.float64}, optional
        The precision of the computation: float64 by default, whatever the images' dtype.

    Returns
    -------
    float
        The kernel.

    Raises
    ------
    TypeError, ValueError
        As for :func:`compute_kernel_matrix`; an image must be ``(h, w, c)``.

    Examples
    --------
    With patches of one pixel and a linear kernel, the kernel is the sum of the products of pooled
    pixels. Here ``strided`` pooling keeps one pixel, whose value is 10.

    >>> import numpy as np
    >>> from ckn_rs import compute_kernel
    >>> x = np.arange(16.0).reshape(4, 4, 1)
    >>> model = [{"npatch": 1, "subsampling": 2, "kernel": "linear", "pooling": "strided"}]
    >>> round(compute_kernel(x, x, model), 9)
    100.0
    """
    image1, image2 = as_image(im1, "im1"), as_image(im2, "im2")
    check_same_shape("im1", image1.shape, "im2", image2.shape)
    both = as_one_set([image1[None], image2[None]], dtype)
    kind = as_kind(ntk)
    plan = _core.Plan(as_spec(model), image1.shape, kind)
    (value,) = kernels_of_pairs(plan, both, np.array([0]), np.array([1]), n_threads=1)
    return float(value[0])


def compute_dist_to_ref(
    im_ref: ArrayLike,
    ims: ArrayLike,
    model: ModelLike,
    ntk: bool = False,
    *,
    dtype: DTypeLike | None = None,
    n_threads: int | None = None,
) -> tuple[float, Floats, Floats]:
    """The kernels from which the distances of images from a reference image follow.

    The squared distance of ``ims[i]`` from the reference, in the kernel's feature space, is
    ``k00 - 2*kxy[i] + kyy[i]``. See :func:`compute_kernel_matrix` for the formula of the kernel.

    Parameters
    ----------
    im_ref : array_like of shape (h, w, c)
        The reference image.
    ims : array_like of shape (n, h, w, c)
        Images.
    model, ntk, dtype
        As for :func:`compute_kernel`.
    n_threads : int, optional
        As for :func:`compute_kernel_matrix`.

    Returns
    -------
    k00 : float
        The kernel of the reference with itself.
    kxy : ndarray of shape (n,), float64 unless ``dtype`` says otherwise
        The kernel of the reference with each image.
    kyy : ndarray of shape (n,), float64 unless ``dtype`` says otherwise
        The kernel of each image with itself.

    Raises
    ------
    TypeError, ValueError
        As for :func:`compute_kernel_matrix`.

    Examples
    --------
    >>> import numpy as np
    >>> from ckn_rs import compute_dist_to_ref
    >>> X = np.random.default_rng(0).random((4, 8, 8, 1))
    >>> k00, kxy, kyy = compute_dist_to_ref(X[0], X, [{"npatch": 3, "subsampling": 2}])
    >>> bool((k00 - 2 * kxy + kyy)[1:].min() > 0)
    True
    """
    reference, images = as_image(im_ref, "im_ref"), as_images(ims, "ims")
    check_same_shape("im_ref", reference.shape, "ims", images.shape[1:])
    n = len(images)
    # The reference goes last, so that an error about an image gives its number in `ims`.
    both = as_one_set([images, reference[None]], dtype)
    all_images, again = np.arange(n + 1), np.full(n, n)
    left, right = np.concatenate([again, all_images]), np.concatenate([all_images[:n], all_images])
    kind, n_threads = as_kind(ntk), as_thread_count(n_threads)
    plan = _core.Plan(as_spec(model), reference.shape, kind)
    (values,) = kernels_of_pairs(plan, both, left, right, n_threads=n_threads)
    return float(values[-1]), values[:n], values[n:-1]
