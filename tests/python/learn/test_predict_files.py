"""Files of fits: what they keep, and what is refused."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cases
import ckn_rs
from ckn_rs import ridge
from ckn_rs.learn.record import Record

X = cases.images(6, (8, 8, 1))
Y = np.arange(6) % 3
MODEL = ckn_rs.Model(cases.RELU, readout="mean")
CLASSIFIER = ridge.Classifier.of(
    ridge.fit(ckn_rs.compute_kernel_matrix(X, model=MODEL, ntk=True), Y, [1e-3]),
    X,
    model=MODEL,
    ntk=True,
)
RECORD = CLASSIFIER.record


@pytest.fixture
def file(tmp_path: Path) -> Path:
    CLASSIFIER.save(tmp_path / "fit.npz")
    return tmp_path / "fit.npz"


def same(one: Record, other: Record) -> bool:
    return all(
        np.array_equal(getattr(one, field.name), getattr(other, field.name))
        for field in fields(Record)
    )


def test_all_is_kept(file: Path) -> None:
    record = Record.load(file)
    assert same(record, RECORD)
    assert record.version == ckn_rs.__version__
    assert [layer.kernel for layer in ridge.Classifier.load(file, X).model] == ["relu"] * len(MODEL)
    assert ridge.Classifier.load(file, X).model.readout == "mean"
    with np.load(file, allow_pickle=False) as arrays:  # any program can read it
        np.testing.assert_array_equal(arrays["coefficients"], RECORD.coefficients)
        about = json.loads(str(arrays["about"]))
    assert about["format"] == 1
    assert about["image_shape"] == [8, 8, 1]


def test_training_images_are_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("first", "first/data", "second"):
        Path(folder).mkdir()
    np.save("first/data/train.npy", X)
    CLASSIFIER.save("first/fit.npz", train="first/data/train.npy")
    wanted = CLASSIFIER.scores(X)
    np.testing.assert_array_equal(ridge.Classifier.load("first/fit.npz").scores(X), wanted)
    shutil.copy("first/fit.npz", "second/fit.npz")  # the images stay where they were
    np.testing.assert_array_equal(ridge.Classifier.load("second/fit.npz").scores(X), wanted)
    # A copy that is saved elsewhere looks where the images are, not beside itself.
    Path("second/data").mkdir()
    np.save("second/data/train.npy", X + 1)
    ridge.Classifier.load("first/fit.npz").save("second/fit.NPZ")
    np.testing.assert_array_equal(ridge.Classifier.load("second/fit.NPZ").scores(X), wanted)
    shutil.rmtree("second/data")
    Path("first").rename("third")  # both are moved
    np.testing.assert_array_equal(ridge.Classifier.load("third/fit.npz").scores(X), wanted)
    with pytest.raises(FileNotFoundError, match=r"6 training images 8x8x1, and they are not at"):
        ridge.Classifier.load("second/fit.npz")
    np.save("third/data/train.npy", X + 1)
    with pytest.raises(ValueError, match=r"train.npy must be .* these have another digest"):
        ridge.Classifier.load("third/fit.npz")
    CLASSIFIER.save("fit.npz")
    with pytest.raises(FileNotFoundError, match="it does not say where they are: give them"):
        ridge.Classifier.load("fit.npz")


@pytest.mark.parametrize("mask", [0x01, 0x80, 0xFF])
def test_a_flipped_byte_is_found_or_changes_nothing(file: Path, mask: int) -> None:
    whole = file.read_bytes()
    found = 0
    for place in range(mask % 50, len(whole), 50):
        damaged = bytearray(whole)
        damaged[place] ^= mask
        file.write_bytes(damaged)
        try:
            record = Record.load(file)
        except ValueError:
            found += 1
        else:
            assert same(record, RECORD)
    assert found > len(whole) / 100


def test_a_file_that_is_cut_off(file: Path) -> None:
    whole = file.read_bytes()
    for length in (0, 1, *range(10, len(whole), 50), len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"no file of a fit, .* or its end is missing"):
            Record.load(file)


def rewritten(file: Path, change: Callable[[dict[str, Any], dict[str, Any]], object]) -> None:
    """Change the arrays and what is said about them, as another program could."""
    with np.load(file) as old:
        arrays = dict(old)
    about = json.loads(str(arrays.pop("about")))
    change(arrays, about)
    np.savez(file, **{"about": np.array(json.dumps(about)), **arrays})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda _, about: about.update(format=3), "another format, of ckn-rs"),
        (lambda _, about: about.update(format=2), "augment None is not of format 2"),
        (lambda _, about: about.pop("format"), "another format"),
        (lambda arrays, _: arrays.pop("labels"), "must have about.npy, coefficients.npy, labels"),
        (lambda arrays, _: arrays.update(more=X), "must have about.npy, .* more.npy"),
        (lambda _, about: about.pop("ntk"), "missing 1 required"),
        (lambda _, about: about.pop("train"), "train"),
        (lambda _, about: about.update(more=1), "unexpected keyword argument 'more'"),
        (lambda _, about: about.update(ntk=1), "ntk and normalize must be"),
        (lambda _, about: about.update(dtype="float16"), "dtype must be float32 or float64"),
        (lambda _, about: about.update(sha256="0"), "64 hexadecimal digits"),
        (lambda _, about: about.update(lambda_=-1.0), "lambda_ must be a finite number above 0"),
        (lambda _, about: about.update(added="1"), "added must be a finite number above 0"),
        (lambda _, about: about.update(image_shape=[8, 8]), "image_shape must be"),
        (lambda _, about: about.update(train=[1]), "train must be names of files"),
        (lambda _, about: about.update(version=None), "version a text"),
        (lambda _, about: about.update(model={"layers": []}), "of ckn-rs .*, cannot be used by"),
        (lambda _, about: about["model"]["layers"][0].update(kernel="tanh"), "tanh"),
        (lambda _, about: about.update(image_shape=[1, 1, 1]), "layer 0"),
        (lambda arrays, _: arrays.update(labels=Y[:2]), r"float64 of shape \(n, 2\)"),
        (lambda arrays, _: arrays.update(labels=np.array([1, 1, 2])), "all different"),
        (lambda arrays, _: arrays.update(labels=np.array([1j, 2, 3])), "numbers or text"),
        (lambda arrays, _: arrays.update(coefficients=np.zeros((0, 3))), "one training image"),
        (lambda arrays, _: arrays.update(coefficients=np.zeros((6, 3), "f4")), "must be float64"),
        (lambda arrays, _: arrays.update(coefficients=np.full((6, 3), np.nan)), "must be finite"),
        (lambda arrays, _: arrays.update(labels=np.array([1, None, "b"], object)), "damaged"),
    ],
)
def test_wrong_contents(file: Path, change: Any, message: str) -> None:
    rewritten(file, change)
    with pytest.raises(ValueError, match=message) as caught:
        Record.load(file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_of_others(file: Path) -> None:
    np.savez(file, X=X)
    with pytest.raises(ValueError, match=r"is damaged: .*about.npy"):
        Record.load(file)
    np.savez(file, about=np.array([1.0]))
    with pytest.raises(ValueError, match="about must be the text of a JSON object"):
        Record.load(file)
    np.savez_compressed(file, about=np.array("{}"))
    with pytest.raises(ValueError, match="must not be compressed"):
        Record.load(file)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("about.npy", b"no array")
    with pytest.raises(ValueError, match="is damaged"):
        Record.load(file)
    with pytest.raises(FileNotFoundError, match=r"no.npz"):
        Record.load(file.with_name("no.npz"))


def test_fewer_training_images_than_coefficients(file: Path) -> None:
    rewritten(file, lambda arrays, _: arrays.update(coefficients=RECORD.coefficients[:5]))
    with pytest.raises(ValueError, match=r"of shape \(5, 8, 8, 1\), got \(6, 8, 8, 1\)"):
        ridge.Classifier.load(file, X)


def test_what_cannot_be_saved(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must end in .npz, got 'fit.npy'"):
        CLASSIFIER.save("fit.npy")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        CLASSIFIER.save(tmp_path / "no" / "fit.npz")
    with pytest.raises(TypeError, match="labels must be numbers or text"):
        replace(RECORD, labels=np.array([1, None, "b"], object))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_leaves_the_old_file(file: Path) -> None:
    old = file.read_bytes()
    file.with_name(".fit.npz.partial").symlink_to("/dev/full")
    with pytest.raises(OSError, match="the disk is full"):
        replace(RECORD, lambda_=0.5).save(file)
    assert file.read_bytes() == old
