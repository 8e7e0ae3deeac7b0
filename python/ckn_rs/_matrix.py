"""Kernel matrices: the original's three functions."""

from numpy.typing import ArrayLike, DTypeLike

from ckn_rs._arrays import Floats
from ckn_rs._gram import Norms, gram
from ckn_rs.model import ModelLike, as_dicts


def compute_kernel_matrix(
    ims1: ArrayLike,
    ims2: ArrayLike | None = None,
    norms1: ArrayLike | None = None,
    norms2: ArrayLike | None = None,
    norms_inv1: ArrayLike | None = None,
    norms_inv2: ArrayLike | None = None,
    model: ModelLike | None = None,
    ntk: bool = False,
    verbose: bool = False,
    *,
    dtype: DTypeLike | None = None,
    n_threads: int | None = None,
    progress: bool = False,
    out: Floats | None = None,
) -> Floats:
    """The matrix of kernels between two sets of images, or within one.

    Entry ``(i, j)`` is the kernel of ``ims1[i]`` and ``ims2[j]``: the trace, over the positions
    after the last layer, of a map that starts as ``K[p, q] = <x[p], x'[q]>`` and that each layer
    turns into ``sum_pq A[P, p] A[Q, q] n[p] n'[q] kappa(S[p, q] / (n[p] n'[q]))``, where ``S``
    sums ``K`` over a patch, ``n`` are the patch norms and ``A`` is the pooling [1]_. With ``ntk``
    it is the neural tangent kernel, ``T <- kappa'(u) S_T + M``, carried along beside it [2]_.

    Parameters
    ----------
    ims1 : array_like of shape (n, h, w, c)
        Images. Any array of real numbers that NumPy can read, of any strides.
    ims2 : array_like of shape (m, h, w, c), optional
        Other images. None is ``ims1`` again, at half the cost: one triangle is computed.
    norms1, norms2 : array_like of shape (n, L*h*w) and (m, L*h*w), optional
        Patch norms of ``L`` layers, as :func:`compute_norms` returns them, for sets of images
        that are used again and again. They are computed if not given.
    norms_inv1, norms_inv2 : array_like of the same shapes, optional
        Their inverses; computed from the norms if not given.
    model : Model, or sequence of Layer or of dicts
        The layers, the first one reading pixels. (It has a default only because the original's
        has one.)
    ntk : bool
        The neural tangent kernel instead of the kernel itself. A layer that names no kernel has
        ``'relu'`` then, and ``'exp'`` otherwise.
    verbose : bool
        Report each layer's geometry: INFO records of the logger ``ckn_rs``, or lines on stderr
        where no logging is set up.
    dtype : {numpy.float32, numpy.float64}, optional
        What to compute in. By default the images' own: float64 if they are (one of the two sets is
        enough), else float32, for integers and half floats too.
    n_threads : int, optional
        By default the environment variable ``CKN_NUM_THREADS``, or else as many as there are
        processors. The result is the same to the last bit.
    progress : bool
        Show a bar with the pairs done, the pairs a second and the time left (needs tqdm).
    out : ndarray of shape (n, m), optional
        Where to write the matrix: of the dtype computed in, of any strides; it may be a memory
        map. On an error about the arguments it is left as it was.

    Returns
    -------
    ndarray of shape (n, m), float32 or float64
        ``out``, if given. Symmetric if ``ims2`` is None.

    Raises
    ------
    TypeError
        For images that are not real numbers, a model that is none, another dtype.
    ValueError
        For images that are not ``(n, h, w, c)``, differ in shape or hold a NaN or an infinity, a
        model that is invalid or does not fit them, norms or ``out`` of another shape.
    ImportError
        If ``progress`` is set without tqdm.

    References
    ----------
    .. [1] A. Bietti and J. Mairal, "Group Invariance, Stability to Deformations, and Complexity
       of Deep Convolutional Representations", JMLR 20(25), 2019.
    .. [2] A. Bietti and J. Mairal, "On the Inductive Bias of Neural Tangent Kernels",
       arXiv:1905.12173, 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from ckn_rs import compute_kernel_matrix
    >>> X = np.random.default_rng(0).random((4, 8, 8, 1))
    >>> model = [{"npatch": 3, "subsampling": 2, "sigma": 0.6}]
    >>> K = compute_kernel_matrix(X, model=model)
    >>> K.shape, K.dtype, bool((K == K.T).all())
    ((4, 4), dtype('float64'), True)
    >>> compute_kernel_matrix(X[:1], X[1:], model=model, ntk=True, dtype=np.float32).shape
    (1, 3)
    """
    matrix, _ = gram(
        ims1,
        ims2,
        Norms(norms1, norms_inv1),
        Norms(norms2, norms_inv2),
        as_dicts(model),
        ntk,
        verbose=verbose,
        dtype=dtype,
        n_threads=n_threads,
        progress=progress,
        out=out,
    )
    return matrix


def compute_kernel_matrix_all(
    ims1: ArrayLike,
    ims2: ArrayLike | None = None,
    model: ModelLike | None = None,
    ntk: bool = False,
    verbose: bool = False,
    *,
    dtype: DTypeLike | None = None,
    n_threads: int | None = None,
    progress: bool = False,
    out: Floats | None = None,
) -> Floats:
    """:func:`compute_kernel_matrix` of images whose norms are not known yet.

    Parameters and results are those of :func:`compute_kernel_matrix`.

    Examples
    --------
    >>> import numpy as np
    >>> from ckn_rs import compute_kernel_matrix_all
    >>> X = np.random.default_rng(0).random((4, 8, 8, 1))
    >>> compute_kernel_matrix_all(X, X[:2], [{"npatch": 3, "subsampling": 2}]).shape
    (4, 2)
    """
    return compute_kernel_matrix(
        ims1,
        ims2,
        model=model,
        ntk=ntk,
        verbose=verbose,
        dtype=dtype,
        n_threads=n_threads,
        progress=progress,
        out=out,
    )


def compute_kernel_matrix_norms(
    ims1: ArrayLike,
    ims2: ArrayLike | None,
    norms1: ArrayLike | None,
    norms2: ArrayLike | None,
    norms_inv1: ArrayLike | None,
    norms_inv2: ArrayLike | None,
    model: ModelLike | None = None,
    ntk: bool = False,
    verbose: bool = False,
    *,
    dtype: DTypeLike | None = None,
    n_threads: int | None = None,
    progress: bool = False,
    out: Floats | None = None,
) -> Floats:
    """:func:`compute_kernel_matrix` of images whose norms are known.

    Parameters and results are those of :func:`compute_kernel_matrix`.

    Examples
    --------
    >>> import numpy as np
    >>> from ckn_rs import compute_kernel_matrix_norms, compute_norms
    >>> X = np.random.default_rng(0).random((4, 8, 8, 1))
    >>> model = [{"npatch": 3, "subsampling": 2}]
    >>> n, n_inv = compute_norms(X, model)
    >>> compute_kernel_matrix_norms(X, X[:2], n, n[:2], n_inv, n_inv[:2], model).shape
    (4, 2)
    """
    return compute_kernel_matrix(
        ims1,
        ims2,
        norms1,
        norms2,
        norms_inv1,
        norms_inv2,
        model,
        ntk,
        verbose,
        dtype=dtype,
        n_threads=n_threads,
        progress=progress,
        out=out,
    )
