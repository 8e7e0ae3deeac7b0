"""The guides of docs/, followed on a few small images."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import readme
from ckn_rs.cli import main
from test_data import write_cifar, write_idx

pytest.importorskip("zarr", reason="stores need zarr 3, on Python 3.11 or later")
from ckn_rs.store import open_gram

DOCS = readme.ROOT / "docs"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_stores(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the third example this process takes the place of a cluster."""
    distributed: Any = pytest.importorskip("distributed")
    with monkeypatch.context() as patch:
        patch.setattr(distributed, "Client", lambda _: None)
        readme.main(DOCS / "stores.md")
    assert len(readme.examples(DOCS / "stores.md")) == 3
    np.testing.assert_array_equal(np.load("train_matrix.npy"), open_gram("train.zarr"))


def test_cifar10(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_cifar(folder / "cifar-10-batches-py")
    blocks = readme.examples(DOCS / "cifar10.md", "sh")
    commands = [line.split() for block in blocks for line in block.splitlines()]
    assert len(commands) == 8
    for program, *arguments in commands:
        assert program == "ckn-rs"
        assert main(arguments) == 0, arguments
    table = capsys.readouterr().out.splitlines()[-10:]
    assert table[0].split()[-1] == "test"
    # The example in Python has the same images, so that it finds the stores complete.
    fitted: Any = readme.main(DOCS / "cifar10.md")["fitted"]
    assert fitted.labels.tolist() == list(range(10))


def test_large_sets(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    for part, n in (("train", 60), ("t10k", 20)):
        labels = (np.arange(n) % 3).astype(np.uint8)
        pixels = rng.integers(0, 60, (n, 28, 28)) + 60 * labels[:, None, None]
        write_idx(folder / f"{part}-images-idx3-ubyte.gz", pixels.astype(np.uint8))
        write_idx(folder / f"{part}-labels-idx1-ubyte.gz", labels)
    blocks = readme.examples(DOCS / "large_sets.md", "sh")
    commands = [line for block in blocks for line in block.splitlines() if "DATA=" not in line]
    assert len(commands) == 6
    for command in commands:
        program, *arguments = command.replace("$DATA", ".").replace("4000", "60").split()
        assert program == "ckn-rs"
        assert main(arguments) == 0, arguments
    assert capsys.readouterr().out.splitlines()[-1].startswith("accuracy: ")
    assert np.load("labels.npy").shape == (20,)


def test_sequences_and_dense(capsys: pytest.CaptureFixture[str]) -> None:
    variables = readme.main(DOCS / "sequences_and_dense.md")
    assert "1x60" in capsys.readouterr().out
    for name in ("K", "K_ntk", "K_ckn"):
        matrix: Any = variables[name]
        assert matrix.shape == (5, 5)
        assert np.linalg.eigvalsh(matrix).min() > 0


@pytest.mark.skipif(sys.platform == "win32", reason="a shell's script")
def test_slurm_array(folder: Path) -> None:
    np.save("train.npy", np.random.default_rng(0).random((5, 28, 28, 1), np.float32))
    tools = folder / "tools"
    tools.mkdir()
    for name, text in {
        "srun": 'exec "$@"',
        "ckn-rs": f'exec {sys.executable} -m ckn_rs "$@" --tile 2',
    }.items():
        (tools / name).write_text(f"#!/bin/sh\n{text}\n")
        (tools / name).chmod(0o755)
    slurm = {"SLURM_CPUS_PER_TASK": "1", "SLURM_ARRAY_TASK_COUNT": "3"}
    for task in "312":
        environment = (
            os.environ
            | slurm
            | {
                "PATH": f"{tools}:{os.environ['PATH']}",
                "SLURM_ARRAY_TASK_ID": task,
            }
        )
        done = subprocess.run(
            ["bash", str(DOCS / "gram.slurm")],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert ("complete" in done.stdout) == (task == "2")
    assert not open_gram("train.zarr").missing
