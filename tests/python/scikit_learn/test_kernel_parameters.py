"""The kernel's parameters: names, bounds, copies, comparisons and text."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn.base import clone
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.svm import SVC

from ckn_rs import Dense, Layer, Model, models
from ckn_rs.sklearn import ConvolutionalKernel
from ckn_rs.sklearn._parameters import FIELDS, as_model
from digits import MIXED, MODEL, ROWS, SHAPE, kernel
from messages import ANY, check_message

same = np.testing.assert_array_equal
OWN = [
    *("model", "image_shape", "ntk", "normalize", "sigma_bounds", "dtype", "n_threads"),
    *("augment", "weight_std_bounds", "bias_std_bounds"),
]
BIASED = Model(
    [Layer(3, 2, sigma=0.6, bias_std=0.2), Layer(3, 1, kernel="relu", weight_std=1.4)],
    dense=Dense(weight_std=1.2, bias_std=0.3),
)


def names(k: ConvolutionalKernel) -> list[str]:
    return [sigma.name for sigma in k.hyperparameters]


def sigmas(k: ConvolutionalKernel) -> list[float]:
    return [layer.sigma for layer in as_model(k.model)]


def test_theta_has_the_sigmas_that_kernels_use() -> None:
    assert names(kernel()) == ["layer0__sigma", "layer1__sigma"]
    same(kernel().theta, np.log([0.6, 0.7]))
    # Layer 0 of the mixed model names no kernel: it is `exp` for the CKN, and `relu` for the NTK.
    assert names(kernel(MIXED)) == ["layer0__sigma", "layer3__sigma"]
    assert names(kernel(MIXED, ntk=True)) == ["layer3__sigma"]
    same(kernel(MIXED, ntk=True).theta, np.log([0.8]))
    # Another name of the kernel `rbf`.
    assert names(kernel([Layer(3, 2, kernel="gaussian")])) == ["layer0__sigma"]
    assert names(kernel("relu_pool")) == []


def test_theta_can_be_set() -> None:
    layers = [dict(layer) for layer in MIXED.to_dicts()]
    k = kernel(layers, sigma_bounds=["fixed", (0.1, 10)])
    k.theta = np.log([2.5])
    assert sigmas(k) == [1, 1, 1, pytest.approx(2.5, rel=1e-15)]
    assert layers == MIXED.to_dicts(), "the caller's list stays as it is"
    other = k.clone_with_theta(np.log([0.5]))
    assert sigmas(other)[3] == pytest.approx(0.5, rel=1e-15)
    assert sigmas(k)[3] == pytest.approx(2.5, rel=1e-15)
    with pytest.raises(ValueError, match="Should be 1; given are 2"):
        k.theta = np.zeros(2)
    assert {type(sigma) for sigma in sigmas(other)} == {float}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((1e-2, 1e2), [(1e-2, 1e2)] * 2),
        ([1, 2], [(1, 2)] * 2),
        (np.array([0.5, 2]), [(0.5, 2)] * 2),
        ([(1, 2), (3, 4)], [(1, 2), (3, 4)]),
        (np.array([[1, 2], [3, 4]]), [(1, 2), (3, 4)]),
        (("fixed", (1, 2)), [(1, 2)]),
        ("fixed", []),
        (["fixed", "fixed"], []),
    ],
)
def test_bounds(given: Any, expected: list[tuple[float, float]]) -> None:
    k = kernel(sigma_bounds=given)
    same(k.bounds, np.log(expected) if expected else [])
    assert k.n_dims == len(expected)
    assert names(k) == ["layer0__sigma", "layer1__sigma"]
    composed = ConstantKernel() * k + WhiteKernel()
    assert composed.bounds.shape == (2 + len(expected), 2)


@pytest.mark.parametrize(
    ("bounds", "error", "fragments"),
    [
        ((0, 1), ValueError, ["0 < low < high", "(0.0, 1.0)"]),
        ((-1, 1), ValueError, ["0 < low < high"]),
        ((2, 1), ValueError, ["0 < low < high", "(2.0, 1.0)"]),
        ((1, 1), ValueError, ["0 < low < high"]),
        ((1, np.inf), ValueError, ["finite"]),
        ((np.nan, 1), ValueError, ["0 < low < high"]),
        ([(1, 2), (2, 1)], ValueError, ["(2.0, 1.0)"]),
        ([(1, 2)], ValueError, ["2 (0, 1)", "1 entries"]),
        ([(1, 2)] * 3, ValueError, ["2 (0, 1)", "3 entries"]),
        ([], ValueError, ["2 (0, 1)", "0 entries"]),
        ((1, 2, 3), TypeError, ["pairs (low, high)"]),
        ("free", TypeError, ["pairs (low, high)", "'free'"]),
        (None, TypeError, ["pairs (low, high)", "None"]),
        (5, TypeError, ["pairs (low, high)", "5"]),
        (["fixed", ("a", "b")], TypeError, ["pairs (low, high)"]),
    ],
)
def test_bounds_that_are_none(bounds: Any, error: type[Exception], fragments: list[str]) -> None:
    k = kernel(sigma_bounds=bounds)
    for use in (lambda: k.bounds, lambda: k.theta, lambda: k(ROWS[:3], eval_gradient=True)):
        with pytest.raises(error) as caught:
            use()
        check_message(str(caught.value), ["sigma_bounds", *fragments])


def test_scales_in_theta() -> None:
    k = kernel(BIASED)
    assert names(k) == ["layer0__sigma"]
    k.set_params(weight_std_bounds=(0.1, 10), bias_std_bounds=[(0.01, 1)])
    weights = ["layer0__weight_std", "layer1__weight_std"]
    assert names(k) == ["layer0__sigma", *weights, "layer0__bias_std"]
    same(k.theta, np.log([0.6, 1.0, 1.4, 0.2]))
    same(k.bounds[1:], np.log([(0.1, 10), (0.1, 10), (0.01, 1)]))
    k.set_params(weight_std_bounds=["fixed", (0.1, 10)], sigma_bounds="fixed")
    assert names(k) == ["layer0__sigma", weights[1], "layer0__bias_std"]
    k.theta = np.log([2.0, 0.5])
    changed = as_model(k.model)
    assert [layer.weight_std for layer in changed] == [1, pytest.approx(2)]
    assert [layer.bias_std for layer in changed] == [pytest.approx(0.5), 0]
    assert changed.dense == BIASED.dense
    assert k.set_params(layer0__weight_std=3.0).model != changed
    k.set_params(layer1__bias_std=0.1)
    with pytest.raises(ValueError, match=r"bias_std_bounds.* has a bias_std; these are 2 \(0, 1\)"):
        k.theta  # noqa: B018
    with pytest.raises(ValueError, match="bias_std_bounds: no layer of the model has a bias_std"):
        kernel(bias_std_bounds=(0.1, 1)).theta  # noqa: B018
    assert names(kernel(bias_std_bounds=[])) == names(kernel())
    with pytest.raises(ValueError, match=r"weight_std_bounds must be from 1e-09 to 1e\+09"):
        kernel(BIASED, weight_std_bounds=(1e-12, 1)).theta  # noqa: B018
    with pytest.raises(TypeError, match=r"weight_std_bounds must be pairs .*got 3"):
        kernel(BIASED, weight_std_bounds=3).theta  # noqa: B018


def test_get_params() -> None:
    k = kernel()
    assert list(k.get_params(deep=False)) == OWN
    deep = k.get_params()
    assert list(deep) == OWN + [f"layer{i}__{field}" for i in (0, 1) for field in FIELDS]
    assert deep["model"] is MODEL
    assert (deep["layer0__sigma"], deep["layer1__npatch"], deep["layer1__a"]) == (0.6, 3, None)
    composed = (ConstantKernel() * k + WhiteKernel()).get_params()
    assert composed["k1__k2__layer1__sigma"] == 0.7
    assert SVC(kernel=k).get_params()["kernel__layer1__subsampling"] == 2


def test_set_params() -> None:
    mean = Model(MODEL, readout="mean", convention="2019")
    k = kernel(mean)
    assert k.set_params(layer1__sigma=2, layer0__npatch=(3, 5), normalize=False) is k
    wanted = [Layer((3, 5), 1, kernel="exp", sigma=0.6), Layer(3, 2, kernel="exp", sigma=2)]
    assert k.model == Model(wanted, readout="mean", convention="2019")
    assert not k.normalize
    # The model comes first, whatever the order, and all layers at once.
    k.set_params(layer0__a=0.5, layer0__kernel="abrelu", model="relu_pool_5")
    assert k.model == Model([Layer(3, 5, kernel="abrelu", a=0.5)])
    k.set_params(model="exp_pool")
    assert k.model == "exp_pool"
    k.set_params(layer1__sigma=0.65)
    assert k.model == "exp_pool", "nothing changed"
    k.set_params(layer1__sigma=0.5)
    assert sigmas(k) == [0.65, 0.5]
    assert [layer.sigma for layer in models.named("exp_pool")] == [0.65, 0.65]
    composed = ConstantKernel() * kernel() + WhiteKernel()
    composed.set_params(k1__k2__layer0__pooling=[0.5, 0.5])
    assert composed.k1.k2.model[0].pooling == (0.5, 0.5)


@pytest.mark.parametrize(
    ("params", "fragments"),
    [
        ({"layer2__sigma": 1}, ["'layer2__sigma'", "2 layers"]),
        ({"layer0__gamma": 1}, ["'layer0__gamma'"]),
        ({"layer0": 1}, ["'layer0'"]),
        ({"model__sigma": 1}, ["'model__sigma'"]),
        ({"ntk": True, "sigma": 1}, ["'sigma'"]),
        ({"ntk": True, "layer0__sigma": -1}, ["layer 0", "sigma", "-1"]),
        ({"ntk": True, "layer1__pooling": "max"}, ["layer 1", "max"]),
        ({"model": "exp_pol", "layer0__sigma": 1}, ["exp_pol"]),
    ],
)
def test_parameters_that_are_none(params: dict[str, Any], fragments: list[str]) -> None:
    k = kernel()
    with pytest.raises(ANY) as caught:
        k.set_params(**params)
    check_message(str(caught.value), fragments)
    assert k == kernel(), "an error changes nothing"


KERNELS = [
    kernel(),
    kernel(MODEL.to_dicts()),
    kernel(list(MODEL), sigma_bounds=np.array([[0.5, 2], [0.1, 3]])),
    kernel([{"npatch": 3, "subsampling": 2, "pooling": np.array([0.25, 0.5])}]),
    kernel("exp_pool", image_shape=np.array([8, 8, 1])),
    kernel(MIXED, image_shape=None, ntk=True, normalize=False, n_threads=2),
    kernel(Model(MODEL, readout="mean", convention="2019"), dtype=np.float32),
    kernel(dtype=np.dtype("float64"), sigma_bounds="fixed"),
    kernel(sigma_bounds=["fixed", (0.5, 2)]),
    kernel(BIASED),
    kernel(BIASED, weight_std_bounds=(0.5, 2)),
    kernel(BIASED, bias_std_bounds=[(0.5, 2)]),
    kernel(Model(BIASED, dense=Dense())),
    kernel(Model(list(BIASED))),
]


@pytest.mark.parametrize("k", KERNELS, ids=range(len(KERNELS)))
def test_copies_are_equal(k: ConvolutionalKernel) -> None:
    for copied in (clone(k), copy.deepcopy(k), pickle.loads(pickle.dumps(k))):
        assert copied is not k
        assert copied == k
        assert repr(copied) == repr(k)
    assert clone(SVC(kernel=k)).kernel == k
    # Python reads the text, which is one line.
    assert "\n" not in repr(k)
    if "array" not in repr(k):
        classes = (ConvolutionalKernel, Dense, Layer, Model)
        variables = {each.__name__: each for each in classes}
        assert eval(repr(k), variables) == k


def test_kernels_that_differ() -> None:
    for i, one in enumerate(KERNELS):
        equal = [j for j, other in enumerate(KERNELS) if one == other]
        # A list of layers is the same model.
        assert equal == ([0, 1] if i < 2 else [i])
    assert kernel("relu_pool") == kernel(models.named("relu_pool"), image_shape=list(SHAPE))
    assert kernel(dtype="float32") == kernel(dtype=np.float32) != kernel()
    assert kernel() != RBF()
    assert kernel() != "precomputed"
    wrong = kernel(None)
    assert wrong == wrong
    assert wrong != kernel(None)
    assert kernel() + WhiteKernel() == WhiteKernel() + kernel()


def test_text() -> None:
    assert repr(kernel("exp_pool", image_shape=None)) == "ConvolutionalKernel('exp_pool')"
    text = repr(kernel(Model([Layer(3, 2)], readout="mean"), ntk=True, dtype=np.float32))
    model = "Model([Layer(npatch=3, subsampling=2)], readout='mean')"
    assert text == f"ConvolutionalKernel({model}, image_shape=(8, 8, 1), ntk=True, dtype='float32')"
    assert repr(2.0 * kernel("exp_pool", image_shape=None) + WhiteKernel(0.1)) == (
        "1.41**2 * ConvolutionalKernel('exp_pool') + WhiteKernel(noise_level=0.1)"
    )
    assert "'exp_pool'" in repr(SVC(kernel=kernel("exp_pool")))
    # A wrong argument is shown, too.
    assert repr(kernel(None, dtype="half")) == (
        "ConvolutionalKernel(None, image_shape=(8, 8, 1), dtype='half')"
    )
