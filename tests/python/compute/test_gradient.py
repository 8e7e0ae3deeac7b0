"""Derivatives by the logarithms of sigmas and scales, compared with central differences."""

from typing import Any

import numpy as np
import pytest

import cases
from ckn_rs import Dense, Model, _core, compute_gradient, compute_kernel_matrix
from messages import check_message

SIGMA = [name for name in _core.KERNELS if "sigma" in _core.KERNEL_PARAMETERS[name]]
DOUBLE, SINGLE = 1e-6, 1e-4

PARALLEL = 1e-4, 1e-3
"""Bounds for the NTK of an image with itself.

There the slope of relu is exact to 1e-8 in float64 (DESIGN.md, section 4). The differences divide
this error by their step.
"""


ALL = ("sigma", "weight_std", "bias_std")


def parameters(model: Model, wrt: Any) -> list[tuple[str, int]]:
    """The parameters of a gradient: names, and the number of the layer, which is -1 for dense."""
    found = []
    for name in [wrt] if isinstance(wrt, str) else wrt:
        owners: list[Any] = [*enumerate(model), *([(-1, model.dense)] if model.dense else [])]
        for index, owner in owners:
            has = index >= 0 and owner.kernel in SIGMA if name == "sigma" else getattr(owner, name)
            if has:
                found.append((name, index))
    return found


def moved(model: Model, parameter: tuple[str, int], step: float) -> Model:
    """The model with another value of a parameter: ``step`` is added to its logarithm."""
    name, index = parameter
    layers, options = model.to_dicts(), cases.options(model)
    if index < 0:
        options["dense"] = owner = options["dense"].to_dict()
    else:
        owner = layers[index]
    owner[name] = np.exp(step) * owner.get(name, 1.0)
    return Model(layers, **options)


def differences(model: Model, X: Any, Y: Any, wrt: Any, **options: Any) -> Any:
    step = 1e-4

    def slope(parameter: tuple[str, int]) -> Any:
        ahead, behind = (
            compute_kernel_matrix(X, Y, model=moved(model, parameter, h), **options)
            for h in (step, -step)
        )
        return (ahead - behind) / (2 * step)

    return np.stack([slope(parameter) for parameter in parameters(model, wrt)], axis=-1)


def check(model: Model, X: Any, Y: Any, wrt: Any = "sigma", **options: Any) -> None:
    K, dK = compute_gradient(X, Y, model=model, wrt=wrt, **options)
    alone = compute_kernel_matrix(X, Y, model=model, **options)
    np.testing.assert_array_equal(K, alone)
    wanted = differences(model, X, Y, wrt, **options)
    assert dK.shape == wanted.shape == (*K.shape, len(parameters(model, wrt)))
    scale = max(np.abs(K).max(), np.abs(wanted).max())
    double, single = np.full(wanted.shape, DOUBLE), np.full(wanted.shape, SINGLE)
    if Y is None and options.get("ntk"):
        each = range(len(K))
        double[each, each], single[each, each] = PARALLEL
    assert (np.abs(dK - wanted) <= double * scale).all(), model
    images: list[Any] = [None if Z is None else Z.astype(np.float32) for Z in (X, Y)]
    K32, dK32 = compute_gradient(*images, model=model, wrt=wrt, **options)
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
@pytest.mark.parametrize("convention", _core.CONVENTIONS)
@pytest.mark.parametrize("padding", ["same", "valid", "circular"])
@pytest.mark.parametrize("kernel", [name for name in _core.KERNELS if name not in cases.SINGULAR])
def test_gradients_with_respect_to_scales(
    kernel: str, padding: str, convention: str, ntk: bool
) -> None:
    rng = np.random.default_rng([_core.KERNELS.index(kernel), len(padding), ntk])
    readout = str(rng.choice(_core.READOUTS))
    model, shape = cases.random_model(
        rng, kernel, "average", padding, convention, readout, ntk=True, scales=True
    )
    X, Y = rng.normal(size=(3, *shape)), rng.normal(size=(2, *shape))
    model = cases.suited(model, X[0])
    wrt = [str(name) for name in rng.permutation(ALL)]
    check(model, X, Y, wrt, ntk=ntk)
    check(model, X, None, wrt, ntk=ntk)


@pytest.mark.parametrize("ntk", [False, True])
@pytest.mark.parametrize("normalize", [False, True])
def test_each_scale_is_one_of_all(normalize: bool, ntk: bool) -> None:
    """Derivatives have the same bits, whatever others come with them."""
    X = cases.images(3, (8, 9, 2))
    layers = [layer | {"bias_std": 0.3, "weight_std": 0.8} for layer in cases.EXP]
    model = Model(layers, dense=Dense(1.5, 0.5))
    options: dict[str, Any] = {"model": model, "ntk": ntk, "normalize": normalize}
    _, dK = compute_gradient(X, wrt=ALL, **options)
    each = [compute_gradient(X, wrt=name, **options)[1] for name in ALL]
    assert [part.shape[-1] for part in each] == [2, 3, 3]
    np.testing.assert_array_equal(dK, np.concatenate(each, axis=-1))
    back = compute_gradient(X, wrt=ALL[::-1], **options)[1]
    np.testing.assert_array_equal(back, np.concatenate(each[::-1], axis=-1))
    np.testing.assert_array_equal(compute_gradient(X, **options)[1], each[0])


def test_scales_of_a_homogeneous_network() -> None:
    """What scales the whole kernel has it as derivative; a bias that is 0 has none."""
    X = cases.images(3, (8, 8, 1))
    K, dK = compute_gradient(X, model=cases.RELU, wrt=["bias_std", "weight_std"])
    assert cases.error(dK, np.stack([2 * K, 2 * K], axis=-1)) <= 1e-13
    assert compute_gradient(X, model=cases.RELU, wrt="bias_std")[1].shape == (3, 3, 0)
    assert compute_gradient(X, model=cases.EXP, wrt=[])[1].shape == (3, 3, 0)


@pytest.mark.parametrize(
    ("wrt", "kind", "fragments"),
    [
        ("sigam", ValueError, ["wrt", "sigam", "sigma", "weight_std", "bias_std"]),
        (["sigma", "offset"], ValueError, ["wrt", "offset", "sigma"]),
        (("sigma", "sigma"), ValueError, ["wrt", "sigma", "twice"]),
        ({"sigma", "bias_std"}, TypeError, ["wrt", "in a list", "order"]),
        (b"sigma", TypeError, ["wrt", "b'sigma'"]),
        (None, TypeError, ["wrt", "None"]),
        (3, TypeError, ["wrt", "3"]),
        (["sigma", 3], TypeError, ["wrt", "3"]),
    ],
)
def test_what_is_no_parameter(wrt: Any, kind: type[Exception], fragments: list[str]) -> None:
    with pytest.raises(kind) as caught:
        compute_gradient(cases.images(2, (8, 8, 1)), model=cases.EXP, wrt=wrt)
    check_message(str(caught.value), fragments)


@pytest.mark.parametrize("ntk", [False, True])
@pytest.mark.parametrize("one_set", [True, False])
def test_normalized_gradients(one_set: bool, ntk: bool) -> None:
    layers = [layer | {"bias_std": 0.5} for layer in cases.EXP]
    model = Model(layers, dense=Dense(1.2, 0.7))
    X, Y = cases.images(4, (8, 9, 2)), cases.images(3, (8, 9, 2), seed=1)
    check(model, X, None if one_set else Y, ALL, ntk=ntk, normalize=True)
    if one_set:
        _, dK = compute_gradient(X, model=model, wrt=ALL, ntk=ntk, normalize=True)
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
