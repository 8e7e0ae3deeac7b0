"""Small digits, and kernels on them, for tests with scikit-learn."""

from __future__ import annotations

from typing import Any

from sklearn.datasets import load_digits
from sklearn.gaussian_process.kernels import ConstantKernel, Kernel, WhiteKernel

import ckn_rs
from ckn_rs import Layer, Model
from ckn_rs.sklearn import ConvolutionalKernel

SHAPE = (8, 8, 1)
ROWS, LABELS = (values[:90] for values in load_digits(return_X_y=True))
IMAGES = ROWS.reshape(-1, *SHAPE)

MODEL = Model(
    [Layer(3, 1, kernel="exp", sigma=0.6), Layer(3, 2, kernel="exp", sigma=0.7)],
)
#: Four layers, of which the first and the last have a sigma; one names no kernel.
MIXED = Model(
    [
        Layer(3, pooling="none"),
        Layer(2, pooling="none", kernel="relu"),
        Layer(1, pooling="none", kernel="poly2"),
        Layer(3, 2, kernel="erf", sigma=0.8),
    ],
    readout="mean",
)


def kernel(model: Any = MODEL, **options: Any) -> ConvolutionalKernel:
    return ConvolutionalKernel(model, **{"image_shape": SHAPE, **options})


def matrix(first: Any, second: Any = None, model: Any = MODEL, **options: Any) -> Any:
    """What the kernel should give for rows."""
    ims1 = first.reshape(-1, *SHAPE)
    ims2 = None if second is None else second.reshape(-1, *SHAPE)
    options = {"normalize": True, **options}
    return ckn_rs.compute_kernel_matrix(ims1, ims2, model=model, **options)


def composed(**options: Any) -> Kernel:
    return ConstantKernel(2.0) * kernel(**options) + WhiteKernel(0.1)
