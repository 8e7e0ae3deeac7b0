"""Models and images at random: a kernel is finite and the same however it is cut, or refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import ckn_rs
from ckn_rs import _core

hypothesis = pytest.importorskip("hypothesis")
from hypothesis import HealthCheck, given, settings, strategies as st  # noqa: E402

settings.register_profile(
    "same every time",
    derandomize=True,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
)
settings.load_profile("same every time")

Draw = Callable[[st.SearchStrategy[Any]], Any]

LENGTHS = st.integers(1, 4) | st.tuples(st.integers(1, 4), st.integers(1, 4))

POOLINGS = st.sampled_from(["gaussian", "average", "strided", "global", "none", [0.5, 0.25]])

#: Values of the kernels' own keys that are possible.
PARAMETERS = {
    "sigma": st.floats(0.2, 3),
    "a": st.floats(-1, 1),
    "b": st.floats(0.1, 1),
    "degree": st.integers(1, 5),
    "offset": st.floats(0, 2),
    "homogeneous": st.booleans(),
    "coefficients": st.lists(st.floats(0.1, 2), min_size=1, max_size=4),
}

#: Anything, as a program that makes a mistake may pass it.
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=9)
    | st.binary(max_size=3)
    | st.sampled_from([*_core.KERNELS, *_core.POOLINGS, np.float32(1), np.arange(3), np.array(2)]),
    lambda items: st.lists(items, max_size=3) | st.dictionaries(st.text(max_size=3), items),
    max_leaves=4,
)

KEYS = [
    *("npatch", "subsampling", "poolfactor", "kernel", "sigma", "pooling", "padding", "stride"),
    *("dilation", *PARAMETERS),
]


@st.composite
def layers(draw: Draw) -> dict[str, Any]:
    """A layer that is possible on some images."""
    kernel = draw(st.sampled_from(_core.KERNELS))
    pooling = draw(POOLINGS)
    layer = {
        "npatch": draw(LENGTHS),
        "kernel": kernel,
        "pooling": pooling,
        "padding": draw(st.sampled_from(["same", "same", "valid", "circular"])),
        "stride": draw(st.integers(1, 2)),
        "dilation": draw(st.integers(1, 2)),
        **{name: draw(PARAMETERS[name]) for name in _core.KERNEL_PARAMETERS[kernel]},
    }
    if pooling not in ("global", "none"):
        layer["subsampling"] = draw(st.integers(1, 3))
    return layer


@st.composite
def problems(draw: Draw) -> tuple[list[dict[str, Any]], np.ndarray[Any, Any], bool]:
    """A model, images of a shape that it may fit, and whether to take the NTK."""
    shape = tuple(draw(st.integers(1, high)) for high in (5, 9, 9, 3))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    images = rng.normal(size=shape) * draw(st.sampled_from([0.0, 1e-3, 1.0, 30.0]))
    images *= rng.random(shape) < draw(st.sampled_from([0.2, 1.0]))  # blank pixels
    dtype = draw(st.sampled_from([np.float64, np.float32]))
    return (
        draw(st.lists(layers(), min_size=1, max_size=3)),
        images.astype(dtype),
        draw(st.booleans()),
    )


def result(call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """What a call returns; None if it is refused with an error that says why."""
    try:
        return call(*arguments, **named)
    except (ValueError, TypeError) as error:
        message = str(error)
    assert 0 < len(message) < 1000
    return None


@given(problems())
def test_a_block_is_a_part_of_the_whole(problem: Any) -> None:
    model, X, ntk = problem
    K = result(ckn_rs.compute_kernel_matrix, X, model=model, ntk=ntk)
    if K is None:
        return
    assert np.isfinite(K).all()
    np.testing.assert_array_equal(K, K.T)
    cut = len(X) // 2
    block = ckn_rs.compute_kernel_matrix(X[:cut], X[cut:], model=model, ntk=ntk)
    np.testing.assert_array_equal(block, K[:cut, cut:])
    np.testing.assert_array_equal(ckn_rs.compute_diagonal(X, model, ntk=ntk), np.diag(K))


@given(problems())
def test_a_matrix_is_positive_semidefinite(problem: Any) -> None:
    model, X, ntk = problem
    K = result(ckn_rs.compute_kernel_matrix, X, model=model, ntk=ntk, dtype=np.float64)
    if K is not None:
        eigenvalues = np.linalg.eigvalsh(K)
        assert eigenvalues[0] >= -1e-8 * eigenvalues[-1]


@given(problems())
def test_a_model_is_the_same_after_a_file(problem: Any) -> None:
    model = ckn_rs.Model(problem[0])
    assert ckn_rs.Model.from_toml(model.to_toml()) == model
    assert ckn_rs.Model.from_json(model.to_json()) == model


@settings(max_examples=150)
@given(st.dictionaries(st.sampled_from(KEYS), ANYTHING, max_size=6), st.booleans())
def test_any_layer_is_a_kernel_or_an_error(entries: dict[str, Any], ntk: bool) -> None:
    X = np.linspace(0, 1, 2 * 5 * 4).reshape(2, 5, 4, 1)
    for layer in (entries, {"npatch": 2, "subsampling": 1, **entries}):
        K = result(ckn_rs.compute_kernel_matrix, X, model=[layer], ntk=ntk)
        assert K is None or np.isfinite(K).all()


@settings(max_examples=100)
@given(ANYTHING, ANYTHING)
def test_any_arguments_are_used_or_refused(images: Any, model: Any) -> None:
    X, layers = np.ones((2, 3, 3, 1)), [{"npatch": 2, "subsampling": 1}]
    for ims, given_model in ((images, layers), (X, model), (images, model)):
        K = result(ckn_rs.compute_kernel_matrix, ims, model=given_model)
        assert K is None or np.isfinite(K).all()
