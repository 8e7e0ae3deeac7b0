"""The solvers of ``ckn-rs fit``, images held out, and stores that are not complete."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cases
from ckn_rs import models, ridge
from ckn_rs.cli import main

pytest.importorskip("zarr", reason="stores need zarr 3, on Python 3.11 or later")
from ckn_rs import store

X = cases.images(60, (8, 8, 1)).astype(np.float32)
Y = np.arange(60) % 3
FIT = ("fit", "K.zarr", "--labels", "y.npy", "--lambdas", "1e-3", "0.1")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a small job, in which commands run."""
    monkeypatch.chdir(tmp_path)
    store.compute_gram("K.zarr", X, model=cases.RELU, tile=20)
    np.save("X.npy", X)
    np.save("y.npy", Y)
    return tmp_path


def cells(text: str) -> list[list[str]]:
    """The rows of the table, with cells that stand two spaces apart."""
    table = text.split("\n\n")[1].splitlines()
    return [[cell.strip() for cell in line.split("  ") if cell] for line in table]


@pytest.mark.parametrize("solver", ["cholesky", "cg"])
def test_held_out(solver: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if solver == "cholesky":
        pytest.importorskip("scipy")
    options = ("--solver", solver, "--holdout", "0.2", "--seed", "7", "--json", "fit.json")
    assert main([*FIT, *options]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert shown.out.startswith(f"solver: {solver} (as asked), about ")
    head, *rows = cells(shown.out)
    assert head == ["lambda", "added to diagonal", "train", "held out", "residual"]
    fitted = ridge.fit(store.open_gram("K.zarr"), Y, [1e-3, 0.1], holdout=0.2, seed=7)
    shares = np.mean(fitted.held_out == Y[fitted.held], axis=1)
    assert [row[3] for row in rows] == [f"{100 * share:.2f} %" for share in shares]
    assert all(float(row[4]) <= 1e-6 for row in rows)
    report: dict[str, Any] = json.loads((folder / "fit.json").read_text("utf-8"))
    assert (report["solver"], report["holdout"]) == (solver, 0.2)
    assert [each["held_out"] for each in report["path"]] == shares.tolist()
    assert [each["left_out"] for each in report["path"]] == [None, None]
    assert not list(folder.glob("*.fit*"))


@pytest.mark.parametrize(
    ("options", "begin"),
    [
        ((), "eigh (it fits, and leaves one out), about 150 kB of "),
        (("--leave-one-out",), "eigh (it leaves one out), about "),
        (("--memory", "100kB"), "cholesky (it fits), about 61.8 kB of 100 kB"),
    ],
)
def test_auto(options: tuple[str, ...], begin: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("scipy")
    assert main([*FIT, *options]) == 0
    assert capsys.readouterr().out.startswith(f"solver: {begin}")


def test_factors_in_float32(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("scipy")
    assert main([*FIT, "--solver", "cholesky", "--precision", "float32"]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("solver: cholesky in float32 (as asked), about ")
    assert all(float(row[3]) <= 1e-6 for row in cells(shown.out)[1:])
    assert main([*FIT, "--solver", "cg", "--precision", "float32"]) == 1
    assert "precision goes with the solver cholesky" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "the solver cg leaves no image out, so that --save needs --lambda L"),
        (("--lambda", "1e-8"), "--lambda must be one of the fit's regularisations"),
    ],
)
def test_what_cannot_be_saved(
    options: tuple[str, ...],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is refused before a tile is read; cg leaves the least regularisation out by default."""

    def read(_: object, __: object) -> None:
        raise AssertionError("a tile is read")

    command = [*FIT[:4], "--solver", "cg", "--save", "f.npz", *options]
    with monkeypatch.context() as patch:
        patch.setattr(store.Gram, "_tile", read)
        assert main(command) == 1
        shown = capsys.readouterr()
        assert (shown.out, message in shown.err) == ("", True)
    assert main([*FIT[:4], "--solver", "cg", "--save", "f.npz", "--holdout", "0.2"]) == 0


def test_nothing_but_train(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*FIT, "--solver", "cg", "--rank", "10"]) == 0
    out = capsys.readouterr().out
    assert cells(out)[0] == ["lambda", "added to diagonal", "train", "residual"]


@pytest.mark.filterwarnings("default")
def test_what_does_not_converge(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*FIT, "--solver", "cg", "--rank", "10", "--passes", "2"]) == 0
    shown = capsys.readouterr()
    assert shown.err.startswith("ckn-rs: warning: not converged to a relative residual of 1e-06")
    assert "not converged" in cells(shown.out)[1][-1]


def test_an_interruption_keeps_the_checkpoint(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    read, left = store.Gram._tile, [30]

    def interrupted(self: store.Gram, tile: Any) -> Any:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        return read(self, tile)

    command = [*FIT, "--solver", "cg", "--rank", "10", "--tolerance", "1e-8"]
    with monkeypatch.context() as patch:
        patch.setattr(store.Gram, "_tile", interrupted)
        assert main(command) == 130
    assert [file.name[:11] for file in folder.glob("K.zarr.fit.*")] == ["K.zarr.fit."]
    assert main(command) == 0
    assert "not converged" not in capsys.readouterr().out
    assert not list(folder.glob("K.zarr.fit*"))


@pytest.mark.parametrize("model", ["exp_strided", "other"])
def test_a_store_that_is_not_complete(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The message has the command that completes it."""
    if model == "exp_strided":
        wide = cases.images(60, (28, 28, 1)).astype(np.float32)
        np.save("X.npy", wide)
        store.compute_gram("K2.zarr", wide, model=models.named(model), tile=20)
        os.rename("K.zarr", "old.zarr")
        os.rename("K2.zarr", "K.zarr")
    for place in ("0/1", "2/2"):
        Path("K.zarr/kernel/c", place).unlink()
    assert main(list(FIT)) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    before, command = shown.err.split("run compute_gram, or ")
    assert before == ("ckn-rs: K.zarr: 2 of 6 tiles missing; to complete it with the same images ")
    known = "exp_strided" if model == "exp_strided" else "MODEL.toml"
    assert command == f"ckn-rs gram IMAGES --model {known} --dtype float32 --out K.zarr\n"
    if model == "exp_strided":
        assert main(shlex.split(command.replace("IMAGES", "X.npy"))[1:]) == 0
        assert main(list(FIT)) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--memory", "lots"), "it must be a number of bytes or text such as '4GB', got 'lots'"),
        (("--solver", "lu"), "invalid choice: 'lu'"),
        (("--rank", "0"), "must be a whole number of at least 1"),
    ],
)
def test_mistakes_in_arguments(
    options: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([*FIT, *options])
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--holdout", "1"), "holdout must be a share"),
        (("--solver", "cg", "--leave-one-out"), "the solver cg does not leave one out"),
        (("--solver", "eigh", "--memory", "9kB"), "the solver eigh takes about"),
        (("--tolerance", "2"), "tolerance must be a number above 0 and below 1, got 2.0"),
        (("--solver", "cg", "--checkpoint", "no/fit"), "there is no folder no for fit"),
    ],
)
def test_mistakes(
    options: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*FIT, *options]) == 1
    assert message in capsys.readouterr().err
