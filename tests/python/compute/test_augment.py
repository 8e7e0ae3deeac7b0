"""``augment="flip"``: kernels averaged over horizontal flips of both images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cases
import ckn_rs
from ckn_rs import _core
from ckn_rs.compute.augment import augmented, kernels_of

SYMMETRIC: cases.Layers = [
    {"npatch": 3, "subsampling": 2, "kernel": "exp", "sigma": 0.6, "pooling": "average"},
    {"npatch": 3, "kernel": "exp", "sigma": 0.6, "pooling": "none"},
]
MODELS = [pytest.param(SYMMETRIC, 2, id="symmetric"), pytest.param(cases.EXP, 4, id="gaussian")]
TOLERANCE = {np.float64: 1e-14, np.float32: 1e-6}

SHAPE = (7, 8, 2)
X = cases.images(41, SHAPE)
Y = cases.images(34, SHAPE, seed=1)


def flip(images: Any) -> Any:
    return images[:, :, ::-1]


def mean(kernel: Any, first: Any, second: Any) -> Any:
    """The mean of a kernel over both images and their mirror images, from four matrices."""
    pairs = [(a, b) for a in (first, flip(first)) for b in (second, flip(second))]
    return sum(kernel(a, b) for a, b in pairs) / 4


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("ntk", [False, True])
@pytest.mark.parametrize(("layers", "kernels"), MODELS)
def test_the_mean_of_four_kernels(
    layers: cases.Layers, kernels: int, ntk: bool, dtype: type[Any]
) -> None:
    options: dict[str, Any] = {"model": layers, "ntk": ntk, "dtype": dtype}
    plan = _core.Plan({"layers": layers}, SHAPE, "ckn")
    assert (kernels_of(plan), kernels_of(augmented(plan, "flip"))) == (1, kernels)

    def plain(first: Any, second: Any) -> Any:
        return ckn_rs.compute_kernel_matrix(first, second, **options)

    K = ckn_rs.compute_kernel_matrix(X, Y, augment="flip", **options)
    assert K.dtype == dtype
    wanted = mean(plain, X, Y)
    np.testing.assert_allclose(K, wanted, atol=TOLERANCE[dtype] * wanted.max())
    assert abs(K - plain(X, Y)).max() > 0.01 * abs(wanted).max()  # it is another kernel
    # Flips of images do not change it.
    again = ckn_rs.compute_kernel_matrix(flip(X), Y, augment="flip", **options)
    np.testing.assert_allclose(again, K, atol=TOLERANCE[dtype] * wanted.max())


@pytest.mark.parametrize("ntk", [False, True])
@pytest.mark.parametrize(("layers", "kernels"), MODELS)
def test_bits(
    layers: cases.Layers, kernels: int, ntk: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry depends on its two images, not on blocks, threads or the function."""
    del kernels
    options: dict[str, Any] = {"model": layers, "ntk": ntk, "augment": "flip"}
    monkeypatch.setattr("ckn_rs.compute.augment.LEAST_ROWS", 3)
    K = ckn_rs.compute_kernel_matrix(X, **options)
    monkeypatch.setattr("ckn_rs.compute.augment.LEAST_ROWS", 32)
    np.testing.assert_array_equal(K, K.T)
    np.testing.assert_array_equal(ckn_rs.compute_kernel_matrix(X, n_threads=2, **options), K)
    two = ckn_rs.compute_kernel_matrix(X, X.copy(), **options)
    np.testing.assert_array_equal(np.triu(two), np.triu(K))
    np.testing.assert_array_equal(ckn_rs.compute_diagonal(X, **options), K.diagonal())
    assert (ckn_rs.compute_distances(X, X, **options) == 0).all()
    part = ckn_rs.compute_kernel_matrix(X[:5], X[3:], **options)
    np.testing.assert_array_equal(part[2:], two[2:5, 3:])
    norms, _ = ckn_rs.compute_norms(X, layers, ntk)
    known = ckn_rs.compute_kernel_matrix(X, norms1=norms, **options)
    np.testing.assert_array_equal(known, K)


@pytest.mark.parametrize(("layers", "kernels"), MODELS)
def test_normalized_by_its_own_diagonal(layers: cases.Layers, kernels: int) -> None:
    del kernels
    options: dict[str, Any] = {"model": layers, "augment": "flip"}
    K = ckn_rs.compute_kernel_matrix(X, **options)
    unit = ckn_rs.compute_kernel_matrix(X, normalize=True, **options)
    roots = np.sqrt(K.diagonal())
    np.testing.assert_allclose(unit, K / np.outer(roots, roots), rtol=1e-14)
    assert (unit.diagonal() == 1).all()
    np.testing.assert_array_equal(unit, unit.T)
    two = ckn_rs.compute_kernel_matrix(X, flip(X), normalize=True, **options)
    np.testing.assert_allclose(two.diagonal(), 1, rtol=1e-13)


@pytest.mark.parametrize(("layers", "kernels"), MODELS)
def test_distances_of_mean_features(layers: cases.Layers, kernels: int) -> None:
    del kernels
    plain: dict[str, Any] = {"model": layers}
    options: dict[str, Any] = {**plain, "augment": "flip"}
    first, second = X[:6], Y[:6]
    own, other = (ckn_rs.compute_diagonal(each, **options) for each in (first, second))
    across = ckn_rs.compute_kernel_matrix(first, second, **options).diagonal()
    found = ckn_rs.compute_distances(first, second, **options)
    np.testing.assert_allclose(found, own + other - 2 * across, atol=1e-13 * own.max())
    assert (ckn_rs.compute_distances(first, flip(first), **options) < 1e-13 * own.max()).all()
    assert (ckn_rs.compute_distances(first, flip(first), **plain) > 0.01 * own).all()


@pytest.mark.parametrize(("layers", "kernels"), MODELS)
def test_both(layers: cases.Layers, kernels: int) -> None:
    del kernels
    options: dict[str, Any] = {"model": layers, "augment": "flip"}
    for second in (None, Y):
        K_ntk, K_ckn = ckn_rs.compute_both(X, second, **options)
        ntk = ckn_rs.compute_kernel_matrix(X, second, ntk=True, **options)
        np.testing.assert_array_equal(K_ntk, ntk)
        ckn = ckn_rs.compute_kernel_matrix(X, second, **options)
        np.testing.assert_allclose(K_ckn, ckn, rtol=1e-13)


@pytest.mark.parametrize("ntk", [False, True])
@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize(("layers", "kernels"), MODELS)
def test_gradient(layers: cases.Layers, kernels: int, normalize: bool, ntk: bool) -> None:
    """The derivatives are those of the mean: central differences."""
    del kernels
    options: dict[str, Any] = {"ntk": ntk, "normalize": normalize, "augment": "flip"}
    images, step = X[:9], 1e-5

    def at(change: float) -> Any:
        first = {**layers[0], "sigma": layers[0]["sigma"] * np.exp(change)}
        return ckn_rs.compute_kernel_matrix(images, model=[first, *layers[1:]], **options)

    K, dK = ckn_rs.compute_gradient(images, model=layers, **options)
    np.testing.assert_array_equal(K, at(0))
    np.testing.assert_array_equal(dK, dK.swapaxes(0, 1))
    wanted = (at(step) - at(-step)) / (2 * step)
    np.testing.assert_allclose(dK[..., 0], wanted, atol=1e-7 * abs(wanted).max())
    two = ckn_rs.compute_gradient(images, images[4:], model=layers, **options)[1]
    np.testing.assert_allclose(two, dK[:, 4:], atol=1e-11 * abs(dK).max())


def test_out_may_have_any_strides() -> None:
    options: dict[str, Any] = {"model": cases.EXP, "augment": "flip"}
    out = np.empty((2 * len(X), len(X)))[::2].T
    assert ckn_rs.compute_kernel_matrix(X, out=out, **options) is out
    np.testing.assert_array_equal(out, ckn_rs.compute_kernel_matrix(X, **options))
    assert ckn_rs.compute_kernel_matrix(X, Y[:0], **options).shape == (41, 0)
    assert ckn_rs.compute_diagonal(X[:0], **options).shape == (0,)


@pytest.mark.parametrize("second", [None, Y])
@pytest.mark.parametrize(("layers", "kernels"), MODELS)
def test_progress_ends_with_all_pairs(layers: cases.Layers, kernels: int, second: Any) -> None:
    del kernels
    plan = augmented(_core.Plan({"layers": layers}, SHAPE, "ckn"), "flip")
    done: list[int] = []
    out = [np.empty((len(X), len(X if second is None else second)))]
    plan.gram((X, None), None if second is None else (second, None), out, progress=done.append)
    assert done == sorted(done)
    assert done[-1] == (41 * 42 // 2 if second is None else out[0].size)
    assert len(done) >= 2


def test_errors() -> None:
    for wrong in ("flips", "", True, 1, np.array(["flip"])):
        with pytest.raises(ValueError, match="augment must be None or 'flip'"):
            ckn_rs.compute_kernel_matrix(X, model=cases.EXP, augment=wrong)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="augment must be None or 'flip'"):
            ckn_rs.compute_diagonal(X, cases.EXP, augment=wrong)  # type: ignore[arg-type]
    bad = Y.copy()
    bad[33, 0, 0] = np.nan
    out = np.zeros((len(X), len(bad)))
    with pytest.raises(ValueError, match="ims2: image 33 contains NaN"):
        ckn_rs.compute_kernel_matrix(X, bad, model=cases.EXP, augment="flip", out=out)
    assert not out.any()
