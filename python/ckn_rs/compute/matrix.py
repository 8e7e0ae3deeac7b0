"""Gram matrices: of one kernel, of the NTK and the CKN together, and with the gradient."""

from collections.abc import Sequence
from typing import TypeAlias

from numpy.typing import ArrayLike, DTypeLike

from ckn_rs import _core
from ckn_rs._support.arrays import Floats
from ckn_rs._support.options import as_flag, as_kind
from ckn_rs.compute.gram import gram
from ckn_rs.compute.operands import GivenNorms, as_operands, as_parameters
from ckn_rs.model import ModelLike, as_spec

Pair: TypeAlias = tuple[Floats, Floats]


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
    normalize: bool = False,
    augment: str | None = None,
) -> Floats:
    """The Gram matrix of two sets of images, or of one.

    Entry ``(i, j)`` is the kernel of ``ims1[i]`` and ``ims2[j]``. A map over pairs of positions
    starts as ``K[p, q] = <x[p], x'[q]>``, the inner products of pixels. Each layer turns it into
    ``sum_pq A[P, p] A[Q, q] M[p, q]``, where ``M[p, q] = n[p] n'[q] kappa(u)`` and
    ``u = S[p, q] / (n[p] n'[q])``: ``S`` sums ``K`` over a patch, with the scales of weights and
    biases if a layer has any, ``n`` and ``n'`` are the patch norms, ``kappa`` is the patch kernel
    and ``A`` the pooling [1]_. The kernel is the trace of the last map, or its mean, as the model's
    ``readout`` says. The neural tangent kernel takes a second map along, which each layer turns
    into ``T = kappa'(u) S_T + M`` and pools in the same way [2]_ [3]_.

    Parameters
    ----------
    ims1 : array_like of shape (n, h, w, c)
        Images. Any array of real numbers that NumPy can read, of any strides.
    ims2 : array_like of shape (m, h, w, c), optional
        Other images. None stands for ``ims1`` again, at half the cost: one triangle is computed.
    norms1, norms2 : array_like of shape (n, L*h*w) and (m, L*h*w), optional
        Patch norms of ``L`` layers, as :func:`compute_norms` returns them, for sets of images
        that are used again and again. They are computed if they are not given. Shapes with the
        same entries in the same order, such as ``(n, L, h, w)``, will do. If ``ims2`` is None,
        either of the two gives the norms of ``ims1``.
    norms_inv1, norms_inv2 : array_like of the same shapes, optional
        The inverses of the norms, as :func:`compute_norms` returns them. The computation does not
        need them. They are compared with the norms; without norms, only their shape is checked, and
        that they are finite.
    model : Model, or sequence of Layer, Residual or dicts
        The layers; the first one reads the pixels. They must be given: the default None is there
        only because the original's arguments come in this order.
    ntk : bool
        Compute the neural tangent kernel (NTK) instead of the CKN. It also sets the default of a
        layer's ``kernel``: ``'relu'`` for the NTK, ``'exp'`` for the CKN.
    verbose : bool
        Report each layer's geometry, as INFO records of the logger ``ckn_rs``, or as lines on
        stderr if no logging is set up. Other integers than 0 count as True, for scripts that have
        levels of verbosity.
    dtype : {numpy.float32, numpy.float64}, optional
        The precision of the computation. By default it is float64 if one of the two sets is
        float64, or else float32: integers and half floats are computed in float32.
    n_threads : int, optional
        The number of threads. By default it is that of the environment variable
        ``CKN_NUM_THREADS``, or else the number of processors. The result does not depend on it, to
        the last bit.
    progress : bool
        Show a bar with the pairs done, the pairs a second and the time left (needs tqdm).
    out : ndarray of shape (n, m), optional
        An array to write the result to. Its dtype must be that of the computation; its strides may
        be any, and it may be a memory map. An error about the arguments leaves it as it was.
    normalize : bool
        Divide ``K[i, j]`` by ``sqrt(k(ims1[i], ims1[i]) k(ims2[j], ims2[j]))``, so that equal
        images have a kernel of 1. A blank image, whose kernel with itself is 0, has a kernel of 0
        with every image. For two sets the kernels of images with themselves are computed, too.
    augment : {None, 'flip'}
        ``'flip'`` averages the kernel over horizontal flips of both images: entry ``(i, j)`` is the
        mean of ``k(a ims1[i], b ims2[j])``, where ``a`` and ``b`` are the identity or reverse the
        columns. It is the kernel of a network whose output is averaged over both images, and is
        positive semidefinite. It takes twice the time if the model's geometry is symmetric, so that
        ``k(fx, fy) = k(x, y)``, and four times if not: windows of ``gaussian`` begin at their
        position, even patches reach further to one side, and strides may not fit.

    Returns
    -------
    ndarray of shape (n, m), float32 or float64
        ``out``, if given. Symmetric if ``ims2`` is None.

    Raises
    ------
    TypeError
        If images are not real numbers, ``model`` is not a model, ``dtype`` is neither float32 nor
        float64, ``out`` is not an array of the computation's dtype, or a flag is of another type.
    ValueError
        If images are not ``(n, h, w, c)``, differ in shape, or hold a NaN or an infinity; if the
        model is invalid, does not fit the images, or has a layer without an NTK where ``ntk`` is
        set; if norms are not those of the images, ``out`` has another shape, or a flag is neither
        False nor True; if ``augment`` is neither None nor ``'flip'``.
    ImportError
        If ``progress`` is set without tqdm.

    See Also
    --------
    compute_both : The NTK and the CKN from one pass.
    compute_gradient : The CKN or the NTK, and its derivatives.

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
    """
    operands, kind = as_operands(ims1, ims2), as_kind(ntk)
    (K,) = gram(
        _core.Plan(as_spec(model), operands.shape, kind),
        operands,
        GivenNorms(norms1, norms_inv1),
        GivenNorms(norms2, norms_inv2),
        verbose=verbose,
        dtype=dtype,
        n_threads=n_threads,
        progress=progress,
        out=out,
        normalize=normalize,
        augment=augment,
    )
    return K


def compute_both(
    ims1: ArrayLike,
    ims2: ArrayLike | None = None,
    *,
    model: ModelLike,
    norms1: ArrayLike | None = None,
    norms2: ArrayLike | None = None,
    normalize: bool = False,
    verbose: bool = False,
    dtype: DTypeLike | None = None,
    n_threads: int | None = None,
    progress: bool = False,
    out: Pair | None = None,
    augment: str | None = None,
) -> Pair:
    """The Gram matrices of the NTK and of the CKN, from one pass.

    One pass takes the time of the NTK alone, since that needs the CKN's map, too. The NTK has the
    bits that :func:`compute_kernel_matrix` gives.

    Parameters
    ----------
    ims1, ims2, norms1, norms2, normalize, verbose, dtype, n_threads, progress, augment
        As for :func:`compute_kernel_matrix`.
    model : Model, or sequence of Layer, Residual or dicts
        The layers; the first one reads the pixels. The default of a layer's ``kernel`` is
        ``'relu'``.
    out : pair of ndarray of shape (n, m), optional
        Two arrays to write the results to.

    Returns
    -------
    K_ntk, K_ckn : ndarray of shape (n, m), float32 or float64
        The neural tangent kernel, of the network with all layers trained, and the CKN, of the
        network with only its last layer trained.

    Raises
    ------
    TypeError, ValueError, ImportError
        As for :func:`compute_kernel_matrix`.

    Examples
    --------
    >>> import numpy as np
    >>> from ckn_rs import compute_both
    >>> X = np.random.default_rng(0).random((4, 8, 8, 1))
    >>> K_ntk, K_ckn = compute_both(X, model=[{"npatch": 3, "subsampling": 2}], normalize=True)
    >>> bool((K_ntk.diagonal() == 1).all() and (K_ckn.diagonal() == 1).all())
    True
    """
    operands = as_operands(ims1, ims2)
    K_ntk, K_ckn = gram(
        _core.Plan(as_spec(model), operands.shape, "both"),
        operands,
        GivenNorms(norms1),
        GivenNorms(norms2),
        verbose=verbose,
        dtype=dtype,
        n_threads=n_threads,
        progress=progress,
        out=out,
        normalize=normalize,
        augment=augment,
    )
    return K_ntk, K_ckn


def compute_gradient(
    ims1: ArrayLike,
    ims2: ArrayLike | None = None,
    *,
    model: ModelLike,
    ntk: bool = False,
    wrt: str | Sequence[str] = "sigma",
    normalize: bool = False,
    verbose: bool = False,
    dtype: DTypeLike | None = None,
    n_threads: int | None = None,
    progress: bool = False,
    out: Pair | None = None,
    augment: str | None = None,
) -> Pair:
    """The Gram matrix and its derivatives with respect to logarithms of the layers' parameters.

    One pass gives all derivatives. With respect to ``sigma``, and with two layers of ``exp`` on
    images of 32x32x3, it takes about twice as long as the CKN alone, or two and a half times as
    long as the NTK alone.

    Parameters
    ----------
    ims1, ims2, model, ntk, verbose, dtype, n_threads, progress, augment
        As for :func:`compute_kernel_matrix`.
    wrt : {'sigma', 'weight_std', 'bias_std'}, or a sequence of these
        The parameters. ``'sigma'`` stands for those of the layers whose kernel has one,
        ``'weight_std'`` for those of all layers, and ``'bias_std'`` for those that are not 0. The
        scales of the model's dense layer, if it has one, come after those of the layers.
    normalize : bool
        As for :func:`compute_kernel_matrix`. The derivatives are those of the normalized kernel.
    out : pair of ndarray of shapes (n, m) and (n, m, G), optional
        Two arrays to write the results to.

    Returns
    -------
    K : ndarray of shape (n, m), float32 or float64
        The Gram matrix, with the bits that :func:`compute_kernel_matrix` gives.
    dK : ndarray of shape (n, m, G), float32 or float64
        ``dK[..., g]`` is the derivative with respect to the logarithm of the ``g``-th of the ``G``
        parameters. These come in the order of ``wrt``, and for each name in the order of layers.

    Raises
    ------
    TypeError, ValueError, ImportError
        As for :func:`compute_kernel_matrix`; if ``wrt`` is not such a name or a sequence of them,
        each once; and if a kernel that one of the parameters acts on has no derivative.

    Notes
    -----
    The derivative of the NTK needs that of each kernel's slope. The slopes of ``relu`` and
    ``abrelu`` have none where two patches are parallel: there they count as constant. This is right
    for patches that are parallel for every value of the parameters, such as a patch and itself.

    Examples
    --------
    A Gaussian process chooses its ``sigma`` by this gradient;
    ``ckn_rs.sklearn.ConvolutionalKernel`` brings it to scikit-learn.

    >>> import numpy as np
    >>> from ckn_rs import Dense, Layer, Model, compute_gradient
    >>> X = np.random.default_rng(0).random((4, 8, 8, 1))
    >>> K, dK = compute_gradient(X, model=[{"npatch": 3, "subsampling": 2, "sigma": 0.6}])
    >>> dK.shape
    (4, 4, 1)
    >>> biased = Model([Layer(3, 2, sigma=0.6, bias_std=0.1)], dense=Dense(weight_std=1.4))
    >>> compute_gradient(X, model=biased, wrt=("weight_std", "bias_std"))[1].shape
    (4, 4, 3)
    """
    operands = as_operands(ims1, ims2)
    kind = "ntk_gradient" if as_flag(ntk, "ntk") else "gradient"
    K, dK = gram(
        _core.Plan(as_spec(model), operands.shape, kind, wrt=as_parameters(wrt)),
        operands,
        GivenNorms(),
        GivenNorms(),
        verbose=verbose,
        dtype=dtype,
        n_threads=n_threads,
        progress=progress,
        out=out,
        normalize=normalize,
        augment=augment,
    )
    return K, dK
