"""An ``out`` that does not fit gives one clear sentence, and nothing is written."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import cases
from ckn_rs import CKNKernel, compute_both, compute_gradient, compute_kernel_matrix
from messages import check_message

X = cases.images(4, (8, 8, 1))


def read_only(shape: tuple[int, int]) -> cases.Floats:
    out = np.zeros(shape)
    out.flags.writeable = False
    return out


@pytest.mark.parametrize(
    ("out", "kind", "fragments"),
    [
        ([[0.0] * 4] * 4, TypeError, ["out", "NumPy", "list"]),
        (np.zeros((4, 4), np.float32), TypeError, ["out", "float64", "float32"]),
        (np.zeros((4, 4), ">f8"), TypeError, ["out", "float64"]),
        (np.zeros((4, 3)), ValueError, ["out", "(4, 4)", "(4, 3)"]),
        (np.zeros(16), ValueError, ["out", "(4, 4)", "(16,)"]),
        (read_only((4, 4)), ValueError, ["out", "writable"]),
        (X[:, :4, 0, 0], ValueError, ["out", "share memory"]),
    ],
    ids=["list", "dtype", "byte order", "shape", "rank", "read-only", "shared"],
)
def test_out(out: Any, kind: type[Exception], fragments: list[str]) -> None:
    before = X.copy()
    with pytest.raises(kind) as caught:
        compute_kernel_matrix(X, model=cases.EXP, out=out)
    check_message(str(caught.value), fragments)
    np.testing.assert_array_equal(X, before)


TWO: dict[str, tuple[Callable[..., object], str]] = {
    "both": (compute_both, "NTK and the CKN"),
    "gradient": (compute_gradient, "gradient"),
}


@pytest.mark.parametrize("kind", TWO)
def test_out_of_two_results(kind: str) -> None:
    compute, contents = TWO[kind]
    one = np.zeros((4, 4))
    second = np.zeros((4, 4, 2)) if kind == "gradient" else np.zeros((4, 4))
    for out, error, fragments in [
        (one, TypeError, ["out", "pair", contents]),
        ((one,), TypeError, ["out", "pair", contents, "tuple of 1"]),
        ([one, second], TypeError, ["out", "pair", "list"]),
        ((one, second[:3]), ValueError, ["out[1]", str(second.shape), str(second[:3].shape)]),
        ((one.astype(np.float32), second), TypeError, ["out[0]", "float64", "float32"]),
        ((X[:, :4, 0, 0], second), ValueError, ["out[0]", "share memory"]),
    ]:
        with pytest.raises(error) as caught:
            compute(X, model=cases.EXP, out=out)
        check_message(str(caught.value), fragments)
    shared = second[..., 0] if kind == "gradient" else second, second
    with pytest.raises(ValueError, match=r"out\[1\] must not share memory"):
        compute(X, model=cases.EXP, out=shared)
    assert (one == 0).all()
    assert (second == 0).all()


def test_out_of_two_kernels() -> None:
    kernel = CKNKernel((8, 8, 1), cases.RELU)
    one = np.zeros((4, 4))
    with pytest.raises(TypeError, match="pair"):
        kernel.compute_kernel_matrix(
            X, None, None, None, None, None, ntk=True, return_rf=True, out=one
        )
    with pytest.raises(TypeError, match="one array"):
        kernel.compute_kernel_matrix(X, None, None, None, None, None, out=(one, one))
    with pytest.raises(ValueError, match="share memory"):
        kernel.compute_kernel_matrix(
            X, None, None, None, None, None, ntk=True, return_rf=True, out=(one, one)
        )
