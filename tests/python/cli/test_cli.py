"""The command line."""

import errno
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import ckn_rs
from ckn_rs._support.termination import Terminated
from ckn_rs.cli import _output, main


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


needs_the_extra = pytest.mark.skipif(
    not all(find_spec(name) for name in ("matplotlib", "sklearn")), reason="not installed"
)


@needs_the_extra
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


@needs_the_extra
def test_demo_that_cannot_save() -> None:
    done = run("demo", "--images", "100", "--out", "no/such/folder/demo.png")
    assert done.returncode == 1
    assert "no/such/folder" in done.stderr
    assert "Traceback" not in done.stderr


@needs_the_extra
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
    assert capsys.readouterr().err == "ckn-rs: interrupted\n"


@pytest.mark.parametrize(
    ("ending", "code"), [(KeyboardInterrupt("says why"), 130), (Terminated("ended"), 143)]
)
def test_the_exit_code_is_of_the_exceptions_type(
    ending: KeyboardInterrupt, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(_: object) -> int:
        raise ending

    monkeypatch.setattr("ckn_rs.cli.demo.run", ended)
    assert main(["demo"]) == code


@pytest.mark.parametrize(
    ("arguments", "unbuffered"),
    [
        (["model", "--list"], ""),
        (["model", "--list"], "1"),
        (["model", "exp_strided", "--n", "10"], ""),
        (["model", "exp_strided", "--n", "10"], "1"),
        (["--help"], ""),
    ],
)
def test_a_reader_that_closes_the_pipe_ends_it_silently(
    arguments: list[str], unbuffered: str
) -> None:
    """The reader is like ``head``. It closes the pipe long before anything can be printed."""
    with subprocess.Popen(
        [sys.executable, "-m", "ckn_rs", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(120) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_output_that_cannot_be_written_is_an_error() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "ckn_rs", "--version"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONUNBUFFERED": ""},
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == f"ckn-rs: [Errno {errno.ENOSPC}] {os.strerror(errno.ENOSPC)}\n"


def test_broken_pipes_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows has another error for them, which files with bad names give, too."""
    invalid = OSError(errno.EINVAL, "Invalid argument")
    monkeypatch.setattr(sys, "platform", "linux")
    assert not _output.reader_is_gone(invalid)
    monkeypatch.setattr(sys, "platform", "win32")
    assert _output.reader_is_gone(invalid)
    assert _output.reader_is_gone(BrokenPipeError(errno.EPIPE, "Broken pipe"))
    assert not _output.reader_is_gone(OSError(errno.EINVAL, "Invalid argument", "?.npy"))
    assert not _output.reader_is_gone(ValueError("no model"))
