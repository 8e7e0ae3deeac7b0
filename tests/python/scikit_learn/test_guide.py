"""The guide to scikit-learn, followed on a few digits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import readme

datasets: Any = pytest.importorskip("sklearn.datasets")


@pytest.mark.filterwarnings("ignore:The optimal value found:sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:scipy.optimize:DeprecationWarning")  # of scikit-learn 1.5
def test_guide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    few = tuple(values[:240] for values in datasets.load_digits(return_X_y=True))
    monkeypatch.setattr(datasets, "load_digits", lambda **_: few)
    page = readme.ROOT / "docs" / "scikit-learn.md"
    variables: Any = readme.main(page)
    assert "fast" in variables, "the last examples have run"
    printed = capsys.readouterr().out.splitlines()
    # Each line of output stands in the guide, as a comment on the call that prints it.
    assert len(printed) == len(re.findall(r"^ *print.*\)  # ", page.read_text("utf-8"), re.M))
    scores = [float(word[:-1]) for line in printed for word in line.split() if word[-1] == "%"]
    assert len(scores) == 9
    assert min(scores) > 70
    sigmas = [variables["fitted"][f"k1__k2__layer{i}__sigma"] for i in (0, 1)]
    assert not np.isclose(sigmas, 0.6).any()
    assert (tmp_path / "pictures.png").stat().st_size > 10_000
    assert variables["deviation"].shape == variables["mean"].shape == (60,)
