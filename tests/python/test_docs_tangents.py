"""The guide for users of ``neural_tangents``: its examples run, and each row of its tables is true.

Whether rows and examples agree with ``neural_tangents`` is tested where that is installed;
``tests/python/compute/test_tangents.py`` says how.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import cases
import ckn_rs
import readme
from ckn_rs import Dense, Layer, Model, Residual

PAGE = readme.ROOT / "docs" / "neural_tangents.md"
SHAPE = (8, 6, 3)  # that of the rows about a whole map
NAMES: dict[str, Any] = {"Layer": Layer, "Dense": Dense, "Residual": Residual}

TOLERANCE = 1e-12


def rows(title: str) -> list[tuple[str, str]]:
    """The code in both cells of each row of the table under a title."""
    text = PAGE.read_text(encoding="utf-8")
    (section,) = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    table = [line.split(" | ") for line in section.splitlines() if line.startswith("| `")]
    each = [tuple(", ".join(re.findall(r"`(.*?)`", cell)) for cell in cells) for cells in table]
    return [(theirs, ours) for theirs, ours in each if theirs != "stax"]


def network(title: str, ours: str) -> tuple[list[Layer], dict[str, Any]]:
    """The layers and the options of the model that a row is about."""
    if title == "Layers":
        return list(eval(f"[{ours}]", NAMES)), {}
    if title == "Activations":
        return [Layer(3, pooling="none", bias_std=0.3, **eval(f"dict({ours})", NAMES))], {}
    return [Layer(3, kernel="relu", pooling="none")], eval(f"dict({ours})", NAMES)


EVERY_ROW = [
    pytest.param(title, *row, id=row[0])
    for title in ("Layers", "Activations", "The end of the network")
    for row in rows(title)
]
every_row = pytest.mark.parametrize(("title", "theirs", "ours"), EVERY_ROW)


def matrix(title: str, ours: str, ntk: bool) -> cases.Floats:
    layers, options = network(title, ours)
    model = Model(layers, convention="neural_tangents", **options)
    X, Y = cases.images(3, SHAPE), cases.images(2, SHAPE, seed=1)
    return ckn_rs.compute_kernel_matrix(X, Y, model=model, ntk=ntk)


@every_row
def test_rows_are_models(title: str, theirs: str, ours: str) -> None:
    assert np.ptp(matrix(title, ours, False)) > 0, theirs


def test_there_are_rows() -> None:
    assert [len(rows(title)) for title in ("Layers", "Activations")] == [12, 18]
    assert len(EVERY_ROW) == 34


def test_page(capsys: pytest.CaptureFixture[str]) -> None:
    """What the example prints stands beside it."""
    variables: Any = readme.main(PAGE)
    printed = capsys.readouterr().out
    said = re.findall(r"^print.*  # (.*)$", PAGE.read_text(encoding="utf-8"), re.M)
    assert printed.splitlines() == said
    model = variables["model"]
    assert Model.from_toml(model.to_toml()) == model


def stax() -> Any:
    """The module, in float64."""
    tangents = pytest.importorskip(
        "neural_tangents", reason="neural_tangents is not installed; see the top of the file"
    )
    import jax  # type: ignore[import-not-found]

    jax.config.update("jax_enable_x64", True)
    return tangents.stax


@pytest.mark.tangents
@pytest.mark.filterwarnings("ignore:Inputs to this layer are assumed:UserWarning")  # of Hermite
@pytest.mark.filterwarnings("ignore:.FanIn. layers assume:UserWarning")
@every_row
def test_rows_are_those_of_neural_tangents(title: str, theirs: str, ours: str) -> None:
    names = vars(stax())
    first = 'Conv(1, (3, 3), padding="SAME", b_std=0.3), '
    rest = ", Flatten(), Dense(1)"
    if title == "Layers":
        first = ""
    elif title != "Activations":
        first, rest = 'Conv(1, (3, 3), padding="SAME"), Relu(), ', ""
    kernel_fn = eval(f"serial({first}{theirs}{rest})", dict(names))[2]
    X, Y = cases.images(3, SHAPE), cases.images(2, SHAPE, seed=1)
    kernels = kernel_fn(X, Y, ("nngp", "ntk"))
    assert cases.error(matrix(title, ours, False), kernels.nngp) <= TOLERANCE
    if "step" not in ours:  # it has no NTK
        assert cases.error(matrix(title, ours, True), kernels.ntk) <= TOLERANCE


@pytest.mark.tangents
def test_what_the_page_says_of_other_data() -> None:
    """Rows of numbers, sequences, and a network without a dense layer at its end."""
    words = stax()
    X = np.random.default_rng(0).normal(size=(4, 12, 5))
    relu = Layer((1, 3), kernel="relu", pooling="none", weight_std=1.4, bias_std=0.1)
    pixel = {**relu.to_dict(), "npatch": 1}
    scales = {"W_std": 1.4, "b_std": 0.1}
    rows, images = X.reshape(8, 30), X.reshape(8, 1, 1, 30)
    dense = [words.Dense(512, **scales), words.Relu()] * 2
    for parts, model, given, here, bare in (
        ([*dense, words.Dense(1, **scales)], [pixel] * 2, rows, images, False),
        ([words.Conv(9, (3,), padding="SAME", **scales), words.Relu(), words.Flatten(),
          words.Dense(1, **scales)], [relu], X, X.reshape(4, 1, 12, 5), False),
        ([words.Conv(9, (3,), padding="SAME", **scales), words.Relu(), words.GlobalAvgPool()],
         [relu], X, X.reshape(4, 1, 12, 5), True),
    ):  # fmt: skip
        kernels = words.serial(*parts)[2](given[:2], given[2:], ("nngp", "ntk"))
        ours = Model(
            model,
            convention="neural_tangents",
            readout="mean" if bare else "trace",
            dense=None if bare else Dense(1.4, 0.1),
        )
        ntk, nngp = ckn_rs.compute_both(here[:2], here[2:], model=ours)
        assert cases.error(nngp, kernels.nngp) <= TOLERANCE
        assert cases.error(ntk - nngp if bare else ntk, kernels.ntk) <= TOLERANCE


@pytest.mark.tangents
def test_the_page_s_network_is_that_of_neural_tangents() -> None:
    stax()
    ours: Any = readme.main(PAGE)
    theirs: Any = readme.main(PAGE, "python stax")
    kernels = theirs["kernel_fn"](ours["X"], None, ("nngp", "ntk"))
    off = ~np.eye(len(ours["X"]), dtype=bool)
    assert cases.error(ours["nngp"], kernels.nngp) <= TOLERANCE
    assert cases.error(ours["ntk"][off], np.asarray(kernels.ntk)[off]) <= TOLERANCE
