"""The original's class: one model for images of one shape."""

import operator
from collections.abc import Sequence

from numpy.typing import ArrayLike, DTypeLike

from ckn_rs import _core
from ckn_rs._support.arrays import Floats, as_images
from ckn_rs._support.options import Ntk, as_ntk
from ckn_rs._support.verbose import report
from ckn_rs.compute.gram import Norms, Pair, gram
from ckn_rs.model import Model, ModelLike, as_spec


class CKNKernel:
    """A model bound to images of one shape.

    Parameters
    ----------
    shape : sequence of int
        ``(h, w, c)`` of an image.
    model : Model, or sequence of Layer or of dicts
        The layers, the first one reading pixels; a Model's convention and readout hold, too.
    ntk : bool
        Which kernel a layer has that names none: ``'relu'`` if set, else ``'exp'``. Whether the
        NTK is computed is for :meth:`compute_kernel_matrix` to say.
    verbose : bool
        Report each layer's geometry; see :func:`compute_kernel_matrix`.

    Raises
    ------
    TypeError, ValueError
        For a model or a shape that is none, or a model that does not fit the shape.

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
        ntk: Ntk = False,
        verbose: bool = False,
    ) -> None:
        try:
            h, w, c = (operator.index(length) for length in shape)
        except (TypeError, ValueError):
            raise TypeError(f"shape must be the (h, w, c) of an image, got {shape!r}") from None
        self.shape = (h, w, c)
        # Every key filled in, so that the default kernel no longer depends on the method's `ntk`.
        resolved = _core.resolve_model(as_spec(model), bool(as_ntk(ntk)))
        self.layers = resolved["layers"]
        self.model = Model(**resolved)
        words = as_spec(self.model)
        geometry = _core.geometry(words, self.shape, False)
        if verbose:
            report(words, geometry)

    def compute_kernel_matrix(
        self,
        ims1: ArrayLike,
        ims2: ArrayLike | None,
        norms1: ArrayLike | None,
        norms2: ArrayLike | None,
        norms_inv1: ArrayLike | None,
        norms_inv2: ArrayLike | None,
        ntk: Ntk = False,
        verbose: bool = False,
        return_rf: bool = False,
        *,
        dtype: DTypeLike | None = None,
        n_threads: int | None = None,
        progress: bool = False,
        out: Floats | Pair | None = None,
    ) -> Floats | Pair:
        """The matrix of kernels between two sets of images, or within one.

        Parameters
        ----------
        ims1, ims2, norms1, norms2, norms_inv1, norms_inv2, verbose, dtype, n_threads, progress
            As for :func:`ckn_rs.compute_kernel_matrix`.
        ntk : bool or 'both'
            The neural tangent kernel instead of the kernel itself, or both.
        return_rf : bool
            With ``ntk``, both: the CKN is the kernel of the random features at initialisation.
        out : ndarray of shape (n, m), or a pair of them, optional
            Where to write what is returned.

        Returns
        -------
        ndarray of shape (n, m), or a pair of them
            The matrix, or the NTK's and the CKN's.

        Raises
        ------
        TypeError, ValueError, ImportError
            As for :func:`ckn_rs.compute_kernel_matrix`, and for images of another shape than the
            object was made for.
        """
        images = as_images(ims1, "ims1")
        if images.shape[1:] != self.shape:
            raise ValueError(
                f"ims1 must hold images of the (h, w, c) that this CKNKernel was made for, "
                f"{self.shape}, got {images.shape[1:]}"
            )
        kind = as_ntk(ntk)
        return gram(
            images,
            ims2,
            Norms(norms1, norms_inv1),
            Norms(norms2, norms_inv2),
            self.model,
            "both" if kind and return_rf else kind,
            verbose=verbose,
            dtype=dtype,
            n_threads=n_threads,
            progress=progress,
            out=out,
        )
