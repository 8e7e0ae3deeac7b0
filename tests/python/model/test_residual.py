"""Blocks of layers with shortcuts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cases
from ckn_rs import Layer, Model, Residual, compute_gradient, compute_kernel_matrix, store

SIGMA = 0.7
EXP = Layer(3, kernel="exp", sigma=SIGMA, pooling="none")
LINEAR = Layer(3, kernel="linear", pooling="none")
POOLED = Layer(3, 2, kernel="exp", sigma=SIGMA, pooling="average")


def test_a_block_is_its_layers() -> None:
    model = Model([LINEAR, Residual([EXP, LINEAR]), Residual([LINEAR]), POOLED])
    assert [layer.shortcut for layer in model] == [0, 0, 2, 1, 0]
    ends = [Layer(3, kernel="linear", pooling="none", shortcut=n) for n in (2, 1)]
    assert model == Model([LINEAR, EXP, *ends, POOLED])
    assert Model.from_toml(model.to_toml()) == model
    assert Model.from_json(model.to_json()) == model
    assert Model.from_dicts(model.to_dicts()) == model
    assert "none, shortcut 2" in model.describe((8, 8, 1))
    assert "shortcut" not in Model([EXP]).to_toml() + Model([EXP]).to_json()


def test_single_patches_by_hand() -> None:
    """Of images of one pixel, a layer is a function of a matrix and its diagonals."""
    X = np.random.default_rng(0).standard_normal((5, 1, 1, 4))
    K = (X[:, 0, 0] @ X[:, 0, 0].T).astype(float)

    def exp(K: Any) -> Any:
        n = np.sqrt(np.diag(K))
        return np.outer(n, n) * np.exp((K / np.outer(n, n) - 1) / SIGMA**2)

    first = exp(K)
    block = first + exp(exp(first))
    block += block
    model = Model([EXP, Residual([EXP, EXP]), Residual([LINEAR])])
    assert cases.error(compute_kernel_matrix(X, model=model), block) <= 1e-14
    assert cases.error(compute_kernel_matrix(X, model=Model([*model, EXP])), exp(block)) <= 1e-14


def test_gradients_go_both_ways() -> None:
    X = cases.images(3, (7, 6, 2))

    def model(sigmas: Any) -> Model:
        layers = [Layer(3, kernel="exp", sigma=s, pooling="none") for s in sigmas]
        return Model([layers[0], Residual([layers[1], layers[2]]), POOLED])

    logs, step = np.log([0.6, 0.7, 0.8]), 1e-5
    for ntk in (False, True):
        _, gradient = compute_gradient(X, model=model(np.exp(logs)), ntk=ntk)
        for index in range(3):
            ends = [
                compute_kernel_matrix(
                    X, model=model(np.exp(logs + sign * step * np.eye(3)[index])), ntk=ntk
                )
                for sign in (1, -1)
            ]
            wanted = (ends[0] - ends[1]) / (2 * step)
            assert cases.error(gradient[..., index], wanted) <= 1e-6


def test_blank_images(tmp_path: Any) -> None:
    """Blank patches have no short way around in such a model; a store has the same bits."""
    pytest.importorskip("zarr", reason="stores need zarr 3, on Python 3.11 or later")
    X = cases.images(4, (8, 8, 1)).astype(np.float32)
    X[:, :3] = X[1] = 0
    model = Model([EXP, Residual([EXP, LINEAR]), POOLED])
    K = compute_kernel_matrix(X, model=model)
    assert np.isfinite(K).all()
    assert (K[1] == 0).all()
    np.testing.assert_array_equal(store.compute_gram(tmp_path / "K", X, model=model), K)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([Residual([EXP])], r'layer 0: "shortcut" must be at most 0, got 1: .* not at the image'),
        ([EXP, Residual([POOLED])], r'layer 1: with a "shortcut", "pooling" must be "none"'),
        (
            [{"npatch": 3, "pooling": "none", "shortcut": -1}],
            r'"shortcut" must be 0 or above',
        ),
        ([EXP, Layer(3, pooling="none", shortcut=2)], r'layer 1: "shortcut" must be at most 1'),
    ],
)
def test_mistakes(layers: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Model(layers)


def test_sizes_that_differ() -> None:
    valid = Layer(3, kernel="exp", padding="valid", pooling="none")
    model = Model([EXP, Residual([valid])])
    with pytest.raises(
        ValueError, match=r'layer 1: "shortcut" adds the map before layer 1, of 8x7'
    ):
        model.describe((8, 7, 1))
    around = Layer(3, kernel="exp", padding="circular", pooling="none")
    model = Model([EXP, Residual([EXP]), around])
    with pytest.raises(ValueError, match=r"adds a map of which layer 1 does not"):
        model.describe((8, 7, 1))


def test_blocks_around_circular_maps() -> None:
    """A block must begin with patches that reach as far around as those of the layer after it."""

    def model(first: int, after: int) -> Model:
        keys: Any = {"kernel": "exp", "sigma": SIGMA, "padding": "circular", "pooling": "none"}
        block = Residual([Layer(first, **keys), Layer(1, **keys)])
        return Model([Layer(3, **keys), block, Layer(after, **keys)])

    for first, after in ((1, 1), (3, 1), (3, 3), (5, 3)):
        assert "shortcut 2" in model(first, after).describe((8, 7, 1))
    for first, after in ((1, 3), (3, 5)):
        with pytest.raises(ValueError, match=r"adds a map of which layer 1 does not"):
            model(first, after).describe((8, 7, 1))


def test_what_is_no_block() -> None:
    with pytest.raises(ValueError, match="at least one layer"):
        Residual([])
    with pytest.raises(TypeError, match="must be Layers, got dict"):
        Residual([{"npatch": 3}])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="must be Layers, got int"):
        Residual(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"got Residual: write \*Residual"):
        Residual([EXP, Residual([EXP])])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="has a shortcut already"):
        Model([EXP, Residual(list(Residual([EXP])))])
