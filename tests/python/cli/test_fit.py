"""The files that ``ckn-rs fit`` leaves: figures and a picture."""

from __future__ import annotations

import csv
import json
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cases
import ckn_rs
from ckn_rs import ridge
from ckn_rs.cli import _files, main

pytest.importorskip("zarr", reason="stores need zarr 3, on Python 3.11 or later")
from ckn_rs import store

X = cases.images(20, (8, 8, 1)).astype(np.float32)
Y = np.arange(20) % 3
LAMBDAS = [1e-6, 0.1]
FIT = ("fit", "K.zarr", "--labels", "y.npy", "--lambdas", "1e-6", "0.1")
TEST = ("--test", "T.zarr", "--test-labels", "z.npy")


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the stores and labels of a small job."""
    folder = tmp_path_factory.mktemp("job")
    store.compute_gram(folder / "K.zarr", X, model=cases.RELU, ntk=True)
    store.compute_gram(folder / "T.zarr", X, X[:5] + 0.5, model=cases.RELU, ntk=True)
    np.save(folder / "y.npy", Y)
    np.save(folder / "z.npy", Y[:5])
    return folder


@pytest.fixture(autouse=True)
def folder(job: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, in which commands run."""
    shutil.copytree(job, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def figures(test: bool) -> list[dict[str, Any]]:
    """What the files say of each regularisation."""
    K = np.asarray(store.open_gram("K.zarr"), np.float64)
    fitted = ridge.fit(K, Y, LAMBDAS)
    columns = {
        "lambda": LAMBDAS,
        "added": fitted.added.tolist(),
        "train": fitted.accuracies(K, Y).tolist(),
        "left_out": np.mean(fitted.left_out == Y, axis=1).tolist(),
        "held_out": [None, None],
        "test": [None, None],
        "residual": fitted.residuals.tolist(),
    }
    if test:
        columns["test"] = fitted.accuracies(store.open_gram("T.zarr"), Y[:5]).tolist()
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    Path("fit.json").write_text("an old one")
    assert main([*FIT, *TEST, "--json", "fit.json"]) == 0
    assert capsys.readouterr().out.startswith("solver: eigh")  # the table is printed all the same
    report = json.loads(Path("fit.json").read_text("utf-8"))
    assert report.pop("path") == figures(test=True)
    model = report.pop("model")
    assert report == {
        "version": ckn_rs.__version__,
        "store": "K.zarr",
        "test_store": "T.zarr",
        "n": 20,
        "n_test": 5,
        "shape": [8, 8, 1],
        "ntk": True,
        "augment": None,
        "dtype": "float32",
        "solver": "eigh",
        "precision": None,
        "holdout": 0.0,
    }
    assert ckn_rs.Model(**model)[0].kernel == "relu"
    assert main([*FIT, "--json", "fit.json"]) == 0
    report = json.loads(Path("fit.json").read_text("utf-8"))
    assert report["path"] == figures(test=False)
    assert (report["test_store"], report["n_test"]) == (None, None)
    assert not list(Path().glob(".*"))  # no unfinished file


@pytest.mark.parametrize("test", [False, True])
def test_csv(test: bool) -> None:
    assert main([*FIT, *(TEST if test else ()), "--csv", "fit.csv"]) == 0
    with Path("fit.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = [{key: float(cell) if cell else None for key, cell in row.items()} for row in rows]
    wanted = figures(test)
    assert list(rows[0]) == list(wanted[0])
    assert found == wanted
    assert b"\r" not in Path("fit.csv").read_bytes()


@pytest.mark.parametrize(
    ("name", "magic"), [("fit.png", b"\x89PNG"), ("fit.SVG", b"<?xml"), ("fit.pdf", b"%PDF")]
)
def test_picture(name: str, magic: bytes) -> None:
    assert main([*FIT, *TEST, "--plot", name]) == 0
    assert Path(name).read_bytes().startswith(magic)


def test_picture_has_the_accuracies(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def keep(_path: Path, figure: Any) -> None:
        seen.append(figure)

    monkeypatch.setattr("ckn_rs.cli._files.write_picture", keep)
    assert main([*FIT, *TEST, "--plot", "fit.png"]) == 0
    lines = {line.get_label(): line for line in seen[0].axes[0].get_lines()}
    for name, key in {"train": "train", "left out": "left_out", "test": "test"}.items():
        wanted = [each[key] for each in figures(test=True)]
        np.testing.assert_array_equal(lines[name].get_ydata(), wanted)
        np.testing.assert_array_equal(lines[name].get_xdata(), LAMBDAS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--plot", "fit.jpg"), "--plot: the file name must end in .png, .svg or .pdf, got"),
        (("--plot", "fit"), "--plot: the file name must end in"),
        (("--plot", "no/fit.png"), "--plot: there is no folder no for fit.png"),
        (("--json", "no/fit.json"), "--json: there is no folder no"),
        (("--csv", "K.zarr"), "--csv: K.zarr is a folder"),
    ],
)
def test_files_that_cannot_be_written(
    options: tuple[str, ...],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def too_late(*_: object) -> None:
        raise AssertionError("the matrix is decomposed before the mistake is found")

    monkeypatch.setattr(ridge, "fit", too_late)
    assert main([*FIT, *options]) == 1
    assert message in capsys.readouterr().err


def test_a_picture_without_matplotlib(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main([*FIT, "--plot", "fit.png"]) == 1
    shown = capsys.readouterr()
    assert shown.err == "ckn-rs: --plot needs matplotlib: pip install ckn-rs[plot]\n"
    assert shown.out == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_leaves_the_old_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "fit.json").write_text("an old one")
    (folder / ".fit.json.partial").symlink_to("/dev/full")
    assert main([*FIT, "--json", "fit.json"]) == 1
    assert "cannot write fit.json: the disk is full" in capsys.readouterr().err
    assert (folder / "fit.json").read_text() == "an old one"


@pytest.mark.skipif(sys.platform == "win32", reason="links and named pipes")
def test_links_and_pipes_stay(tmp_path: Path) -> None:
    target, link, pipe = (tmp_path / name for name in ("target.json", "link.json", "pipe.json"))
    link.symlink_to(target)
    _files.write_json(link, {"n": 1})
    assert link.is_symlink()
    assert json.loads(target.read_text()) == {"n": 1}
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(pipe.read_text)
        _files.write_json(pipe, {"n": 2})
        assert json.loads(read.result()) == {"n": 2}
    assert pipe.is_fifo()
