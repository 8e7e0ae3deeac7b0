"""The NTK and the CKN from one pass, and the kernel with its gradient from one pass."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pytest

import cases
import ckn_rs
import layers
from ckn_rs import Layer, Model

SHAPE = (9, 8, 2)
X = cases.images(13, SHAPE)
Y = cases.images(5, SHAPE, seed=1)
NORMS = [ckn_rs.compute_norms(ims, cases.RELU)[0] for ims in (X, Y)]
SIGMAS = Model([Layer(3, 2, kernel="exp", sigma=0.7), Layer(2, 1, kernel="exp", sigma=1.3)])

Both = Callable[[Any], tuple[cases.Floats, cases.Floats]]


def with_norms(ims2: Any) -> tuple[cases.Floats, cases.Floats]:
    n1, n2 = NORMS
    if ims2 is None:
        n2 = None  # type: ignore[assignment]
    return ckn_rs.compute_both(X, ims2, model=cases.RELU, norms1=n1, norms2=n2)


def of_the_class(ims2: Any) -> tuple[cases.Floats, cases.Floats]:
    kernel = ckn_rs.CKNKernel(SHAPE, cases.RELU, True)
    ntk, ckn = kernel.compute_kernel_matrix(
        X, ims2, None, None, None, None, ntk=True, return_rf=True
    )
    return ntk, ckn


FORMS: dict[str, Both] = {
    "function": lambda ims2: ckn_rs.compute_both(X, ims2, model=cases.RELU),
    "norms": with_norms,
    "class": of_the_class,
}


@pytest.mark.parametrize("ims2", [None, Y], ids=["symmetric", "rectangular"])
@pytest.mark.parametrize("form", FORMS)
def test_both_kernels_are_those_alone(form: str, ims2: Any) -> None:
    ntk, ckn = FORMS[form](ims2)
    alone = ckn_rs.compute_kernel_matrix(X, ims2, model=cases.RELU, ntk=True)
    np.testing.assert_array_equal(ntk, alone)
    assert cases.error(ckn, ckn_rs.compute_kernel_matrix(X, ims2, model=cases.RELU)) <= 1e-12


def test_both_follow_the_default_kernel_of_the_ntk() -> None:
    unnamed = [{"npatch": 3, "subsampling": 2}]
    named = [unnamed[0] | {"kernel": "relu"}]
    for mine, theirs in zip(
        ckn_rs.compute_both(X, model=unnamed),
        ckn_rs.compute_both(X, model=named),
        strict=True,
    ):
        np.testing.assert_array_equal(mine, theirs)
    norms = ckn_rs.compute_norms(X, unnamed, True)[0]
    np.testing.assert_array_equal(norms, ckn_rs.compute_norms(X, named)[0])


def test_a_pair_of_outputs() -> None:
    frame = np.full((2, 20, 20), np.nan)
    out = frame[0, ::2, ::2][:, :5], frame[1, :10, :5]
    with_out = ckn_rs.compute_both(X[:10], Y, model=cases.RELU, out=out)
    assert with_out[0] is out[0]
    assert with_out[1] is out[1]
    new = ckn_rs.compute_both(X[:10], Y, model=cases.RELU)
    np.testing.assert_array_equal(out[0], new[0])
    np.testing.assert_array_equal(out[1], new[1])

    derivatives = np.full((10, 5, 4), np.nan)
    pair = frame[0, :10, :5], derivatives[..., ::2]
    K, dK = ckn_rs.compute_gradient(X[:10], Y, model=SIGMAS, out=pair)
    assert K is pair[0]
    assert dK is pair[1]
    again = ckn_rs.compute_gradient(X[:10], Y, model=SIGMAS)
    np.testing.assert_array_equal(dK, again[1])
    assert np.isnan(derivatives[..., 1::2]).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("ims2", [None, Y], ids=["symmetric", "rectangular"])
def test_gradient_comes_with_the_kernel(ims2: Any, dtype: str) -> None:
    K, dK = ckn_rs.compute_gradient(X, ims2, model=SIGMAS, dtype=dtype)
    assert dK.shape == (*K.shape, 2)
    assert dK.dtype == K.dtype == np.dtype(dtype)
    alone = ckn_rs.compute_kernel_matrix(X, ims2, model=SIGMAS, dtype=dtype)
    assert cases.error(K, alone) <= (1e-12 if dtype == "float64" else 2e-6)
    if ims2 is None:
        np.testing.assert_array_equal(dK, dK.swapaxes(0, 1))


def changed(model: Model, level: int, factor: float) -> list[dict[str, Any]]:
    dicts = model.to_dicts()
    dicts[level]["sigma"] *= factor
    return dicts


@pytest.mark.parametrize("normalize", [False, True], ids=["as is", "normalized"])
@pytest.mark.parametrize("ims2", [None, Y], ids=["symmetric", "rectangular"])
def test_gradient_is_that_of_the_matrix(ims2: Any, normalize: bool) -> None:
    """The derivatives of each layer are compared with central differences."""
    _, dK = ckn_rs.compute_gradient(X, ims2, model=SIGMAS, normalize=normalize)
    step = 1e-5
    for level in range(2):
        up, down = (
            ckn_rs.compute_kernel_matrix(
                X, ims2, model=changed(SIGMAS, level, np.exp(h)), normalize=normalize
            )
            for h in (step, -step)
        )
        assert cases.error(dK[..., level], (up - down) / (2 * step)) <= 1e-8


def test_only_layers_with_a_sigma_have_a_derivative() -> None:
    mixed = [
        layers.layer("relu", npatch=3, subsampling=2),
        layers.layer("exp", npatch=2, subsampling=1),
    ]
    _, dK = ckn_rs.compute_gradient(X, Y, model=mixed)
    assert dK.shape == (13, 5, 1)
    K, none = ckn_rs.compute_gradient(X, Y, model=cases.RELU)
    assert none.shape == (13, 5, 0)
    np.testing.assert_array_equal(K, ckn_rs.compute_kernel_matrix(X, Y, model=cases.RELU))
    K, none = ckn_rs.compute_gradient(X, Y, model=cases.RELU, normalize=True)
    assert none.shape == (13, 5, 0)
    assert K.max() < 1


def test_no_images() -> None:
    none = X[:0]
    ntk, ckn = ckn_rs.compute_both(none, Y, model=cases.RELU, normalize=True)
    assert ntk.shape == ckn.shape == (0, 5)
    K, dK = ckn_rs.compute_gradient(none, model=SIGMAS, normalize=True)
    assert K.shape == (0, 0)
    assert dK.shape == (0, 0, 2)


@pytest.mark.parametrize("normalize", [False, True], ids=["as is", "normalized"])
@pytest.mark.parametrize("kind", ["both", "gradient"])
def test_bits_are_those_of_the_pair(kind: Literal["both", "gradient"], normalize: bool) -> None:
    def compute(ims1: Any, ims2: Any, n_threads: int) -> Any:
        if kind == "both":
            return ckn_rs.compute_both(
                ims1, ims2, model=cases.RELU, normalize=normalize, n_threads=n_threads
            )
        return ckn_rs.compute_gradient(
            ims1, ims2, model=SIGMAS, normalize=normalize, n_threads=n_threads
        )

    for dtype in ("float32", "float64"):
        ims = X.astype(dtype)
        whole = compute(ims, None, 1)
        two = compute(ims, ims, 2)
        block = compute(ims[2:5], ims[4:12], 2)
        for one, other, part in zip(whole, two, block, strict=True):
            upper = np.triu_indices(len(X))
            np.testing.assert_array_equal(one[upper], other[upper])
            np.testing.assert_array_equal(part, other[2:5, 4:12])
            np.testing.assert_array_equal(one, one.swapaxes(0, 1))
