"""The core's plans, which are made once and run many times."""

import pickle
from typing import Any

import numpy as np
import pytest

import cases
import ckn_rs
from ckn_rs import _core

SHAPE = (9, 8, 2)
X = cases.images(5, SHAPE)
SPEC = {"layers": cases.EXP}


def filled(plan: _core.Plan, shapes: list[tuple[int, ...]]) -> list[cases.Floats]:
    outputs = [np.full(shape, np.nan) for shape in shapes]
    plan.gram((X, None), None, outputs)
    return outputs


def test_one_plan_serves_many_calls() -> None:
    plan = _core.Plan(SPEC, SHAPE, "ckn")
    first, second = (filled(plan, [(5, 5)])[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first, ckn_rs.compute_kernel_matrix(X, model=cases.EXP))
    norms = np.empty((5, plan.norms_len))
    plan.norms(X, norms)
    np.testing.assert_array_equal(norms, ckn_rs.compute_norms(X, cases.EXP)[0])
    pairs = np.empty(2)
    plan.pairs(X, np.array([0, 1]), np.array([4, 4]), [pairs])
    np.testing.assert_array_equal(pairs, first[:2, 4])


def test_facts() -> None:
    plan = _core.Plan(SPEC, SHAPE, "gradient")
    assert (plan.kind, plan.shape, plan.norms_len, plan.gradients) == ("gradient", SHAPE, 144, 2)
    assert [layer["input"] for layer in plan.layers] == [(9, 8), (3, 3)]
    assert plan.model["readout"] == "trace"
    # A vector is equally large in both precisions, and has half as many lanes in float64.
    assert plan.scratch_bytes("float64") == plan.scratch_bytes("float32") > 1000
    assert plan.parameters == [("sigma", 0), ("sigma", 1)]
    assert _core.Plan(SPEC, SHAPE, "ckn").gradients == 0
    with pytest.raises(ValueError, match=r'dtype.*"half"'):
        plan.scratch_bytes("half")


def test_parameters_of_a_gradient() -> None:
    first, second = cases.EXP
    spec = {"layers": [first | {"bias_std": 0.5}, second], "dense": {"weight_std": 2.0}}
    weights = [("weight_std", 0), ("weight_std", 1), ("weight_std", None)]
    for wrt, wanted in (
        (["weight_std"], weights),
        (["bias_std", "weight_std"], [("bias_std", 0), *weights]),
        ([], []),
    ):
        plan = _core.Plan(spec, SHAPE, "gradient", wrt)
        assert plan.parameters == wanted
        assert plan.gradients == len(wanted)
        again = pickle.loads(pickle.dumps(plan))
        assert (again.model, again.parameters) == (plan.model, wanted)
    assert plan.model["dense"] == {"weight_std": 2.0, "bias_std": 0.0}
    assert _core.Plan(spec, SHAPE, "ckn").parameters == []


def test_the_default_kernel_is_that_of_the_kind() -> None:
    spec = {"layers": [{"npatch": 3, "subsampling": 2}]}
    kernels = [
        _core.Plan(spec, SHAPE, kind).model["layers"][0]["kernel"]
        for kind in ("ckn", "gradient", "ntk", "both")
    ]
    assert kernels == ["exp", "exp", "relu", "relu"]


@pytest.mark.parametrize("kind", ["ckn", "ntk", "both", "gradient"])
def test_pickles(kind: str) -> None:
    plan = _core.Plan(SPEC, SHAPE, kind)
    again = pickle.loads(pickle.dumps(plan))
    assert (again.kind, again.shape, again.model) == (kind, SHAPE, plan.model)


def test_a_kernel_with_its_plans_can_be_pickled() -> None:
    kernel = ckn_rs.CKNKernel(SHAPE, cases.RELU)

    def ntk(kernel: ckn_rs.CKNKernel) -> Any:
        return kernel.compute_kernel_matrix(X, None, None, None, None, None, ntk=True)

    before = ntk(kernel)
    after = ntk(pickle.loads(pickle.dumps(kernel)))
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize(
    ("kind", "shapes", "error", "message"),
    [
        ("ckn", [(5, 5), (5, 5)], ValueError, "fills 1 arrays, got 2"),
        ("both", [(5, 5)], ValueError, "fills 2 arrays, got 1"),
        ("gradient", [(5, 5), (5, 5)], TypeError, r"out\[1\] must be an array of three axes"),
        ("gradient", [(5, 5), (5, 5, 3)], ValueError, "2 parameters"),
        ("ckn", [(5, 4)], ValueError, "out must be of shape"),
    ],
)
def test_results_that_do_not_fit(
    kind: str, shapes: list[Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        filled(_core.Plan(SPEC, SHAPE, kind), shapes)


def test_images_of_another_shape() -> None:
    plan, out = _core.Plan(SPEC, (8, 9, 2), "ckn"), np.empty((5, 5))
    with pytest.raises(ValueError, match=r"ims1 must hold images of the plan's shape \(8, 9, 2\)"):
        plan.gram((X, None), None, [out])
    with pytest.raises(ValueError, match=r"images must .* \(8, 9, 2\), got \(9, 8, 2\)"):
        plan.norms(X, np.empty((5, plan.norms_len)))
