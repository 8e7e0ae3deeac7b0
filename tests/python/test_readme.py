"""README's examples run and do what they say."""

from pathlib import Path

import numpy as np
import pytest

import readme


def test_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    variables = readme.main()
    K, K_ntk, K_ckn = (variables[name] for name in ("K", "K_ntk", "K_ckn"))
    assert isinstance(K, np.ndarray)
    assert isinstance(K_ntk, np.ndarray)
    assert isinstance(K_ckn, np.ndarray)
    assert K.shape == K_ntk.shape == K_ckn.shape == (5, 5)
    assert (K_ntk > K_ckn).all()
    assert not np.allclose(K, K_ckn)


def test_scikit_learn(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sklearn")
    variables = readme.main(language="python sklearn")
    assert "scores" in variables
    (line,) = capsys.readouterr().out.splitlines()
    assert f"print(scores.mean())  # {float(line):.3f}\n" in readme.README.read_text("utf-8")
