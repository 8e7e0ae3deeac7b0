"""``ckn-rs fit --save`` and ``ckn-rs predict``, as a user runs them."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cases
import ckn_rs
from ckn_rs import ridge
from ckn_rs.cli import main
from test_data import write_idx

pytest.importorskip("zarr", reason="stores need zarr 3, on Python 3.11 or later")
import zarr

from ckn_rs import store

X = cases.images(20, (8, 8, 1)).astype(np.float32)
Z = cases.images(7, (8, 8, 1), seed=1).astype(np.float32)
Y = np.arange(20) % 3
LAMBDAS = [1e-6, 0.1, 0.2]
FIT = ("fit", "K.zarr", "--labels", "y.npy", "--lambdas", "1e-6", "0.1", "0.2")
SAVE = (*FIT, "--save", "fit.npz", "--train", "X.npy")
PREDICT = ("predict", "fit.npz", "Z.npy", "--out", "labels.npy")


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the stores, images and labels of a small job, and a fit."""
    folder = tmp_path_factory.mktemp("job")
    store.compute_gram(folder / "K.zarr", X, model=cases.RELU, ntk=True, tile=7)
    store.compute_gram(folder / "T.zarr", X, Z, model=cases.RELU, ntk=True, tile=4)
    np.save(folder / "X.npy", X)
    np.save(folder / "Z.npy", Z)
    np.save(folder / "y.npy", Y)
    np.save(folder / "z_labels.npy", Y[:7])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main([*SAVE]) == 0
    return folder


@pytest.fixture(autouse=True)
def folder(job: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, in which commands run."""
    shutil.copytree(job, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    """Run a command and return its output, that of stderr if it fails."""
    try:
        ended = main(list(arguments))
    except SystemExit as error:
        ended = int(str(error.code))
    shown = capsys.readouterr()
    assert ended == code, shown
    assert bool(shown.err) == bool(code), shown
    return shown.err if code else shown.out


def wanted() -> tuple[ridge.Ridge, np.ndarray[Any, Any]]:
    """The fits, and the labels that they give by the matrix of the test images."""
    fitted = ridge.fit(store.open_gram("K.zarr"), Y, LAMBDAS)
    return fitted, fitted.predict(store.open_gram("T.zarr"))


def test_labels_are_those_of_the_matrix(capsys: pytest.CaptureFixture[str]) -> None:
    fitted, guesses = wanted()
    shares = fitted.validation(Y)
    assert shares is not None
    index = max(np.flatnonzero(shares == shares.max()))
    assert run(capsys, *SAVE).splitlines()[-1] == (
        f"fit.npz: lambda {LAMBDAS[index]:g}; ckn-rs predict fit.npz IMAGES --out LABELS.npy"
    )
    out = run(capsys, *PREDICT, "--labels", "z_labels.npy", "--scores", "s.npy", "--threads", "2")
    assert out == (
        f"labels.npy: labels of 7 images 8x8x1, by lambda {LAMBDAS[index]:g}\n"
        f"accuracy: {100 * (guesses[index] == Y[:7]).mean():.2f} %\n"
    )
    labels = np.load("labels.npy")
    assert labels.dtype == np.int64
    np.testing.assert_array_equal(labels, guesses[index])
    test = np.asarray(store.open_gram("T.zarr"), np.float64)
    scores = np.load("s.npy")
    np.testing.assert_allclose(scores, test.T @ fitted.coefficients[index], rtol=1e-9, atol=1e-12)
    assert not list(Path().glob(".*"))  # no unfinished file


@pytest.mark.parametrize("index", range(3))
def test_the_regularisation_can_be_chosen(index: int, capsys: pytest.CaptureFixture[str]) -> None:
    fitted, guesses = wanted()
    out = run(capsys, *FIT, "--save", "fit.npz", "--lambda", str(LAMBDAS[index]))
    assert out.endswith("ckn-rs predict fit.npz IMAGES --out LABELS.npy --train TRAIN\n")
    run(capsys, *PREDICT, "--train", "X.npy")
    np.testing.assert_array_equal(np.load("labels.npy"), guesses[index])
    record = ridge.Classifier.load("fit.npz", X).record
    assert record.lambda_ == LAMBDAS[index]
    assert record.added == fitted.added[index]


def test_the_regularisation_can_be_chosen_from_the_default_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = run(capsys, *FIT[:4], "--save", "fit.npz", "--lambda", "0.1")
    assert "fit.npz: lambda 0.1;" in out


def test_images_in_files_of_other_kinds(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, *PREDICT)
    labels = np.load("labels.npy")
    np.savez("Z.npz", images=Z)
    zarr.create_array("Z.zarr", data=Z)
    np.save("grey.npy", Z[..., 0])
    for name in ("Z.npz", "Z.zarr", "grey.npy"):
        run(capsys, "predict", "fit.npz", name, "--out", "others.npy")
        np.testing.assert_array_equal(np.load("others.npy"), labels)
    # Training images from an idx file, whose bytes are computed in float32.
    bytes_ = (255 * X[..., 0]).clip(0, 255).astype(np.uint8)
    write_idx(Path("train-images"), bytes_)
    model = ("--model", "model.toml")
    ckn_rs.Model(cases.EXP).save("model.toml")
    run(capsys, "gram", "train-images", *model, "--out", "B.zarr")
    fit = ("fit", "B.zarr", "--labels", "y.npy", "--save", "b.npz", "--train", "train-images")
    run(capsys, *fit)
    run(capsys, "predict", "b.npz", "train-images", "--out", "others.npy", "--labels", "y.npy")
    assert (np.load("others.npy") == Y).all()


@pytest.mark.parametrize("n", [0, 1])
def test_no_image_and_one(n: int, capsys: pytest.CaptureFixture[str]) -> None:
    np.save("few.npy", Z[:n])
    np.save("few_labels.npy", Y[:n])
    out = run(
        capsys,
        *("predict", "fit.npz", "few.npy", "--out", "labels.npy", "--labels", "few_labels.npy"),
        *("--scores", "s.npy"),
    )
    assert out.startswith(f"labels.npy: labels of {n} images 8x8x1, by lambda")
    assert ("accuracy" in out) == bool(n)
    assert np.load("labels.npy").shape == (n,)
    assert np.load("s.npy").shape == (n, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*PREDICT, "--train", "Z.npy"), "--train must be the training images of the fit"),
        ((*PREDICT, "--train", "other.npy"), "these have another digest"),
        ((*PREDICT, "--train", "no.npy"), "no.npy does not exist"),
        ((*PREDICT, "--labels", "y.npy"), "20 labels for 7 images; --first takes"),
        ((*PREDICT, "--scores", "labels.npy"), "--scores and --out must be two files"),
        ((*PREDICT, "--scores", "s.csv"), "--scores: the file name must end in .npy"),
        (("predict", "fit.npz", "Z.npy", "--out", "no/l.npy"), "--out: there is no folder no"),
        (("predict", "fit.npz", "Z.npy", "--out", "l.txt"), "--out: the file name must end in"),
        (("predict", "fit.npz", "wide.npy", "--out", "l.npy"), "must have one shape (h, w, c)"),
        (("predict", "fit.npz", "nan.npy", "--out", "l.npy"), "image 2 contains NaN"),
        (("predict", "fit.npz", "y.npy", "--out", "l.npy"), "y.npy has an array of shape (20,)"),
        (("predict", "no.npz", "Z.npy", "--out", "l.npy"), "no.npz"),
        (("predict", "X.npy", "Z.npy", "--out", "l.npy"), "X.npy is no file of a fit"),
        ((*FIT, "--save", "fit"), "--save: the file name must end in .npz"),
        ((*FIT, "--save", "no/fit.npz"), "--save: there is no folder no"),
        ((*FIT, "--save", "f.npz", "--lambda", "3"), "--lambda must be one of"),
        ((*FIT[:4], "--save", "f.npz", "--lambda", "3"), "--lambda must be one of"),
        ((*FIT, "--save", "f.npz", "--train", "Z.npy"), "--train must be the training images"),
        ((*FIT, "--save", "f.npz", "--train", "other.npy"), "these have another digest"),
    ],
)
def test_mistakes(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save("other.npy", X[::-1])
    np.save("wide.npy", np.zeros((3, 8, 9, 1)))
    bad = Z.copy()
    bad[2] = np.nan
    np.save("nan.npy", bad)
    before = sorted(path.name for path in Path().iterdir())
    assert message in run(capsys, *arguments, code=1)
    assert sorted(path.name for path in Path().iterdir()) == before  # nothing is written


def test_labels_that_are_text(capsys: pytest.CaptureFixture[str]) -> None:
    names = np.array(["cat", "dog", "bird"])[Y]
    fitted = ridge.fit(store.open_gram("K.zarr"), names, [0.1])
    one = ridge.Classifier.of(fitted, X, model=cases.RELU, ntk=True)
    one.save("fit.npz", train="X.npy")
    run(capsys, *PREDICT)
    np.testing.assert_array_equal(
        np.load("labels.npy"), fitted.predict(store.open_gram("T.zarr"))[0]
    )
    assert "labels of the fit are text" in run(capsys, *PREDICT, "--labels", "z_labels.npy", code=1)


def test_a_store_whose_model_is_not_known(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It can be fitted; only the kernel cannot be computed again."""
    manifest = folder / "K.zarr" / "zarr.json"
    manifest.write_text(manifest.read_text("utf-8").replace('"relu"', '"tanh"'), "utf-8")
    run(capsys, *FIT)
    monkeypatch.setattr(ridge, "fit", None)  # the mistake is found before
    assert "K.zarr: ckn-rs" in run(capsys, *SAVE, code=1)


@pytest.mark.parametrize("option", [("--lambda", "0.1"), ("--train", "X.npy")])
def test_options_that_go_with_save(
    option: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"{option[0]} goes with --save" in run(capsys, *FIT, *option, code=2)


def test_mistakes_are_found_before_the_decomposition(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def too_late(*_: object) -> None:
        raise AssertionError("the matrix is decomposed before the mistake is found")

    monkeypatch.setattr(ridge, "fit", too_late)
    for wrong in (("--lambda", "3"), ("--train", "Z.npy")):
        run(capsys, *FIT, "--save", "f.npz", *wrong, code=1)


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals there")
@pytest.mark.parametrize(("name", "code"), [("SIGKILL", -9), ("SIGTERM", 143), ("SIGINT", 130)])
def test_stopped_and_run_again(
    folder: Path, name: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, *PREDICT)
    old, labels = Path("labels.npy").read_bytes(), np.load("labels.npy")
    np.save("many.npy", np.tile(Z, (4000, 1, 1, 1)))
    command = ["predict", "fit.npz", "many.npy", "--out", "labels.npy"]
    process = subprocess.Popen(
        [sys.executable, "-m", "ckn_rs", *command, "--scores", "s.npy", "--threads", "1"],
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (folder / ".s.npy.partial").exists():  # it computes from now on
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(0.05)
    process.send_signal(signal.Signals[name])
    _, errors = process.communicate(timeout=20)
    assert process.returncode == code, errors
    assert "Traceback" not in errors
    assert Path("labels.npy").read_bytes() == old
    assert not Path("s.npy").exists()
    run(capsys, *command, "--scores", "s.npy")
    np.testing.assert_array_equal(np.load("labels.npy"), np.tile(labels, 4000))
    assert np.load("s.npy").shape == (28000, 3)
    assert not list(folder.glob(".*"))
