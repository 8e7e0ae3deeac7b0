"""README's examples run and do what they say."""

from pathlib import Path

import numpy as np
import pytest

import readme


def test_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    variables = readme.main()
    assert len(readme.examples()) >= 3
    K, K_ntk = variables["K"], variables["K_ntk"]
    assert isinstance(K, np.ndarray)
    assert isinstance(K_ntk, np.ndarray)
    assert K.shape == K_ntk.shape == (5, 5)
    assert not np.allclose(K, K_ntk)


def test_scikit_learn(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sklearn")
    variables = readme.main(language="python sklearn")
    assert "scores" in variables
    (line,) = capsys.readouterr().out.splitlines()
    assert f"print(scores.mean())  # {float(line):.3f}\n" in readme.README.read_text("utf-8")
