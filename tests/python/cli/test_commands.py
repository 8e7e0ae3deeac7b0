"""The commands on stores, files and models, as a user runs them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import cases
import ckn_rs
from ckn_rs import preprocess, ridge
from ckn_rs.cli import main
from test_data import write_idx

pytest.importorskip("zarr", reason="stores need zarr 3, on Python 3.11 or later")
from ckn_rs.store import open_gram

X = cases.images(23, (8, 8, 1)).astype(np.float32)
Y = np.arange(23) % 3
MODEL = ckn_rs.Model.from_dicts(cases.EXP)
TOOL = [sys.executable, "-m", "ckn_rs"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files of a small job, in which commands run."""
    monkeypatch.chdir(tmp_path)
    np.save("X.npy", X)
    np.save("Z.npy", X[:7] + 1)
    np.save("y.npy", Y)
    MODEL.save("model.toml")
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    """Run a command and return its output, that of stderr if it fails."""
    try:
        ended = main(list(arguments))
    except SystemExit as error:
        ended = int(str(error.code))
    shown = capsys.readouterr()
    assert ended == code, shown
    assert "Traceback" not in shown.err
    assert bool(shown.err) == bool(code), shown
    return shown.err if code else shown.out


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", ["wide_average", "wide_patch_ntk", "wide_poolfactor"])
def test_a_store_has_the_originals_values(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Models whose last window, or last patch, is wider than its map."""
    case = cases.golden(cases.DATA / f"{name}.npz")
    np.save("X.npy", case.values["X"])
    np.save("others.npy", case.values["Y"])
    ckn_rs.Model(case.layers).save("wide.json")
    ntk = ["--ntk"] if case.ntk else []
    options = ["--model", "wide.json", "--tile", "2", *ntk]
    run(capsys, "gram", "X.npy", "others.npy", *options, "--out", "K.zarr")
    assert cases.error(np.asarray(open_gram("K.zarr")), case.values["Kxy"]) <= 1e-12
    h, w, c = case.values["X"].shape[1:]
    assert "pairs" in run(capsys, "model", "wide.json", "--shape", f"{h},{w},{c}", *ntk, "--n", "9")


@pytest.mark.usefixtures("folder")
def test_a_job_in_shares(capsys: pytest.CaptureFixture[str]) -> None:
    gram = ("gram", "X.npy", "--model", "model.toml", "--out", "K.zarr", "--tile", "5")
    out = run(capsys, *gram, "--shard", "1/2", "--threads", "1")
    assert out == "K.zarr: 23 x 23 float32, 7 of 15 tiles are left\n"
    shown = run(capsys, "status", "K.zarr")
    assert "CKN of 23 x 23 images 8x8x1, float32" in shown
    assert "8 of 15 tiles done, 7 left" in shown
    assert "pairs/s" in shown
    assert "exp" in shown
    message = run(capsys, "export", "K.zarr", "K.npy", code=1)
    assert "7 of 15 tiles missing" in message
    assert "run compute_gram, or ckn-rs gram" in message
    assert run(capsys, *gram) == "K.zarr: 23 x 23 float32, complete\n"
    assert "15 of 15 tiles done, 0 left" in run(capsys, "status", "K.zarr")
    assert run(capsys, "export", "K.zarr", "K.npy") == "K.npy: 23 x 23 float32\n"
    np.testing.assert_array_equal(np.load("K.npy"), ckn_rs.compute_kernel_matrix(X, model=MODEL))
    assert "the dtype" in run(capsys, *gram, "--dtype", "float64", code=1)


@pytest.mark.usefixtures("folder")
def test_ntk_of_two_sets(capsys: pytest.CaptureFixture[str]) -> None:
    run(
        capsys,
        *("gram", "X.npy", "Z.npy", "--model", "model.toml", "--out", "K.zarr"),
        *("--ntk", "--dtype", "float64"),
    )
    wanted = ckn_rs.compute_kernel_matrix(X, X[:7] + 1, model=MODEL, ntk=True, dtype="float64")
    np.testing.assert_array_equal(open_gram("K.zarr"), wanted)
    assert "NTK of 23 x 7 images" in run(capsys, "status", "K.zarr")


def test_verifies(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "gram", "X.npy", "--model", "model.toml", "--out", "K.zarr", "--tile", "8")
    out = run(capsys, "verify", "K.zarr")
    assert out == "6 of 6 tiles read, 0 damaged\n"
    out = run(capsys, "verify", "K.zarr", "X.npy", "--entries", "9")
    assert "9 entries computed again, 0 others than stored" in out
    assert "are not the images" in run(capsys, "verify", "K.zarr", "Z.npy", code=1)
    tile = folder / "K.zarr" / "kernel" / "c" / "1" / "2"
    tile.write_bytes(tile.read_bytes()[:-1])
    assert main(["verify", "K.zarr"]) == 1
    assert "tile (1, 2) is damaged" in capsys.readouterr().out
    run(capsys, "gram", "X.npy", "--model", "model.toml", "--out", "K.zarr", "--tile", "8")
    assert main(["verify", "K.zarr", "X.npy"]) == 0


@pytest.mark.usefixtures("folder")
def test_fits(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "gram", "X.npy", "--model", "model.toml", "--out", "K.zarr")
    run(capsys, "gram", "X.npy", "Z.npy", "--model", "model.toml", "--out", "T.zarr")
    np.save("z_labels.npy", Y[:7])
    out = run(
        capsys,
        *("fit", "K.zarr", "--labels", "y.npy", "--lambdas", "1e-6", "0.1"),
        *("--test", "T.zarr", "--test-labels", "z_labels.npy"),
    )
    fitted = ridge.fit(open_gram("K.zarr"), Y, [1e-6, 0.1])
    solver, _, head, *lines = out.splitlines()
    assert solver.startswith("solver: eigh (it fits, and leaves one out), about ")
    assert head.split()[4:] == ["train", "left", "out", "test"]
    shares = zip(
        fitted.accuracies(open_gram("K.zarr"), Y),
        np.mean(fitted.left_out == Y, axis=1),
        fitted.accuracies(open_gram("T.zarr"), Y[:7]),
        strict=True,
    )
    for line, wanted in zip(lines, shares, strict=True):
        cells = line.replace("%", "").split()
        np.testing.assert_allclose([float(c) for c in cells[2:]], 100 * np.array(wanted), atol=0.01)
    # Labels that do not fit, and matrices that are not of the same kernel.
    np.save("many.npy", np.arange(30) % 3)
    message = run(capsys, "fit", "K.zarr", "--labels", "many.npy", code=1)
    assert "30 labels for 23 images; --first takes the first of them" in message
    run(capsys, "fit", "K.zarr", "--labels", "many.npy", "--first")
    assert "7 labels for 23" in run(capsys, "fit", "K.zarr", "--labels", "z_labels.npy", code=1)
    assert "of two sets" in run(capsys, "fit", "T.zarr", "--labels", "y.npy", code=1)
    run(capsys, "gram", "Z.npy", "X.npy", "--model", "exp_sigma_06_pool_5_nosub", "--out", "o.zarr")
    test = ("--test", "o.zarr", "--test-labels", "y.npy")
    message = run(capsys, "fit", "K.zarr", "--labels", "y.npy", *test, code=1)
    assert "the model, the training images differ" in message
    message = run(capsys, "fit", "K.zarr", "--labels", "y.npy", "--test", "T.zarr", code=2)
    assert "--test and --test-labels go together" in message


def test_whitens(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pixels = (40 * np.abs(X[..., 0])).astype(np.uint8)
    write_idx(folder / "images-idx3-ubyte", pixels)
    out = run(capsys, "whiten", "images-idx3-ubyte", "W.npy", "--first", "5", "--npatch", "2")
    assert out == "W.npy: 5 images 8x8x1, float32\n"
    scaled = pixels[:5, ..., None] / 255
    wanted = preprocess.whiten(scaled, 2).astype(np.float32)
    np.testing.assert_array_equal(np.load("W.npy"), wanted)
    message = run(capsys, "whiten", "X.npy", "V.npy", "--npatch", "9", code=1)
    assert "npatch must be at most 8" in message
    assert not list(folder.glob("*V.npy*"))


def test_models(capsys: pytest.CaptureFixture[str]) -> None:
    assert "exp_strided" in run(capsys, "model", "--list")
    out = run(capsys, "model", "relu_pool_5", "--shape", "28,28,1", "--ntk", "--n", "1000")
    for fragment in ("NTK of images 28x28x1", "multiply-adds", "MB a thread", "500,500 pairs"):
        assert fragment in out
    assert "--list" in run(capsys, "model", code=2)
    assert "did you mean relu_pool" in run(capsys, "model", "relu_poll", code=1)
    assert "no.toml" in run(capsys, "model", "no.toml", code=1)
    message = run(capsys, "model", "exp_pool", "--shape", "8,8,1", code=1)
    assert "layer 1" in message


@pytest.mark.usefixtures("folder")
def test_mistakes(capsys: pytest.CaptureFixture[str]) -> None:
    gram = ("gram", "X.npy", "--model", "model.toml", "--out", "K.zarr")
    for arguments, message in [
        (("gram", "X.npy"), "--model, --out"),
        ((*gram, "--shard", "3/2"), "K/N"),
        ((*gram, "--tile", "0"), "at least 1"),
        ((*gram, "--dtype", "int8"), "float64"),
    ]:
        assert message in run(capsys, *arguments, code=2)
    assert "no.npy does not exist" in run(capsys, "gram", "no.npy", *gram[2:], code=1)
    for command in ("status", "verify"):
        assert "no kernel matrix here" in run(capsys, command, "X.zarr", code=1)
    Path("photos").mkdir()
    Path("photos/one.txt").write_text("not a store")
    message = run(capsys, *gram[:-1], "photos", code=1)
    assert "photos: there is something else here" in message
    assert "no folder" in run(capsys, "whiten", "X.npy", "no/W.npy", code=1)
    Path("bad.toml").write_text("[[layers]]\nnpatch = 3\nsubsamplign = 2\n")
    message = run(capsys, *gram[:3], "bad.toml", *gram[4:], code=1)
    assert "bad.toml" in message
    assert "subsampling" in message
    assert not Path("K.zarr").exists()


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("missing", "arguments", "extra"),
    [
        ("zarr", ("gram", "X.npy", "--model", "model.toml", "--out", "K.zarr"), "store"),
        ("zarr", ("status", "K.zarr"), "store"),
        (
            "distributed",
            ("gram", "X.npy", "--model", "exp_pool", "--out", "K", "--dask", "tcp://x:1"),
            "dask",
        ),
        ("fsspec", ("status", "memory://K.zarr"), "store"),
    ],
)
def test_missing_extras(
    missing: str,
    arguments: tuple[str, ...],
    extra: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    assert f"pip install ckn-rs[{extra}]" in run(capsys, *arguments, code=1)


def test_an_old_zarr(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("zarr.__version__", "2.18.3")
    assert "Zarr 3, this is 2.18.3" in run(capsys, "status", "K.zarr", code=1)
    monkeypatch.setattr(sys, "version_info", (3, 10, 4))
    assert "Python 3.11 or later" in run(capsys, "status", "K.zarr", code=1)


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals there")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_stopped_and_resumed(folder: Path, number: signal.Signals, code: int) -> None:
    images = cases.images(1000, (8, 8, 1)).astype(np.float32)
    np.save(folder / "many.npy", images)
    command = [*TOOL, "gram", "many.npy", "--model", "model.toml", "--out", "K.zarr"]
    process = subprocess.Popen([*command, "--tile", "100"], stderr=subprocess.PIPE, text=True)
    while not any((folder / "K.zarr").glob("kernel/c/*/*")):
        time.sleep(0.01)
    process.send_signal(number)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == code, errors
    assert "Traceback" not in errors
    assert errors.startswith("ckn-rs: ")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "complete" in done.stdout
    assert not done.stderr  # no bar without a terminal
    rows = open_gram(folder / "K.zarr")[:50]
    np.testing.assert_array_equal(
        rows[:, 500:], ckn_rs.compute_kernel_matrix(images[:50], images[500:], model=MODEL)
    )


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals")
def test_a_bar_on_a_terminal(folder: Path) -> None:
    import pty
    import termios

    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    command = [*TOOL, "gram", "X.npy", "--model", "model.toml", "--out", str(folder / "K.zarr")]
    done = subprocess.run(command, stderr=theirs, stdout=subprocess.PIPE, check=False)
    os.close(theirs)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert done.returncode == 0
    assert "276" in shown
    assert "pairs" in shown
