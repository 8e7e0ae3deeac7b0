"""Files that ask for more than they have, or for something to be called: a ValueError, and soon.

``fuzz/`` looks for more of them.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import pickle
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ckn_rs
from ckn_rs import Layer, Model
from ckn_rs._support import memory
from ckn_rs.data import load_images, load_labels
from ckn_rs.ridge import Classifier
from messages import refused


def npy(shape: str, dtype: str = "'<f8'", numbers: bytes = b"") -> bytes:
    head = f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}}}".encode()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(head) + 1) + head + b"\n" + numbers


HEADERS = {
    "terabytes": npy("(1099511627776, 8, 8, 1)"),
    "wraps around": npy("(4294967296, 4294967296, 4294967296, 2)"),
    "negative": npy("(-1, 8, 8, -1)", numbers=bytes(512)),
    "objects": npy("(1, 2, 2, 1)", "'|O'", bytes(32)),
    "records": npy("(1, 2, 2, 1)", "[('a', '<f8')]", bytes(32)),
    "no tuple": npy("[1, 2]"),
    "deep": npy("(" * 3000),
    "no numbers": npy("'a'"),
    "text": npy("(1, 2, 2, 1)", "'<U1'", b"\xff" * 16),
    "true": npy("(True, 8, 8, 1.5)"),
    "short": npy("(1, 2, 2, 1)", numbers=bytes(31)),
    "cut": npy("(1, 2, 2, 1)")[:9],
}


@pytest.mark.parametrize("data", HEADERS.values(), ids=HEADERS)
@pytest.mark.parametrize("ending", [".npy", ".npz"])
def test_headers_of_numpy(tmp_path: Path, data: bytes, ending: str) -> None:
    path = tmp_path / f"X{ending}"
    if ending == ".npy":
        path.write_bytes(data)
    else:
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("X.npy", data)
    for load in (load_images, load_labels):
        with refused(f"X{ending} "):
            load(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressions_without_a_limit(tmp_path: Path, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "X.npz", "w", method) as file:
        file.writestr("X.npy", npy("(1, 2, 2, 1)", numbers=bytes(32)))
    with refused("must be compressed by deflate or not at all"):
        load_images(tmp_path / "X.npz")


def test_a_compressed_file_that_does_not_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "X.npz", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("X.npy", npy("(1, 400, 400, 1)", numbers=bytes(1_280_000)))
    assert load_images(tmp_path / "X.npz").shape == (1, 400, 400, 1)
    monkeypatch.setattr(memory, "available", lambda: 1_000_000)
    with refused(r"1\.28 MB of numbers, more than the 1 MB .* are free"):
        load_images(tmp_path / "X.npz")


def test_an_entry_that_tells_another_length(tmp_path: Path) -> None:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("X.npy", npy("(1, 2, 2, 1)", numbers=bytes(32)))
        size = file.getinfo("X.npy").file_size
    data, told = whole.getvalue(), struct.pack("<I", 2**31)
    path = tmp_path / "X.npz"
    path.write_bytes(data.replace(struct.pack("<I", size), told))
    with refused("has 2147483648 bytes of"):
        load_images(path)


IDX = {
    "2^60 pixels": b"\0\0\x08\4" + struct.pack(">4I", *[2**15] * 4),
    "many": b"\0\0\x0e\3" + struct.pack(">3I", *[2**32 - 1] * 3) + bytes(100),
    "axes": b"\0\0\x08\xff" + bytes(4 * 255),
    "cut": b"\0\0\x08\3\0\0",
    "long": b"\0\0\x08\3" + struct.pack(">3I", 1, 2, 2) + bytes(5),
}


@pytest.mark.parametrize("data", IDX.values(), ids=IDX)
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_idx(tmp_path: Path, data: bytes, ending: str) -> None:
    path = tmp_path / f"X{ending}"
    path.write_bytes(gzip.compress(data) if ending else data)
    for load in (load_images, load_labels):
        with refused(path.name):
            load(path)


def test_a_damaged_gzip_file(tmp_path: Path) -> None:
    whole = gzip.compress(b"\0\0\x08\3" + struct.pack(">3I", 1, 50, 2) + bytes(range(100)))
    for data in (b"no gzip", whole[:-20], whole[:40] + b"\xff\xff" + whole[42:]):
        (tmp_path / "X.gz").write_bytes(data)
        with refused(r"X\.gz"):
            load_images(tmp_path / "X.gz")


def chunk(name: bytes, data: bytes) -> bytes:
    crc = struct.pack(">I", zlib.crc32(name + data))
    return struct.pack(">I", len(data)) + name + data + crc


def png(side: int) -> bytes:
    head = struct.pack(">2I5B", side, side, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "data",
    [png(60_000), png(1_000)[:60], b"GIF89a" + bytes(100), b"%!PS-Adobe-3.0 EPSF-3.0\n", b""],
    ids=["bomb", "cut", "gif", "eps", "empty"],
)
def test_pictures(tmp_path: Path, data: bytes) -> None:
    pytest.importorskip("PIL.Image", reason="pictures need Pillow").preinit()
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises((ValueError, OSError)):
        load_images(tmp_path)


PICKLES = {
    "a call": pickle.dumps({b"data": zlib.decompress, b"labels": []}),
    "a hash that takes for ever": b"\x80\x02})" + b"q\0h\0\x86" * 60 + b"K\1s.",
    "a number of an object": b"\x80\x02]r\xff\xff\xff\x7f.",
    "2^60 bytes": b"\x80\x04\x8e" + struct.pack("<Q", 2**60) + b".",
    "2^62 bytes to come": b"\x80\x05\x96" + struct.pack("<Q", 2**62) + b".",
    "growth": b"\x80\x02(c_codecs\nencode\nq\0X\xff\0\0\0"
    + b"a" * 255
    + b"X\6\0\0\0latin1\x86q\1R"
    + b"0h\0h\1R" * 99
    + b"l.",
    "no stack": b"\x80\x02R.",
    "no mark": b"\x80\x02e.",
    "a set": b"\x80\x04\x8f.",
    "a persistent object": b"\x80\x02Pa\n.",
    "an extension": b"\x80\x02\x82\1.",
    "deep": b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".",
    "a big label": pickle.dumps({b"data": np.zeros((1, 3072), "u1"), b"labels": [2**70]}, 2),
    "labels of lists": pickle.dumps({b"data": np.zeros((1, 3072), "u1"), b"labels": [[1]]}, 2),
    "few labels": pickle.dumps({b"data": np.zeros((2, 3072), "u1"), b"labels": [1]}, 2),
    "pixels that are floats": pickle.dumps({b"data": np.zeros((1, 3072)), b"labels": [1]}, 2),
    "pixels of objects": pickle.dumps({b"data": np.array([[None]]), b"labels": [1]}, 2),
    "few pixels": pickle.dumps({b"data": np.zeros((1, 5), "u1"), b"labels": [1]}, 2),
}


@pytest.mark.parametrize("data", PICKLES.values(), ids=PICKLES)
def test_pickles(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "batch").write_bytes(data)
    for load in (load_images, load_labels):
        with refused("batch"):
            load(tmp_path / "batch")


def test_a_number_that_is_a_long_text(tmp_path: Path) -> None:
    (tmp_path / "batch").write_bytes(b"F" + b"x" * 20_000 + b"\n.")
    with pytest.raises(ValueError, match="not an image file that is known") as caught:
        load_labels(tmp_path / "batch")
    assert len(str(caught.value)) < 1000


def test_a_batch_that_python_2_wrote(tmp_path: Path) -> None:
    """As the files of CIFAR-10 are: text of one byte a letter, and names of old modules."""
    pixels = bytes(range(256)) * 12
    data = (
        b"\x80\x02}q\x01(U\x04dataq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\n"
        b"q\x04K\0\x85U\x01b\x87Rq\x05(K\x01K\x01M\x00\x0c\x86cnumpy\ndtype\nq\x06U\x02u1K\0K\x01"
        b"\x87Rq\x07(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89T"
        + struct.pack("<I", len(pixels))
        + pixels
        + b"tbU\x06labelsq\x08]q\x09K\x07au."
    )
    (tmp_path / "batch").write_bytes(data)
    images = load_images(tmp_path / "batch")
    wanted = np.frombuffer(pixels, np.uint8).reshape(3, 32, 32).transpose(1, 2, 0)
    np.testing.assert_array_equal(images, wanted[None])
    assert load_labels(tmp_path / "batch").tolist() == [7]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "lists within lists too deep"),
        ('{"layers": ' + "[" * 100_000, "lists within lists too deep"),
        ("[" + "{}," * 400_000 + "{}]", "at most 1048576"),
        (json.dumps([{"npatch": 3, "subsampling": 1}] * 2000), "at most 1024 layers"),
        ('[{"npatch": ' + "9" * 5000 + "}]", "."),
        ('[{"npatch": 3, "subsampling": 1, "sigma": 1e999}]', "finite"),
        ('[{"npatch": 3, "subsampling": 1, "sigma": NaN}]', "finite"),
        ('[{"' + "x" * 100_000 + '": 3}]', "unknown key"),
        ('[{"npatch": 3, "subsampling": 1, "kernel": "' + "x" * 100_000 + '"}]', "unknown kernel"),
        ('[{"npatch": "' + "x" * 100_000 + '"}]', "npatch"),
        ('{"' + "x" * 100_000 + '": 3}', 'there must be a key "layers"'),
        (json.dumps(dict.fromkeys(map(str, range(9000)))), 'there must be a key "layers"'),
    ],
)
def test_models_in_json(text: str, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        Model.from_json(text)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[layers]]\nnpatch = " + "[" * 100_000, "not a TOML text"),
        ("[[layers]]\n" * 100_000, "at most 1048576 bytes"),
        ("[[layers]]\nnpatch=3\nsubsampling=1\n" * 2000, "at most 1024 layers"),
        ("a." * 100_000 + "b = 1", "not a TOML text"),
        ("[[layers]]\n" + "x" * 100_000 + " = 3", "unknown key"),
        ("[[layers]]\nnpatch = 3\nsubsampling = 1\nkernel = '" + "x" * 100_000 + "'", "unknown"),
        ("[[layers]]\nnpatch = [" + "1," * 100_000 + "]", "npatch"),
    ],
)
def test_models_in_toml(text: str, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        Model.from_toml(text)
    assert len(str(caught.value)) < 600


def test_files_of_models(tmp_path: Path) -> None:
    for name in ("a.json", "a.toml"):
        path = tmp_path / name
        path.write_bytes(b"\xff\xfe")
        with pytest.raises(ValueError, match="is no text"):
            Model.load(path)
        path.write_bytes(b" " * (2**20 + 1))
        with pytest.raises(ValueError, match="longer than 1048576 bytes"):
            Model.load(path)


def test_a_list_that_has_itself() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(TypeError, match="npatch"):
        ckn_rs.compute_diagonal(np.ones((1, 4, 4, 1)), [{"npatch": loop, "subsampling": 1}])


def test_models_whose_plan_is_huge() -> None:
    layers = [Layer(3, pooling="none")] * 1000
    with pytest.raises(ValueError, match=r"the plan of 1000 layers on images .* would take"):
        ckn_rs.compute_diagonal(np.ones((1, 32, 32, 1)), layers)


@pytest.mark.parametrize(
    "data", [npy("(1099511627776, 3)"), npy("(2, -3)"), bz2.compress(b"a")], ids=["a", "b", "c"]
)
def test_files_of_fits(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "fit.npz"
    with zipfile.ZipFile(path, "w") as file:
        about = io.BytesIO()
        np.save(about, np.array(json.dumps({"format": 1})))
        file.writestr("about.npy", about.getvalue())
        file.writestr("coefficients.npy", data)
        file.writestr("labels.npy", npy("(3,)", numbers=bytes(24)))
    with refused(r"fit\.npz is damaged"):
        Classifier.load(path)
    for code in (0x110000, 2**32 - 1, 0xD800):  # a str that has them breaks what takes it
        with zipfile.ZipFile(path, "w") as file:
            text = json.dumps({"format": 1}).replace("f", "?").encode("utf-32-le")
            text = text.replace("?".encode("utf-32-le"), struct.pack("<I", code))
            file.writestr("about.npy", npy("()", f"'<U{len(text) // 4}'", text))
        with refused("text that is none"):
            Classifier.load(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("about.npy", npy("()", "'<U1000000'", bytes(4_000_000)))
    with refused("must not be compressed"):
        Classifier.load(path)
