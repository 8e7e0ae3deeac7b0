"""Derivatives with respect to log sigma, compared with central differences."""

from typing import Any

import numpy as np
import pytest

import cases
from ckn_rs import Model, _core, compute_gradient, compute_kernel_matrix

SIGMA = [name for name in _core.KERNELS if "sigma" in _core.KERNEL_PARAMETERS[name]]
DOUBLE, SINGLE = 1e-6, 1e-4

PARALLEL = 1e-4, 1e-3
"""Bounds for the NTK of an image with itself.

There the slope of relu is exact to 1e-8 in float64 (DESIGN.md, section 4). The differences divide
this error by their step.
"""


def layers_with_sigma(model: Model) -> list[int]:
    return [index for index, layer in enumerate(model) if layer.kernel in SIGMA]


def moved(model: Model, index: int, step: float) -> Model:
    layers = model.to_dicts()
    layers[index]["sigma"] *= np.exp(step)
    return Model.from_dicts(layers, convention=model.convention, readout=model.readout)


def differences(model: Model, X: Any, Y: Any, **options: Any) -> Any:
    step = 1e-4

    def slope(index: int) -> Any:
        ahead, behind = (
            compute_kernel_matrix(X, Y, model=moved(model, index, h), **options)
            for h in (step, -step)
        )
        return (ahead - behind) / (2 * step)

    return np.stack([slope(index) for index in layers_with_sigma(model)], axis=-1)


def check(model: Model, X: Any, Y: Any, **options: Any) -> None:
    K, dK = compute_gradient(X, Y, model=model, **options)
    alone = compute_kernel_matrix(X, Y, model=model, **options)
    np.testing.assert_array_equal(K, alone)
    wanted = differences(model, X, Y, **options)
    assert dK.shape == wanted.shape == (*K.shape, len(layers_with_sigma(model)))
    scale = max(np.abs(K).max(), np.abs(wanted).max())
    double, single = np.full(wanted.shape, DOUBLE), np.full(wanted.shape, SINGLE)
    if Y is None and options.get("ntk"):
        each = range(len(K))
        double[each, each], single[each, each] = PARALLEL
    assert (np.abs(dK - wanted) <= double * scale).all(), model
    images: list[Any] = [None if Z is None else Z.astype(np.float32) for Z in (X, Y)]
    K32, dK32 = compute_gradient(*images, model=model, **options)
    assert K32.dtype == dK32.dtype == np.float32
    assert (np.abs(dK32 - wanted) <= single * scale).all(), model


@pytest.mark.parametrize("ntk", [False, True])
@pytest.mark.parametrize("readout", _core.READOUTS)
@pytest.mark.parametrize("padding", ["same", "valid", "circular"])
@pytest.mark.parametrize("kernel", SIGMA)
def test_gradients_are_those_of_differences(
    kernel: str, padding: str, readout: str, ntk: bool
) -> None:
    rng = np.random.default_rng(SIGMA.index(kernel))
    for _ in range(2):
        # `ntk=True` leaves out kernels without a slope, which have no gradient.
        model, shape = cases.random_model(
            rng, kernel, "average", padding, readout=readout, ntk=True
        )
        X, Y = rng.normal(size=(3, *shape)), rng.normal(size=(2, *shape))
        model = cases.suited(model, X[0])
        check(model, X, Y, ntk=ntk)
        check(model, X, None, ntk=ntk)


@pytest.mark.parametrize("ntk", [False, True])
@pytest.mark.parametrize("one_set", [True, False])
def test_normalized_gradients(one_set: bool, ntk: bool) -> None:
    model = Model(cases.EXP)
    X, Y = cases.images(4, (8, 9, 2)), cases.images(3, (8, 9, 2), seed=1)
    check(model, X, None if one_set else Y, ntk=ntk, normalize=True)
    if one_set:
        _, dK = compute_gradient(X, model=model, ntk=ntk, normalize=True)
        assert (dK[range(4), range(4)] == 0).all()


@pytest.mark.parametrize("ntk", [False, True])
def test_three_layers_with_others_between(ntk: bool) -> None:
    layers: cases.Layers = [
        {"npatch": 3, "subsampling": 1, "kernel": "rbf", "sigma": 1.5, "pooling": "average"},
        {"npatch": 2, "subsampling": 2, "kernel": "relu"},
        {"npatch": 1, "subsampling": 1, "kernel": "linear", "sigma": 0.8, "pooling": "average"},
    ]
    check(Model(layers), cases.images(3, (7, 6, 2)), None, ntk=ntk)


@pytest.mark.parametrize("pooling", ["gaussian", "average"])
def test_a_patch_and_a_window_wider_than_the_map(pooling: str) -> None:
    layers: cases.Layers = [
        {"npatch": (9, 13), "subsampling": 2, "poolfactor": 8, "kernel": "exp", "sigma": 0.7},
        {"npatch": (7, 5), "subsampling": 1, "poolfactor": 5, "kernel": "rbf", "sigma": 0.9},
    ]
    model = Model([layer | {"pooling": pooling} for layer in layers])
    for layer in _core.Plan({"layers": model.to_dicts()}, (6, 7, 2), "gradient").layers:
        assert min(layer["npatch"]) > max(layer["input"])
        assert layer["poolfactor"] > max(layer["patches"])
    X, Y = cases.images(3, (6, 7, 2)), cases.images(2, (6, 7, 2), seed=1)
    model = cases.suited(model, X[0])
    check(model, X, Y)
    check(model, X, None)


def test_a_model_without_sigma_has_no_derivatives() -> None:
    X = cases.images(3, (8, 8, 1))
    K, dK = compute_gradient(X, model=cases.RELU)
    assert dK.shape == (3, 3, 0)
    np.testing.assert_array_equal(K, compute_kernel_matrix(X, model=cases.RELU))


def test_what_has_no_gradient_says_so() -> None:
    X = cases.images(2, (8, 8, 2))
    step = [*cases.EXP[:1], {"npatch": 1, "subsampling": 1, "kernel": "step"}]
    with pytest.raises(ValueError, match=r"layer 1.*gradient.*step"):
        compute_gradient(X, model=step)
