"""Pictures without Matplotlib, and the figures that they make."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from matplotlib import pyplot as plt

import cases
from ckn_rs import plot
from ckn_rs.plot._axes import COLOURS, colours

X = cases.images(5, (8, 8, 1))
PICTURES: dict[str, Callable[[], object]] = {
    "gram": lambda: plot.gram(np.eye(5)),
    "patch_kernel": lambda: plot.patch_kernel("exp"),
    "receptive_fields": lambda: plot.receptive_fields(cases.EXP, (8, 8, 1)),
    "path": lambda: plot.path({"test": [0.5, 0.6]}, lambdas=[1, 2]),
    "neighbours": lambda: plot.neighbours(np.eye(5), X, 0, count=2),
}


@pytest.mark.parametrize("name", PICTURES)
def test_without_axes_there_is_a_new_figure(name: str) -> None:
    before = plt.get_fignums()
    ax = PICTURES[name]()
    (number,) = set(plt.get_fignums()) - set(before)
    assert ax in plt.figure(number).axes
    plt.figure(number).canvas.draw()  # no warning, such as of a layout that does not fit


@pytest.mark.parametrize("name", PICTURES)
def test_without_matplotlib(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in list(sys.modules):
        if module.partition(".")[0] == "matplotlib":
            monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r"needs matplotlib: pip install ckn-rs\[plot\]"):
        PICTURES[name]()


def test_matplotlib_is_imported_by_pictures_only() -> None:
    program = "import sys, ckn_rs.plot, ckn_rs.cli; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b"False"


def test_colours_differ() -> None:
    assert colours(3) == list(COLOURS[:3])
    for count in (len(COLOURS), len(COLOURS) + 1, 40):
        assert len(set(colours(count))) == count
