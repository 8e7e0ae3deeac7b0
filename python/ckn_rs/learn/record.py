"""A fit in a file: its coefficients, and which kernel of which images they belong to."""

from __future__ import annotations

import io
import json
import math
import os
import re
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ckn_rs import _core
from ckn_rs._support.disk import write_file
from ckn_rs._support.npy import DAMAGE, read_member
from ckn_rs._support.options import as_kind, as_shape
from ckn_rs.compute.augment import AnyPlan, augmented
from ckn_rs.learn.ridge import Ridge

FORMAT = 1
"""The number of the file's format."""

AUGMENTED_FORMAT = 2
"""That of a fit whose kernel is averaged over flips. A version of ckn-rs that does not know of such
kernels refuses it."""

FORMATS = (FORMAT, AUGMENTED_FORMAT)

ABOUT = "about"
"""The array with all that is not an array, as JSON."""

ARRAYS = ("coefficients", "labels")
"""The arrays of the file beside it."""


@dataclass(frozen=True, eq=False)
class Record:
    """One fit of kernel ridge regression, without its training images.

    Parameters
    ----------
    coefficients : ndarray of shape (n, labels), float64
        The coefficients of each training image, a column a label.
    labels : ndarray of shape (labels,)
        The labels, all different: numbers, flags or text.
    lambda_ : float
        The regularisation, as a share of the mean of the diagonal.
    added : float
        The number that it added to the diagonal.
    model : dict
        The model, every key filled in.
    ntk : bool
        Whether the kernel is the NTK.
    dtype : str
        ``'float32'`` or ``'float64'``: what the kernel was computed in.
    normalize : bool
        Whether the kernel of an image with itself was made 1.
    image_shape : (int, int, int)
        Height, width and channels of an image.
    sha256 : str
        The digest of the training images, as the manifest of a store has it.
    train : tuple of str
        Places where the file of the training images may be found; there may be none.
    version : str
        The version of ckn-rs that fitted.
    augment : {None, 'flip'}
        What the kernel is averaged over.

    Raises
    ------
    TypeError, ValueError
        If these do not fit together.
    """

    coefficients: NDArray[np.float64]
    labels: NDArray[Any]
    lambda_: float
    added: float
    model: dict[str, Any]
    ntk: bool
    dtype: str
    normalize: bool
    image_shape: tuple[int, int, int]
    sha256: str
    train: tuple[str, ...] = ()
    version: str = _core.__version__
    augment: str | None = None

    def __post_init__(self) -> None:
        coefficients, labels = self.coefficients, self.labels
        if labels.ndim != 1 or labels.dtype.kind not in "biufUS":
            raise TypeError(
                f"labels must be numbers or text of shape (labels,), got {labels.dtype} of shape "
                f"{labels.shape}; y.astype(str) makes text of objects"
            )
        if len(labels) < 2 or len(np.unique(labels)) != len(labels):
            raise ValueError("labels must be two or more, all different")
        if coefficients.dtype != np.float64 or coefficients.shape[1:] != labels.shape:
            raise ValueError(
                f"coefficients must be float64 of shape (n, {len(labels)}), a column a label, got "
                f"{coefficients.dtype} of shape {coefficients.shape}"
            )
        if not len(coefficients) or not np.isfinite(coefficients).all():
            raise ValueError("coefficients must be finite numbers of one training image or more")
        for name in ("lambda_", "added"):
            value = getattr(self, name)
            if type(value) is not float or not math.isfinite(value) or value <= 0:
                raise ValueError(f"{name} must be a finite number above 0, got {value!r}")
        if self.dtype not in ("float32", "float64"):
            raise ValueError(f"dtype must be float32 or float64, got {self.dtype!r}")
        if not isinstance(self.sha256, str) or not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise ValueError(f"sha256 must be 64 hexadecimal digits, got {self.sha256!r}")
        if not isinstance(self.ntk, bool) or not isinstance(self.normalize, bool):
            raise TypeError("ntk and normalize must be False or True")
        if not all(isinstance(each, str) for each in (self.version, *self.train)):
            raise TypeError("train must be names of files, and version a text")
        as_shape(self.image_shape, "image_shape")
        self.plan()

    @classmethod
    def of(cls, fitted: Ridge, index: int, **kernel: Any) -> Record:
        """One fit of a path; ``kernel`` are the fields about the kernel and its images."""
        return cls(
            coefficients=fitted.coefficients[index],
            labels=fitted.labels,
            lambda_=float(fitted.lambdas[index]),
            added=float(fitted.added[index]),
            **kernel,
        )

    def __len__(self) -> int:
        return len(self.coefficients)

    def plan(self) -> AnyPlan:
        """The model on images of this shape, to compute kernels with."""
        return augmented(_core.Plan(self.model, self.image_shape, as_kind(self.ntk)), self.augment)

    @property
    def format(self) -> int:
        """The number of the format of its file: 1, or 2 with ``augment``."""
        return FORMAT if self.augment is None else AUGMENTED_FORMAT

    def save(
        self, path: str | os.PathLike[str], train: str | os.PathLike[str] | None = None
    ) -> None:
        """Write a ``.npz`` file that is complete, or is the one that was there before.

        ``train`` is the file of the training images, whose place is kept.

        Raises
        ------
        ValueError
            If the name does not end in ``.npz``.
        OSError
            If it cannot be written.
        """
        path = Path(path)
        if path.suffix.lower() != ".npz":
            raise ValueError(f"the file name must end in .npz, got {str(path)!r}")
        about = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name not in ARRAYS
        }
        if self.augment is None:
            del about["augment"]
        if train is not None:
            about["train"] = _places(Path(train), path)
        else:  # a relative place was that from another file
            about["train"] = [place for place in self.train if Path(place).is_absolute()]
        text = json.dumps({"format": self.format, **about})
        arrays = {ABOUT: np.array(text), **{name: getattr(self, name) for name in ARRAYS}}
        data = io.BytesIO()
        np.savez(data, **arrays)
        write_file(path, data.getvalue())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Record:
        """Read the file that :meth:`save` writes.

        Raises
        ------
        ValueError
            If it is no such file, is damaged, or is of another format. The message says which.
        OSError
            If it cannot be read.
        """
        path = Path(path)
        data = io.BytesIO(path.read_bytes())
        if not zipfile.is_zipfile(data):
            raise ValueError(
                f"{path} is no file of a fit, as ckn-rs fit --save writes it, or its end is missing"
            )
        try:
            with zipfile.ZipFile(data) as file:
                about = _read_about(file)
                if about.get("format") in FORMATS:
                    about |= _read_arrays(file)
        except DAMAGE as error:
            said = str(error) or type(error).__name__
            raise ValueError(f"{path} is damaged: {said}; fit and save it again") from None
        number = about.pop("format", None)
        if number not in FORMATS:
            raise ValueError(
                f"{path} has another format, of ckn-rs {about.get('version')}; this is "
                f"{_core.__version__}, which reads the formats {FORMAT} and {AUGMENTED_FORMAT}"
            )
        try:
            about |= {name: tuple(about[name]) for name in ("image_shape", "train")}
            record = cls(**about)
            if record.format != number:
                raise ValueError(f"augment {record.augment!r} is not of format {number}")
            return record
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{path}, of ckn-rs {about.get('version')}, cannot be used by "
                f"{_core.__version__}: {error}"
            ) from None


def _places(train: Path, path: Path) -> list[str]:
    """Where ``train`` is, from the folder of ``path``, if a path leads there, and in full."""
    full = train.resolve()
    try:
        return [os.path.relpath(full, path.resolve().parent), str(full)]
    except ValueError:  # on another drive of Windows
        return [str(full)]


def _read_about(file: zipfile.ZipFile) -> dict[str, Any]:
    """All that is not an array."""
    text = read_member(file, ABOUT, compressed=False)
    about = json.loads(text.item()) if text.ndim == 0 and text.dtype.kind == "U" else None
    if not isinstance(about, dict):
        raise ValueError(f"{ABOUT} must be the text of a JSON object")
    return about


def _read_arrays(file: zipfile.ZipFile) -> dict[str, NDArray[Any]]:
    wanted = sorted(f"{name}.npy" for name in (ABOUT, *ARRAYS))
    if sorted(file.namelist()) != wanted:
        raise ValueError(f"it must have {', '.join(wanted)}, and has {', '.join(file.namelist())}")
    return {name: read_member(file, name, compressed=False) for name in ARRAYS}
