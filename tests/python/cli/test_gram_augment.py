"""``ckn-rs gram --augment flip``, and the commands after it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import cases
import ckn_rs
from ckn_rs import Model, ridge
from ckn_rs.cli import main

pytest.importorskip("zarr", reason="stores need zarr 3, on Python 3.11 or later")

X = cases.images(20, (8, 8, 1)).astype(np.float32)
Z = cases.images(7, (8, 8, 1), seed=1).astype(np.float32)
Y = np.arange(20) % 3


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("X.npy", X)
    np.save("Z.npy", Z)
    np.save("y.npy", Y)
    Model(cases.EXP).save("model.toml")


def test_from_images_to_labels(capsys: pytest.CaptureFixture[str]) -> None:
    gram = ["--model", "model.toml", "--augment", "flip", "--tile", "8"]
    assert main(["gram", "X.npy", *gram, "--out", "K.zarr"]) == 0
    assert main(["gram", "X.npy", "Z.npy", *gram, "--out", "T.zarr"]) == 0
    K = ckn_rs.compute_kernel_matrix(X, model=cases.EXP, augment="flip")
    T = ckn_rs.compute_kernel_matrix(X, Z, model=cases.EXP, augment="flip")
    assert main(["export", "T.zarr", "T.npy"]) == 0
    np.testing.assert_array_equal(np.load("T.npy"), T)
    capsys.readouterr()
    assert main(["status", "K.zarr"]) == 0
    assert "CKN averaged over flips of 20 x 20 images 8x8x1" in capsys.readouterr().out
    assert main(["verify", "K.zarr", "X.npy"]) == 0
    fit = ["fit", "K.zarr", "--labels", "y.npy", "--lambdas", "0.1", "--json", "fit.json"]
    assert main([*fit, "--save", "fit.npz", "--train", "X.npy"]) == 0
    assert json.loads(Path("fit.json").read_text("utf-8"))["augment"] == "flip"
    assert main(["predict", "fit.npz", "Z.npy", "--out", "l.npy", "--scores", "s.npy"]) == 0
    wanted = T.T.astype(np.float64) @ ridge.fit(K, Y, [0.1]).coefficients[0]
    np.testing.assert_allclose(np.load("s.npy"), wanted, atol=1e-13 * abs(wanted).max())
    np.testing.assert_array_equal(np.load("l.npy"), wanted.argmax(axis=1))


def test_other_stores_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    gram = ["gram", "X.npy", "--model", "model.toml", "--out", "K.zarr"]
    assert main([*gram, "--augment", "flip"]) == 0
    capsys.readouterr()
    assert main(gram) == 1
    assert "augment (flip in the store, None now)" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*gram, "--augment", "flop"])


def test_status_of_a_store_that_is_not_complete(capsys: pytest.CaptureFixture[str]) -> None:
    gram = ["gram", "X.npy", "--model", "model.toml", "--augment", "flip", "--out", "K.zarr"]
    assert main([*gram, "--tile", "10", "--shard", "1/7"]) == 0
    capsys.readouterr()
    assert main(["status", "K.zarr"]) == 0
    assert "pairs are left" in capsys.readouterr().out
