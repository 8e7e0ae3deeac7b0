"""A fit that labels images: kernels with the training images and scores go together."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ckn_rs import _core
from ckn_rs._support.arrays import check_same_shape, result_dtype
from ckn_rs._support.images import Images
from ckn_rs._support.options import as_flag, as_thread_count
from ckn_rs.compute.augment import as_augment, kernel_name
from ckn_rs.compute.blocks import ROWS, gram_blocks
from ckn_rs.data import load_images
from ckn_rs.learn.choice import chosen
from ckn_rs.learn.record import Record
from ckn_rs.learn.ridge import Ridge
from ckn_rs.learn.training import as_training, find_training
from ckn_rs.model import Model, ModelLike, as_spec


class Classifier:
    """Kernel ridge regression that labels images, of any number.

    The scores of an image ``x`` are ``sum_i k(x_i, x) a_i`` over the training images ``x_i``, with
    ``a`` the coefficients of one of the fits of :func:`ckn_rs.ridge.fit`. Kernels are computed a
    block at a time, used and forgotten. So memory holds a few blocks, however many images there
    are. :meth:`of` makes a classifier of a fit, and :meth:`load` of a file.

    Parameters
    ----------
    record : Record
        The fit, and the kernel.
    train : array_like of shape (n, h, w, c)
        The training images, in the order of the fit. What has a shape and a dtype, such as a memory
        map or a Zarr array, is read a block at a time.
    name : str
        What error messages call them.

    Raises
    ------
    TypeError, ValueError
        If these are not the images of the fit. All are read once, to compare their digest.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from ckn_rs import compute_kernel_matrix, ridge
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.random((20, 8, 8, 1)), np.repeat(["dark", "light"], 10)
    >>> X[10:] += 1
    >>> model = [{"npatch": 3, "subsampling": 2, "sigma": 0.6}]
    >>> fitted = ridge.fit(compute_kernel_matrix(X, model=model), y)
    >>> classifier = ridge.Classifier.of(fitted, X, y, model=model)
    >>> path = tempfile.mkdtemp() + "/fit.npz"
    >>> classifier.save(path)
    >>> again = ridge.Classifier.load(path, X)
    >>> again.predict(rng.random((3, 8, 8, 1)) + 1).tolist()
    ['light', 'light', 'light']
    """

    def __init__(self, record: Record, train: Any, *, name: str = "train") -> None:
        self.record = record
        self.train = as_training(
            train, (len(record), *record.image_shape), record.dtype, record.sha256, name
        )

    @classmethod
    def of(
        cls,
        fitted: Ridge,
        train: Any,
        y: ArrayLike | None = None,
        *,
        model: ModelLike,
        ntk: bool = False,
        dtype: DTypeLike | None = None,
        normalize: bool = False,
        lambda_: float | None = None,
        augment: str | None = None,
    ) -> Classifier:
        """The classifier of one regularisation.

        Parameters
        ----------
        fitted : Ridge
            The fits to the kernel matrix of ``train``.
        train : array_like of shape (n, h, w, c)
            The training images.
        y : array_like of shape (n,), optional
            Their labels. They choose the regularisation that labels most of the left-out images
            rightly, and the largest of those that do.
        model, ntk, dtype, normalize, augment
            The arguments by which :func:`ckn_rs.compute_kernel_matrix` computed the matrix.
        lambda_ : float, optional
            The regularisation, one of ``fitted.lambdas``, instead of the best one.

        Raises
        ------
        TypeError, ValueError
            If shapes do not fit, the model is invalid, or it is not clear which regularisation is
            meant.
        """
        images = Images(train, "train")
        kernel = result_dtype(dtype, images.none())
        h, w, c = images.shape
        flag = as_flag(ntk, "ntk")
        record = Record.of(
            fitted,
            chosen(fitted, y, lambda_),
            model=_core.resolve_model(as_spec(model), flag),
            ntk=flag,
            dtype=kernel.name,
            normalize=as_flag(normalize, "normalize"),
            image_shape=(h, w, c),
            sha256=images.sha256(ROWS, kernel),
            augment=as_augment(augment),
        )
        return cls(record, images)

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], train: Any = None, *, name: str = "train"
    ) -> Classifier:
        """Read a classifier from a file.

        Parameters
        ----------
        path : path
            The file that :meth:`save` or ``ckn-rs fit --save`` writes.
        train : array_like of shape (n, h, w, c), optional
            The training images, which the file does not hold. By default they are loaded from
            where the file says.
        name : str
            What error messages call them.

        Raises
        ------
        ValueError
            If the file is damaged or of another format, or if these are not its training images.
        OSError
            If it cannot be read, or its training images are not there.
        """
        record = Record.load(path)
        if train is not None:
            return cls(record, train, name=name)
        place = find_training(record, Path(path))
        return cls(record, load_images(place), name=str(place))

    def save(
        self, path: str | os.PathLike[str], *, train: str | os.PathLike[str] | None = None
    ) -> None:
        """Write a ``.npz`` file without pickles, in place of one that is there.

        It holds the coefficients, the labels, the model and the digest of the training images, not
        these images.

        Parameters
        ----------
        path : path
            The file.
        train : path, optional
            The file of the training images, for :meth:`load`. It is looked for at the same place
            relative to ``path`` first, so that both may be moved together.

        Raises
        ------
        ValueError
            If the name does not end in ``.npz``.
        OSError
            If the file cannot be written.
        """
        self.record.save(path, train)

    @property
    def labels(self) -> NDArray[Any]:
        """The label of each column of scores, ``(labels,)``."""
        return self.record.labels

    @property
    def lambda_(self) -> float:
        """The regularisation, as a share of the mean of the diagonal."""
        return self.record.lambda_

    @property
    def model(self) -> Model:
        """The model."""
        return Model(**self.record.model)

    def __repr__(self) -> str:
        record = self.record
        shape = "x".join(map(str, record.image_shape))
        kind = kernel_name(record.ntk, record.augment)
        return (
            f"<Classifier: {len(record)} training images {shape}, {len(record.labels)} labels, "
            f"{kind} in {record.dtype}, lambda {record.lambda_:g}>"
        )

    def scores(
        self, images: Any, *, n_threads: int | None = None, progress: bool = False
    ) -> NDArray[np.float64]:
        """The scores of images, a column a label.

        Parameters
        ----------
        images : array_like of shape (m, h, w, c)
            Images of the shape of the training images; ``m`` may be 0. They are computed in the
            dtype of the fit. What has a shape and a dtype is read a block at a time.
        n_threads : int, optional
            As for :func:`ckn_rs.compute_kernel_matrix`.
        progress : bool
            Show a bar with the pairs done (needs tqdm).

        Returns
        -------
        ndarray of shape (m, labels), float64
            The scores.

        Raises
        ------
        TypeError, ValueError
            If these are no images, have another shape, or are not finite.
        """
        blocks = self.blocks(images, n_threads=n_threads, progress=progress)
        return np.concatenate([np.empty((0, len(self.labels))), *(each for _, each in blocks)])

    def predict(
        self, images: Any, *, n_threads: int | None = None, progress: bool = False
    ) -> NDArray[Any]:
        """The labels of images: of each the one with the highest score.

        Parameters
        ----------
        images, n_threads, progress
            As for :meth:`scores`.

        Returns
        -------
        ndarray of shape (m,)
            The labels.

        Raises
        ------
        TypeError, ValueError
            As for :meth:`scores`.
        """
        blocks = self.blocks(images, n_threads=n_threads, progress=progress)
        found = [self.labels[scores.argmax(axis=1)] for _, scores in blocks]
        return np.concatenate([self.labels[:0], *found])

    def blocks(
        self, images: Any, *, n_threads: int | None = None, progress: bool = False
    ) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """The scores of images, some images at a time, for those whose scores fill the memory.

        Parameters
        ----------
        images, n_threads, progress
            As for :meth:`scores`.

        Yields
        ------
        part : slice
            The images.
        scores : ndarray of shape (images, labels), float64
            Their scores.

        Raises
        ------
        TypeError, ValueError
            As for :meth:`scores`.
        """
        others = Images(images, "images")
        check_same_shape("images", others.shape, "the fit", self.record.image_shape)
        return self._blocks(others, as_thread_count(n_threads), as_flag(progress, "progress"))

    def _blocks(
        self, images: Images, n_threads: int | None, progress: bool
    ) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        record = self.record
        scores = np.empty((0, 0))
        for rows, columns, K in gram_blocks(
            record.plan(),
            self.train,
            images,
            np.dtype(record.dtype),
            normalize=record.normalize,
            n_threads=n_threads,
            progress=progress,
        ):
            if not rows.start:
                scores = np.zeros((K.shape[1], len(record.labels)))
            scores += K.astype(np.float64, copy=False).T @ record.coefficients[rows]
            if rows.stop == len(record):
                yield columns, scores
