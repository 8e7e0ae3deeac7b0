"""The command line."""

import subprocess
import sys
from pathlib import Path

import pytest

import ckn_rs
from ckn_rs.cli import main


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ckn_rs", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_version_and_help() -> None:
    done = run("--version")
    assert done.returncode == 0
    assert done.stdout == f"ckn-rs {ckn_rs.__version__} ({ckn_rs.simd_level()})\n"
    done = run("--help")
    assert done.returncode == 0
    assert "demo" in done.stdout


def test_mistakes() -> None:
    done = run()
    assert done.returncode == 2
    assert "COMMAND" in done.stderr
    assert run("dmeo").returncode == 2


def test_demo_on_some_digits(tmp_path: Path) -> None:
    picture = tmp_path / "demo.png"
    done = run("demo", "--images", "200", "--out", str(picture))
    assert done.returncode == 0, done.stderr
    assert "150 to train on, 50 to test on" in done.stdout
    lines = done.stdout.splitlines()
    table = [line for line in lines if line.startswith(("CKN, exp", "NTK, ReLU", "RBF"))]
    assert len(table) == 3
    for line in table:
        svm, ridge = (float(cell.rstrip("%")) for cell in line.split()[-2:])
        assert svm > 80
        assert ridge > 80
    assert str(picture) in lines[-1]
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_demo_that_cannot_save() -> None:
    done = run("demo", "--images", "100", "--out", "no/such/folder/demo.png")
    assert done.returncode == 1
    assert "no/such/folder" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("missing", ["sklearn", "matplotlib"])
def test_demo_without_its_extra(
    missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    assert main(["demo"]) == 1
    message = capsys.readouterr().err
    assert missing in message
    assert "pip install ckn-rs[demo]" in message


def test_ctrl_c(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("ckn_rs.cli.demo.run", interrupted)
    assert main(["demo"]) == 130
    assert "interrupted" in capsys.readouterr().err
