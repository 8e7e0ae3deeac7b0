"""Kernel matrices: the original's function that does everything."""

from typing import Literal, TypeAlias, overload

from numpy.typing import ArrayLike, DTypeLike

from ckn_rs._support.arrays import Floats
from ckn_rs._support.options import Ntk
from ckn_rs.compute.gram import Norms, Pair, gram
from ckn_rs.model import ModelLike

Some: TypeAlias = ArrayLike | None


# What is returned: one matrix; the NTK's and the CKN's, by keyword or by position; the matrix and
# its gradient; and what is not known before it runs.
# fmt: off
@overload
def compute_kernel_matrix(
    ims1: ArrayLike, ims2: Some = None, norms1: Some = None, norms2: Some = None,
    norms_inv1: Some = None, norms_inv2: Some = None, model: ModelLike | None = None,
    ntk: bool = False, verbose: bool = False, *, dtype: DTypeLike | None = None,
    n_threads: int | None = None, progress: bool = False, out: Floats | None = None,
    normalize: bool = False, eval_gradient: Literal[False] = False,
) -> Floats: ...
@overload
def compute_kernel_matrix(
    ims1: ArrayLike, ims2: Some = None, norms1: Some = None, norms2: Some = None,
    norms_inv1: Some = None, norms_inv2: Some = None, model: ModelLike | None = None, *,
    ntk: Literal["both"], verbose: bool = False, dtype: DTypeLike | None = None,
    n_threads: int | None = None, progress: bool = False, out: Pair | None = None,
    normalize: bool = False, eval_gradient: Literal[False] = False,
) -> Pair: ...
@overload
def compute_kernel_matrix(
    ims1: ArrayLike, ims2: Some, norms1: Some, norms2: Some, norms_inv1: Some, norms_inv2: Some,
    model: ModelLike | None, ntk: Literal["both"], verbose: bool = False, *,
    dtype: DTypeLike | None = None, n_threads: int | None = None, progress: bool = False,
    out: Pair | None = None, normalize: bool = False, eval_gradient: Literal[False] = False,
) -> Pair: ...
@overload
def compute_kernel_matrix(
    ims1: ArrayLike, ims2: Some = None, norms1: Some = None, norms2: Some = None,
    norms_inv1: Some = None, norms_inv2: Some = None, model: ModelLike | None = None,
    ntk: Literal[False] = False, verbose: bool = False, *, dtype: DTypeLike | None = None,
    n_threads: int | None = None, progress: bool = False, out: Pair | None = None,
    normalize: bool = False, eval_gradient: Literal[True],
) -> Pair: ...
@overload
def compute_kernel_matrix(
    ims1: ArrayLike, ims2: Some = None, norms1: Some = None, norms2: Some = None,
    norms_inv1: Some = None, norms_inv2: Some = None, model: ModelLike | None = None,
    ntk: Ntk = False, verbose: bool = False, *, dtype: DTypeLike | None = None,
    n_threads: int | None = None, progress: bool = False, out: Floats | Pair | None = None,
    normalize: bool = False, eval_gradient: bool = False,
) -> Floats | Pair: ...
# fmt: on
def compute_kernel_matrix(
    ims1: ArrayLike,
    ims2: ArrayLike | None = None,
    norms1: ArrayLike | None = None,
    norms2: ArrayLike | None = None,
    norms_inv1: ArrayLike | None = None,
    norms_inv2: ArrayLike | None = None,
    model: ModelLike | None = None,
    ntk: Ntk = False,
    verbose: bool = False,
    *,
    dtype: DTypeLike | None = None,
    n_threads: int | None = None,
    progress: bool = False,
    out: Floats | Pair | None = None,
    normalize: bool = False,
    eval_gradient: bool = False,
) -> Floats | Pair:
    """The matrix of kernels between two sets of images, or within one.

    Entry ``(i, j)`` is the kernel of ``ims1[i]`` and ``ims2[j]``: the trace, over the positions
    after the last layer, of a map that starts as ``K[p, q] = <x[p], x'[q]>`` and that each layer
    turns into ``sum_pq A[P, p] A[Q, q] n[p] n'[q] kappa(S[p, q] / (n[p] n'[q]))``, where ``S``
    sums ``K`` over a patch, ``n`` are the patch norms and ``A`` is the pooling [1]_. With ``ntk``
    it is the neural tangent kernel, ``T <- kappa'(u) S_T + M``, carried along beside it [2]_ [3]_.
    A model's ``readout`` may be a mean instead of the trace.

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
    ntk : bool or 'both'
        The neural tangent kernel instead of the kernel itself, or both of them, from one pass. A
        layer that names no kernel has ``'relu'`` then, and ``'exp'`` otherwise.
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
    out : ndarray of shape (n, m), or a pair of arrays, optional
        Where to write what is returned: of the dtype computed in, of any strides; it may be a
        memory map. On an error about the arguments it is left as it was.
    normalize : bool
        Divide ``K[i, j]`` by ``sqrt(k(ims1[i], ims1[i]) k(ims2[j], ims2[j]))``, so that equal
        images have a kernel of 1. An image whose kernel with itself is 0, a blank one, has 0. For
        two sets it costs their kernels with themselves beside the matrix.
    eval_gradient : bool
        Return the derivatives, too, with respect to the logarithms of the ``sigma`` of those layers
        whose kernel has one: those of ``K[i, j]``, or of the normalized one. Not with ``ntk``.

    Returns
    -------
    K : ndarray of shape (n, m), float32 or float64
        ``out``, if given. Symmetric if ``ims2`` is None. With ``ntk`` "both", a pair: the NTK and
        the CKN.
    dK : ndarray of shape (n, m, G), float32 or float64
        Only with ``eval_gradient``: ``dK[..., g]`` is ``dK/dlog(sigma)`` of the ``g``-th of the
        ``G`` layers that have a ``sigma``.

    Raises
    ------
    TypeError
        For images that are not real numbers, a model that is none, another dtype, an ``out`` that
        is not an array or a pair as is returned.
    ValueError
        For images that are not ``(n, h, w, c)``, differ in shape or hold a NaN or an infinity, a
        model that is invalid or does not fit them, norms or ``out`` of another shape, a gradient
        or an NTK of layers that have none.
    ImportError
        If ``progress`` is set without tqdm.

    References
    ----------
    .. [1] A. Bietti and J. Mairal, "Group Invariance, Stability to Deformations, and Complexity
       of Deep Convolutional Representations", JMLR 20(25), 2019.
    .. [2] A. Bietti and J. Mairal, "On the Inductive Bias of Neural Tangent Kernels",
       arXiv:1905.12173, 2019.
    .. [3] S. Arora, S. S. Du, W. Hu, Z. Li, R. Salakhutdinov and R. Wang, "On Exact Computation
       with an Infinitely Wide Neural Net", NeurIPS, 2019.

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

    Both kernels in one pass, and the gradient that a Gaussian process follows to a better sigma:

    >>> K_ntk, K_ckn = compute_kernel_matrix(X, model=model, ntk="both", normalize=True)
    >>> bool((K_ntk.diagonal() == 1).all() and (K_ckn.diagonal() == 1).all())
    True
    >>> K, dK = compute_kernel_matrix(X, model=model, eval_gradient=True)
    >>> dK.shape
    (4, 4, 1)
    """
    return gram(
        ims1,
        ims2,
        Norms(norms1, norms_inv1),
        Norms(norms2, norms_inv2),
        model,
        ntk,
        normalize=normalize,
        eval_gradient=eval_gradient,
        verbose=verbose,
        dtype=dtype,
        n_threads=n_threads,
        progress=progress,
        out=out,
    )
