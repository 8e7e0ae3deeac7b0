"""The examples of the pages that need no store run, and do what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import readme

DOCS = readme.ROOT / "docs"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def matrices(variables: dict[str, object], *names: str) -> list[np.ndarray]:
    """Variables of a page that are matrices of its five images."""
    found = [variables[name] for name in names]
    assert all(isinstance(K, np.ndarray) and K.shape == (5, 5) for K in found)
    return found  # type: ignore[return-value]


def test_drop_in() -> None:
    variables = readme.main(DOCS / "drop_in.md")
    K, K_ntk, K_rf = matrices(variables, "K", "K_ntk", "K_rf")
    np.testing.assert_array_equal(variables["K_block"], K[:3, 3:])
    assert (K_ntk > K_rf).all()
    assert not np.allclose(K, K_ntk)


def test_models(capsys: pytest.CaptureFixture[str]) -> None:
    page = DOCS / "models.md"
    variables = readme.main(page)
    matrices(variables, "K", "K_ntk", "K_ckn", "K_seq", "K_seq_ckn", "K_residual")
    *_, shape = capsys.readouterr().out.splitlines()
    assert f"print(dK.shape)  # {shape}: " in page.read_text("utf-8")


def test_start(capsys: pytest.CaptureFixture[str]) -> None:
    page = DOCS / "start.md"
    matrices(readme.main(page), "K")
    *_, shape = capsys.readouterr().out.splitlines()
    assert f"print(K.shape)  # {shape}\n" in page.read_text("utf-8")


def test_start_with_scikit_learn(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sklearn")
    page = DOCS / "start.md"
    readme.main(page, "python sklearn")
    accuracy, scores = capsys.readouterr().out.splitlines()
    text = page.read_text("utf-8")
    assert f'[best]:.1%}}")  # {accuracy}\n' in text
    assert f'print(f"{{scores.mean():.3f}}")  # {scores}\n' in text


def test_index(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sklearn")
    page = DOCS / "index.md"
    assert readme.examples(page, "python sklearn") == readme.examples(language="python sklearn"), (
        "the first page and README begin with the same lines"
    )
    readme.main(page, "python sklearn")
    (line,) = capsys.readouterr().out.splitlines()
    assert f"print(scores.mean())  # {float(line):.3f}\n" in page.read_text("utf-8")
