"""Convolutional kernels as kernel objects of scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ckn_rs._support.arrays import (
    Floats,
    as_images_or_rows,
    check_finite,
    check_same_shape,
    result_dtype,
)
from ckn_rs._support.options import as_flag, as_shape
from ckn_rs.compute.augment import as_augment
from ckn_rs.compute.distances import compute_diagonal
from ckn_rs.compute.matrix import compute_gradient, compute_kernel_matrix
from ckn_rs.model import ModelLike
from ckn_rs.sklearn._bounds import SIGMA_BOUNDS
from ckn_rs.sklearn._parameters import as_model
from ckn_rs.sklearn._parametrized import Parametrized
from ckn_rs.sklearn._threads import threads_for


class ConvolutionalKernel(Parametrized):
    """The kernel of a model, for every estimator of scikit-learn that takes a kernel.

    It is the CKN [1]_ or the NTK [2]_ of a model, as a kernel of
    ``sklearn.gaussian_process.kernels``. Support vector machines, kernel ridge regression,
    ``Nystroem``, ``KernelPCA`` and ``SpectralClustering`` call it, and Gaussian processes fit its
    parameters [3]_, alone or in sums and products with other kernels. These are the logarithms of
    the ``sigma`` of each layer whose patch kernel has one, and of scales of weights and biases if
    these have bounds, with exact gradients.

    Parameters
    ----------
    model : Model, sequence of Layer, Residual or dicts, or str
        The layers; the first one reads the pixels. A string is a name of :mod:`ckn_rs.models`.
    image_shape : (int, int, int), optional
        The ``(h, w, c)`` of an image, for data with a row of ``h*w*c`` numbers for each image. Most
        estimators of scikit-learn want such data. Without it the kernel takes images
        ``(n, h, w, c)``.
    ntk : bool
        The neural tangent kernel instead of the CKN. It also sets the default of a layer's
        ``kernel``: ``'relu'`` for the NTK, ``'exp'`` for the CKN.
    normalize : bool
        Divide ``k(x, y)`` by ``sqrt(k(x, x) k(y, y))``, so that equal images have a kernel of 1. A
        blank image, whose kernel with itself is 0, has a kernel of 0 with every image.
    sigma_bounds : pair of float, 'fixed', or a sequence of these
        The least and the largest ``sigma`` that a Gaussian process may choose; 'fixed' leaves it as
        it is. A sequence has one entry for each layer that has a ``sigma``. The default is
        ``(0.01, 100)``.
    dtype : {numpy.float32, numpy.float64}, optional
        The precision of the computation. By default it is that of the images. Many estimators
        convert these to float64, such as ``SVC``, and float32 is two to three times as fast. A
        Gaussian process needs float64, or noise (``alpha``) of 1e-4 or so: rounding to float32 may
        leave eigenvalues slightly below 0.
    n_threads : int, optional
        The number of threads of each call. By default it is that of the environment variable
        ``CKN_NUM_THREADS``, or else of ``OMP_NUM_THREADS``, which joblib sets in its worker
        processes. Without these a call takes all processors, and calls from several threads take
        turns. The result does not depend on it.
    augment : {None, 'flip'}
        ``'flip'`` averages the kernel over horizontal flips of both images, in two to four times
        the time; see :func:`ckn_rs.compute_kernel_matrix`.
    weight_std_bounds, bias_std_bounds : pair of float, 'fixed', or a sequence of these
        The same for the scales of the layers' weights and biases. All layers have a ``weight_std``,
        and those whose biases are not 0 have a ``bias_std``; bounds of biases where all are 0 are
        an error. By default they are 'fixed'.

    Attributes
    ----------
    theta : ndarray of shape (n_dims,)
        ``log(sigma)`` of the layers whose ``sigma`` is not fixed, in their order; after these
        ``log(weight_std)``, and then ``log(bias_std)``.
    bounds : ndarray of shape (n_dims, 2)
        The logarithms of their bounds.
    hyperparameters : list of Hyperparameter
        Each ``sigma``, fixed ones too, and each scale that is not fixed, by names such as
        ``layer0__sigma``.

    See Also
    --------
    ckn_rs.compute_kernel_matrix : The kernel's formula, and the matrix without scikit-learn.
    ckn_rs.compute_gradient : Its derivatives.

    Notes
    -----
    ``get_params`` gives each field of each layer, such as ``layer0__sigma`` and
    ``layer1__pooling``, and ``set_params`` takes them; the first layer has the number 0. So
    ``GridSearchCV`` chooses a ``sigma`` of ``SVC(kernel=k)`` as ``kernel__layer0__sigma``, and one
    in the Gaussian process's kernel ``a * k + b`` as ``kernel__k1__k2__layer0__sigma``. The
    parameters of such a composed kernel are set one by one: vary either ``model`` or its layers.

    No matrix is kept from one call to the next. To choose parameters of the estimator alone, such
    as ``C`` of ``SVC``, compute the matrix once: ``GridSearchCV(SVC(kernel="precomputed"),
    grid).fit(k(X), y)`` has the same scores.

    The ``sigma`` of a ``linear`` layer only scales, and so does the ``weight_std`` of a layer with
    a homogeneous kernel, such as ``exp`` and ``relu``. If the kernels of all later layers are
    homogeneous and have no biases, the normalized kernel does not depend on it. Let it be 'fixed'
    then.

    References
    ----------
    .. [1] A. Bietti and J. Mairal, "Group Invariance, Stability to Deformations, and Complexity
       of Deep Convolutional Representations", JMLR 20(25), 2019.
    .. [2] A. Bietti and J. Mairal, "On the Inductive Bias of Neural Tangent Kernels",
       arXiv:1905.12173, 2019.
    .. [3] C. E. Rasmussen and C. K. I. Williams, *Gaussian Processes for Machine Learning*, 2006,
       chapter 5.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn.svm import SVC
    >>> from ckn_rs import Layer
    >>> from ckn_rs.sklearn import ConvolutionalKernel
    >>> X, y = load_digits(return_X_y=True)
    >>> k = ConvolutionalKernel([Layer(3, 2, kernel="exp", sigma=0.6)], image_shape=(8, 8, 1))
    >>> bool(cross_val_score(SVC(C=10, kernel=k), X[:300], y[:300], cv=3).mean() > 0.95)
    True
    >>> k.set_params(layer0__sigma=0.5)
    ConvolutionalKernel(Model([Layer(npatch=3, subsampling=2, kernel='exp', sigma=0.5)]), \
image_shape=(8, 8, 1))
    """

    def __init__(
        self,
        model: ModelLike | str,
        image_shape: Sequence[int] | None = None,
        ntk: bool = False,
        normalize: bool = True,
        sigma_bounds: Any = SIGMA_BOUNDS,
        dtype: DTypeLike | None = None,
        n_threads: int | None = None,
        augment: str | None = None,
        weight_std_bounds: Any = "fixed",
        bias_std_bounds: Any = "fixed",
    ) -> None:
        # As `clone` wants it, arguments are stored as they are, and checked where they are used.
        self.model = model
        self.image_shape = image_shape
        self.ntk = ntk
        self.normalize = normalize
        self.sigma_bounds = sigma_bounds
        self.dtype = dtype
        self.n_threads = n_threads
        self.augment = augment
        self.weight_std_bounds = weight_std_bounds
        self.bias_std_bounds = bias_std_bounds

    @overload
    def __call__(
        self, X: ArrayLike, Y: ArrayLike | None = None, eval_gradient: Literal[False] = False
    ) -> Floats: ...
    @overload
    def __call__(
        self, X: ArrayLike, Y: ArrayLike | None = None, *, eval_gradient: Literal[True]
    ) -> tuple[Floats, Floats]: ...
    @overload
    def __call__(
        self, X: ArrayLike, Y: ArrayLike | None = None, eval_gradient: bool = False
    ) -> Floats | tuple[Floats, Floats]: ...
    def __call__(
        self, X: ArrayLike, Y: ArrayLike | None = None, eval_gradient: bool = False
    ) -> Floats | tuple[Floats, Floats]:
        """The Gram matrix, and if wanted its derivatives.

        Parameters
        ----------
        X : array_like of shape (n, h, w, c) or (n, h*w*c)
            Images; rows need ``image_shape``.
        Y : array_like of shape (m, h, w, c) or (m, h*w*c), optional
            Other images. None, or ``X`` itself, stands for ``X`` again, at half the cost.
        eval_gradient : bool
            Return the derivatives, too. Only for ``Y=None``.

        Returns
        -------
        K : ndarray of shape (n, m), float32 or float64
            The Gram matrix.
        dK : ndarray of shape (n, n, n_dims), float32 or float64
            If ``eval_gradient``: the derivatives by ``theta``.

        Raises
        ------
        TypeError, ValueError
            If an argument of the kernel is wrong, ``X`` and ``Y`` are not images, have a NaN or an
            infinity, or do not fit ``image_shape``, the model or each other, or if derivatives are
            wanted with ``Y``.
        """
        if eval_gradient and Y is not None:
            raise ValueError("Gradient can only be evaluated when Y is None.")
        first = self._images(X, "X")
        if eval_gradient:
            return self._with_gradient(first)
        second = None if Y is None or Y is X else self._images(Y, "Y")
        if second is not None:
            check_same_shape("X", first.shape[1:], "Y", second.shape[1:])
        return self._matrix(first, second)

    def diag(self, X: ArrayLike) -> Floats:
        """The kernel of each image with itself: the diagonal of the Gram matrix, to the last bit.

        Parameters
        ----------
        X : array_like of shape (n, h, w, c) or (n, h*w*c)
            Images; rows need ``image_shape``.

        Returns
        -------
        ndarray of shape (n,), float32 or float64
            If the kernel is normalized, 1, or 0 for an image whose kernel with itself is 0.

        Raises
        ------
        TypeError, ValueError
            As for a call of the kernel.
        """
        images, unit = self._images(X, "X"), as_flag(self.normalize, "normalize")
        with threads_for(self.n_threads) as n_threads:
            diagonal = compute_diagonal(
                images,
                as_model(self.model),
                self.ntk,
                dtype=self.dtype,
                n_threads=n_threads,
                augment=self.augment,
            )
        return (diagonal > 0).astype(diagonal.dtype) if unit else diagonal

    def is_stationary(self) -> bool:
        """False: the kernel is not a function of the difference of two images."""
        return False

    @property
    def requires_vector_input(self) -> bool:
        """Whether estimators shall check that the data have a row for each image."""
        return self.image_shape is not None

    def _values(self) -> list[object]:
        """All arguments in one form."""
        return [
            as_model(self.model),
            self._shape(),
            as_flag(self.ntk, "ntk"),
            as_flag(self.normalize, "normalize"),
            self._layers_and_bounds(),
            None if self.dtype is None else result_dtype(self.dtype),
            self.n_threads,
            as_augment(self.augment),
        ]

    def _shape(self) -> tuple[int, int, int] | None:
        return None if self.image_shape is None else as_shape(self.image_shape, "image_shape")

    def _images(self, X: ArrayLike, name: str) -> Floats:
        images = as_images_or_rows(X, name, self._shape())
        check_finite(images, name)
        return images

    def _matrix(self, first: Floats, second: Floats | None = None) -> Floats:
        with threads_for(self.n_threads) as n_threads:
            return compute_kernel_matrix(
                first,
                second,
                model=as_model(self.model),
                ntk=self.ntk,
                dtype=self.dtype,
                n_threads=n_threads,
                normalize=self.normalize,
                augment=self.augment,
            )

    def _with_gradient(self, images: Floats) -> tuple[Floats, Floats]:
        wrt, free = self._derivatives()
        if not wrt:
            K = self._matrix(images)
            return K, np.empty((*K.shape, 0), K.dtype)
        with threads_for(self.n_threads) as n_threads:
            K, dK = compute_gradient(
                images,
                model=as_model(self.model),
                ntk=self.ntk,
                wrt=wrt,
                normalize=self.normalize,
                dtype=self.dtype,
                n_threads=n_threads,
                augment=self.augment,
            )
        return K, dK if all(free) else dK[..., free]

    def _derivatives(self) -> tuple[list[str], list[bool]]:
        """The names of parameters that are free in a layer, and which of their derivatives are."""
        names, free, last = [], [], as_model(self.model).dense
        for name, layers in self._layers_and_bounds().items():
            own = [bounds != "fixed" for bounds in layers.values()]
            if any(own):
                names.append(name)
                free += own
                if name != "sigma" and last is not None and getattr(last, name):
                    free.append(False)  # the dense layer's comes after those of the layers
        return names, free
