"""The original's other interfaces: Gram matrices with and without norms, and its class."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike, DTypeLike

from ckn_rs import _core
from ckn_rs._support.arrays import Floats, as_images
from ckn_rs._support.options import as_flag, as_shape, as_verbosity
from ckn_rs.compute.gram import gram
from ckn_rs.compute.matrix import Pair, compute_kernel_matrix
from ckn_rs.compute.operands import GivenNorms, as_operands
from ckn_rs.compute.verbose import report
from ckn_rs.model import Model, ModelLike, as_spec


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
    normalize: bool = False,
) -> Floats:
    """The Gram matrix of images without known norms, by :func:`compute_kernel_matrix`.

    Parameters
    ----------
    ims1, ims2, model, ntk, verbose, dtype, n_threads, progress, out, normalize
        As for :func:`compute_kernel_matrix`.

    Returns
    -------
    ndarray of shape (n, m), float32 or float64
        The Gram matrix.

    Raises
    ------
    TypeError, ValueError, ImportError
        As for :func:`compute_kernel_matrix`.

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
        normalize=normalize,
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
    normalize: bool = False,
) -> Floats:
    """The Gram matrix of images with known norms, by :func:`compute_kernel_matrix`.

    Parameters
    ----------
    ims1, ims2, norms1, norms2, norms_inv1, norms_inv2, model, ntk, verbose
        As for :func:`compute_kernel_matrix`.
    dtype, n_threads, progress, out, normalize
        As for :func:`compute_kernel_matrix`.

    Returns
    -------
    ndarray of shape (n, m), float32 or float64
        The Gram matrix.

    Raises
    ------
    TypeError, ValueError, ImportError
        As for :func:`compute_kernel_matrix`.

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
        normalize=normalize,
    )


class CKNKernel:
    """Kernels of a model for images of one shape.

    Parameters
    ----------
    shape : sequence of int
        ``(h, w, c)`` of an image. A length may be a whole float, such as 32.0.
    model : Model, or sequence of Layer, Residual or dicts
        The layers; the first one reads the pixels. A Model's convention and readout hold, too.
    ntk : bool
        The default of a layer's ``kernel``: ``'relu'`` if set, ``'exp'`` if not. Whether the NTK or
        the CKN is computed depends on the ``ntk`` of :meth:`compute_kernel_matrix`.
    verbose : bool
        Report each layer's geometry; see :func:`compute_kernel_matrix`.

    Raises
    ------
    TypeError, ValueError
        If ``shape`` is not the shape of an image, or ``model`` is not a model or does not fit it.

    Examples
    --------
    The NTK and the CKN of the same layers, from one pass:

    >>> import numpy as np
    >>> from ckn_rs import CKNKernel
    >>> X = np.random.default_rng(0).random((4, 8, 8, 1))
    >>> kernel = CKNKernel((8, 8, 1), [{"npatch": 3, "subsampling": 2}], ntk=True)
    >>> K_ntk, K_ckn = kernel.compute_kernel_matrix(
    ...     X, None, None, None, None, None, ntk=True, return_rf=True
    ... )
    >>> K_ntk.shape, bool((K_ntk > K_ckn).all())
    ((4, 4), True)
    """

    def __init__(
        self,
        shape: Sequence[int],
        model: ModelLike | None = None,
        ntk: bool = False,
        verbose: bool = False,
    ) -> None:
        self.shape = as_shape(shape)
        verbosity = as_verbosity(verbose)
        # With every key filled in, the default kernel no longer depends on the method's `ntk`.
        resolved: dict[str, Any] = _core.resolve_model(as_spec(model), as_flag(ntk, "ntk"))
        self.layers = resolved["layers"]
        self.model = Model(**resolved)
        self._plans = {"ckn": _core.Plan(resolved, self.shape, "ckn")}
        if verbosity:
            report(self._plans["ckn"])

    def compute_kernel_matrix(
        self,
        ims1: ArrayLike,
        ims2: ArrayLike | None,
        norms1: ArrayLike | None,
        norms2: ArrayLike | None,
        norms_inv1: ArrayLike | None,
        norms_inv2: ArrayLike | None,
        ntk: bool = False,
        verbose: bool = False,
        return_rf: bool = False,
        *,
        dtype: DTypeLike | None = None,
        n_threads: int | None = None,
        progress: bool = False,
        out: Floats | Pair | None = None,
    ) -> Floats | Pair:
        """The Gram matrix of two sets of images, or of one.

        Parameters
        ----------
        ims1, ims2, norms1, norms2, norms_inv1, norms_inv2, verbose, dtype, n_threads, progress
            As for :func:`ckn_rs.compute_kernel_matrix`.
        ntk : bool
            Compute the neural tangent kernel (NTK) instead of the CKN.
        return_rf : bool
            With ``ntk``, return the CKN, too, which is the kernel of the network's random features.
        out : ndarray of shape (n, m), or a pair of them, optional
            An array to write the result to, or two arrays for two results.

        Returns
        -------
        ndarray of shape (n, m), or a pair of them
            The Gram matrix, or that of the NTK and that of the CKN.

        Raises
        ------
        TypeError, ValueError, ImportError
            As for :func:`ckn_rs.compute_kernel_matrix`, and if the images do not have the shape for
            which the object was made.
        """
        images = as_images(ims1, "ims1")
        if images.shape[1:] != self.shape:
            raise ValueError(
                f"ims1 must hold images of the (h, w, c) that this CKNKernel was made for, "
                f"{self.shape}, got {images.shape[1:]}"
            )
        beside, kind = as_flag(return_rf, "return_rf"), "ckn"
        if as_flag(ntk, "ntk"):
            kind = "both" if beside else "ntk"
        outputs = gram(
            self._plan(kind),
            as_operands(images, ims2),
            GivenNorms(norms1, norms_inv1),
            GivenNorms(norms2, norms_inv2),
            verbose=verbose,
            dtype=dtype,
            n_threads=n_threads,
            progress=progress,
            out=out,
        )
        return outputs[0] if len(outputs) == 1 else (outputs[0], outputs[1])

    def _plan(self, kind: str) -> _core.Plan:
        if kind not in self._plans:
            self._plans[kind] = _core.Plan(as_spec(self.model), self.shape, kind)
        return self._plans[kind]
