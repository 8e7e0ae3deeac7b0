"""Fuzz the readers of files: every file is read, or refused with an error that is documented.

    python fuzz/readers.py 600           # ten minutes of the processor on all readers
    python fuzz/readers.py 60 npz store  # a minute on two of them
    python fuzz/readers.py 0 --replay    # only what was found before, fuzz/findings/

Each reader begins with small valid files. They are cut, joined, and changed: bits, bytes, numbers
at the limits, words. Half of the time what is within a container is changed, and its checksums are
mended, so that what is behind them is reached, too. A finding is an error of another kind, more
than 20 s of the processor for one file, or more memory than the limit of this process: it is kept,
and ends the run.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import hashlib
import io
import json
import pickle
import random
import signal
import struct
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import ckn_rs
from ckn_rs.data import load_images, load_labels
from ckn_rs.ridge import Classifier, fit

FINDINGS = Path(__file__).parent / "findings"

#: Where files are written: in memory, where that is a folder, since a disk takes most of the time.
FOLDER = "/dev/shm" if Path("/dev/shm").is_dir() else None

#: Bytes that the process may have beside what it has at the start.
MEMORY = 2 * 10**9

#: Seconds of the processor that one file may take, however busy the machine is.
SECONDS = 20

#: Seconds that it may take in all, so that a reader that waits for ever is found, too.
PATIENCE = 1200

#: What a reader may raise.
DOCUMENTED = (ValueError, TypeError, OSError)

#: Numbers that break arithmetic.
LIMITS = [*range(3), 127, 255, 256, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1]

#: Words that stand in these files.
WORDS = [
    b"-1", b"[", b"]", b"{", b"}", b"(", b")", b",", b"null", b"true", b"NaN", b"1e999", b"\\u0000",
    b"9" * 30, b'"', b"'|O'", b"'<f8'", b"'V0'", b"'<U0'", b"'M8[s]'",
    b"shape", b"descr",
    b"gzip", b"blosc", b"layers", b"npatch", b"c_codecs\nencode\n", b"cnumpy\ndtype\n", b"R",
    b"b", b"0", b"q\0h\0\x86",
    b"(" * 200, b"[" * 5000, b"9223372036854775808",
]  # fmt: skip


def npy(array: Any) -> bytes:
    """An array as a ``.npy`` file."""
    data = io.BytesIO()
    np.save(data, array)
    return data.getvalue()


def npz(compressed: bool = False, **arrays: Any) -> bytes:
    """Arrays as a ``.npz`` file."""
    data = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(data, **arrays)
    return data.getvalue()


def idx(array: Any) -> bytes:
    """Bytes as an idx file."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (3, 5, 4, 3), dtype=np.uint8)
MODEL = ckn_rs.Model([ckn_rs.Layer(3, 1, kernel="exp", sigma=0.6)])


def batch(protocol: int) -> bytes:
    """A batch of CIFAR-10."""
    pixels = np.arange(6144, dtype=np.uint8).reshape(2, 3072)
    return pickle.dumps({b"data": pixels, b"labels": [3, 1]}, protocol)


def picture(kind: str, mode: str) -> bytes:
    """A small picture."""
    from PIL import Image

    data = io.BytesIO()
    Image.new(mode, (9, 7), 3).save(data, kind)
    return data.getvalue()


def fitted() -> bytes:
    """The file of a fit."""
    images = RNG.random((6, 5, 4, 1))
    K = ckn_rs.compute_kernel_matrix(images, model=MODEL)
    classifier = Classifier.of(fit(K, [0, 1, 2, 0, 1, 2], [0.1]), images, model=MODEL)
    with tempfile.TemporaryDirectory() as folder:
        classifier.save(Path(folder) / "a.npz")
        return (Path(folder) / "a.npz").read_bytes()


def store() -> dict[str, bytes]:
    """The files of a small store."""
    from ckn_rs.store import compute_gram

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "K"
        compute_gram(folder, RNG.random((5, 4, 4, 1)), model=MODEL, tile=2)
        return {
            str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()
        }


def zarr_array(images: Any) -> dict[str, bytes]:
    """The files of a Zarr array."""
    import zarr

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "X"
        zarr.create_array(folder, data=images)
        return {
            str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()
        }


def read_both(path: Path) -> None:
    """Read a file as images and as labels."""
    with contextlib.suppress(*DOCUMENTED):
        images = load_images(path)
        ckn_rs.compute_diagonal(images[:1], MODEL)
    load_labels(path)


def read_zarr(path: Path) -> None:
    """Read the first images of an array that a model takes."""
    images = load_images(path)
    MODEL.describe(images.shape[1:])
    ckn_rs.compute_diagonal(images[:2], MODEL)


def read_model(path: Path) -> None:
    """Read a model and plan it."""
    model = ckn_rs.Model.load(path)
    assert ckn_rs.Model.from_json(model.to_json()) == model
    model.describe((8, 9, 1))


def read_store(path: Path) -> None:
    """Read a store, and all that it tells of itself."""
    from ckn_rs.store import open_gram

    K = open_gram(path)
    repr(K)
    K._repr_html_()
    _ = K.shape, K.missing, K.model
    np.asarray(K[:2])
    np.asarray(K)
    K.diagonal()


class Reader:
    """What reads a kind of file, the name of such a file, and valid ones to begin with."""

    def __init__(self, read: Callable[[Path], object], name: str, seeds: list[Any]) -> None:
        self.read, self.name, self.seeds = read, name, seeds


def readers() -> dict[str, Reader]:
    """The readers by name."""
    layers = '[{"npatch": [1, 3], "subsampling": 2, "kernel": "series", "coefficients": [0, 1.5]}]'
    toml = b'readout = "mean"\n[[layers]]\nnpatch = 3\nsubsampling = 2\npooling = [0.5, 1]\n'
    pictures = [picture(*each) for each in (("PNG", "L"), ("PNG", "P"), ("JPEG", "RGB"))]
    images, labels, grey = X, np.arange(3), X[..., 0]
    archives = [npz(X=images, y=labels), npz(True, images=images), npz(a=labels)]
    pixels = [idx(grey), idx(labels.astype(np.uint8))]
    return {
        "npy": Reader(read_both, "a.npy", [npy(images), npy(grey.astype("<f4")), npy(labels)]),
        "npz": Reader(read_both, "a.npz", archives),
        "idx": Reader(read_both, "a", pixels),
        "gz": Reader(read_both, "a.gz", [gzip.compress(each) for each in pixels]),
        "cifar": Reader(read_both, "batch", [batch(protocol) for protocol in range(6)]),
        "png": Reader(load_images, "folder/a.png", pictures),
        "json": Reader(read_model, "a.json", [layers.encode(), MODEL.to_json().encode()]),
        "toml": Reader(read_model, "a.toml", [toml, MODEL.to_toml().encode()]),
        "fit": Reader(Classifier.load, "a.npz", [fitted()]),
        "store": Reader(read_store, "K", [store()]),
        "zarr": Reader(read_zarr, "X", [zarr_array(grey), zarr_array(images)]),
    }  # fmt: skip


def changed(data: bytes, others: list[bytes], rng: random.Random) -> bytes:
    """A file that is changed in some places."""
    found = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 3, 8])):
        place = rng.randrange(len(found) + 1)
        end = min(len(found), place + rng.choice([1, 1, 2, 4, 8, 16, 64]))
        kind = rng.randrange(9)
        if kind == 0 and place < len(found):
            found[place] ^= 1 << rng.randrange(8)
        elif kind == 1 and place < len(found):
            found[place] = rng.randrange(256)
        elif kind == 2:
            del found[place:end]
        elif kind == 3:
            found[place:place] = found[place:end] * rng.choice([1, 2, 50])
        elif kind == 4:
            found[place:place] = rng.choice(WORDS)
        elif kind == 5:
            found[place:end] = rng.choice(WORDS)
        elif kind == 6:
            form = rng.choice(["<I", ">I", "<Q", ">Q", "<H", ">H"])
            number = rng.choice(LIMITS) % 2 ** (8 * struct.calcsize(form))
            found[place : place + struct.calcsize(form)] = struct.pack(form, number)
        elif kind == 7:
            other = rng.choice(others)
            found[place:end] = other[rng.randrange(len(other) + 1) :][: rng.choice([4, 40, 4000])]
        else:
            digits = [k for k, byte in enumerate(found) if 48 <= byte <= 57]
            if digits:
                at = rng.choice(digits)
                found[at : at + 1] = str(rng.choice(LIMITS)).encode()
    return bytes(found[: 1 << 20])


def mended(name: str, data: bytes, rng: random.Random) -> bytes:
    """A container whose content is changed, with checksums that are right."""
    if name in ("npz", "fit"):
        result = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(result, "w") as new:
            entries = {entry: old.read(entry) for entry in old.namelist()}
            victim = rng.choice(list(entries))
            method = rng.choice([zipfile.ZIP_STORED] * 3 + [zipfile.ZIP_DEFLATED])
            for entry, content in entries.items():
                content = (
                    changed(content, list(entries.values()), rng) if entry == victim else content
                )
                new.writestr(entry, content, method)
        return result.getvalue()
    if name == "gz":
        return gzip.compress(changed(gzip.decompress(data), [b"\0\0\x08\3"], rng))
    if name == "png" and data[:4] == b"\x89PNG":
        content, place = data[:8], 8
        while place < len(data):
            (length,) = struct.unpack_from(">I", data, place)
            part = data[place + 4 : place + 8 + length]
            if rng.random() < 0.4:
                part = part[:4] + changed(part[4:], [part], rng)
            content += struct.pack(">I", len(part) - 4) + part
            content += struct.pack(">I", zlib.crc32(part))
            place += length + 12
        return content
    return changed(data, [data], rng)


def cases(name: str, reader: Reader, rng: random.Random) -> Iterator[Any]:
    """Changed files without end; of a reader of folders, the files by name."""
    while True:
        seed = rng.choice(reader.seeds)
        if isinstance(seed, dict):
            victim = rng.choice([*seed, *[file for file in seed if file.endswith("json")] * 3])
            yield {**seed, victim: changed(seed[victim], list(seed.values()), rng)}
        elif rng.random() < 0.5:
            yield mended(name, seed, rng)
        else:
            yield changed(seed, reader.seeds, rng)


def write(folder: Path, reader: Reader, case: Any) -> Path:
    """Write a case; the path that the reader takes."""
    path = folder / reader.name
    files = case if isinstance(case, dict) else {"": case}
    for name, data in files.items():
        target = path / name if name else path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return path.parent if reader.name.startswith("folder/") else path


def limit() -> None:
    """Refuse memory beyond the limit, on Linux, and end what takes too long."""
    if sys.platform == "linux":
        import resource

        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * 4096 + MEMORY,) * 2)

    def late(*_: object) -> None:
        raise AssertionError(f"more than {SECONDS} s of the processor, or {PATIENCE} s")

    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGPROF, late)
        signal.signal(signal.SIGALRM, late)


def watch(on: bool) -> None:
    """Begin to count the time of a file, or end that."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, SECONDS if on else 0)
        signal.setitimer(signal.ITIMER_REAL, PATIENCE if on else 0)


def passes(reader: Reader, case: Any) -> bool:
    """Whether a case is read or refused; the error is printed if it is not."""
    with tempfile.TemporaryDirectory(dir=FOLDER) as name:
        path = write(Path(name), reader, case)
        # What would kill the process leaves the case here.
        watch(True)
        try:
            reader.read(path)
        except DOCUMENTED as error:
            if len(str(error)) > 10_000:
                print(f"a message of {len(str(error))} characters")
                return False
        except BaseException:
            traceback.print_exc()
            return False
        finally:
            watch(False)
    return True


def packed(case: Any) -> bytes:
    """A case as the bytes of one file."""
    if isinstance(case, bytes):
        return case
    return json.dumps({name: data.hex() for name, data in case.items()}).encode()


def unpacked(reader: Reader, data: bytes) -> Any:
    """The case of such a file."""
    if isinstance(reader.seeds[0], bytes):
        return data
    return {name: bytes.fromhex(content) for name, content in json.loads(data).items()}


def main() -> int:
    """Fuzz, and return 1 if something was found."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("seconds", type=float, help="of the processor, for all readers together")
    parser.add_argument("readers", nargs="*", help="names of readers, by default all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--replay", action="store_true", help="only the findings that are kept")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    known = readers()
    chosen = given.readers or list(known)
    limit()
    for path in sorted(FINDINGS.glob("*")):
        name = path.name.partition("-")[0]
        if name in chosen and not passes(known[name], unpacked(known[name], path.read_bytes())):
            print(f"{path.name} is not refused")
            return 1
    if given.replay:
        return 0
    for name in chosen:
        rng, begin, count = random.Random(f"{name} {given.seed}"), time.process_time(), 0
        for case in cases(name, known[name], rng):
            if time.process_time() - begin > given.seconds / len(chosen):
                break
            data = packed(case)
            FINDINGS.mkdir(exist_ok=True)
            place = FINDINGS / f"{name}-{hashlib.sha256(data).hexdigest()[:12]}"
            place.write_bytes(data)  # so that a crash leaves it
            if not passes(known[name], case):
                print(f"found by {name}: {place}")
                return 1
            place.unlink()
            count += 1
        print(f"{name}: {count} files in {time.process_time() - begin:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
