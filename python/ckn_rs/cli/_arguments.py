"""The arguments that several commands take, and the models and stores that they name."""

from __future__ import annotations

import argparse
import sys
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ckn_rs import models
from ckn_rs._support.extras import import_extra, import_zarr
from ckn_rs._support.memory import as_bytes
from ckn_rs.model import Model

if TYPE_CHECKING:
    from ckn_rs.store import Gram

    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]

MOST_THREADS = 1024

LONGEST = 2048
"""The largest height, width or number of channels: beyond it a pair takes hours and gigabytes."""


def count(text: str) -> int:
    """A whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, got {text!r}")
    return int(text)


def thread_count(text: str) -> int:
    """A number of threads, at least 1."""
    threads = count(text)
    if threads > MOST_THREADS:
        raise argparse.ArgumentTypeError(f"must be at most {MOST_THREADS}, got {text!r}")
    return threads


def shape(text: str) -> tuple[int, int, int]:
    """The shape of an image, written ``H,W,C``."""
    lengths = text.split(",")
    if len(lengths) != 3:
        raise argparse.ArgumentTypeError(f"must be H,W,C, such as 32,32,3, got {text!r}")
    h, w, c = map(count, lengths)
    if max(h, w, c) > LONGEST:
        raise argparse.ArgumentTypeError(f"must be of lengths up to {LONGEST}, got {text!r}")
    return h, w, c


def shard(text: str) -> tuple[int, int]:
    """A share of the work, written ``K/N``."""
    k, slash, n = text.partition("/")
    if not (slash and k.isdecimal() and n.isdecimal() and 1 <= int(k) <= int(n)):
        raise argparse.ArgumentTypeError(f"must be K/N with 1 <= K <= N, got {text!r}")
    return int(k), int(n)


def memory(text: str) -> int:
    """An amount of memory, such as ``4GB``, in bytes."""
    try:
        return as_bytes(text, "it")
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def client(address: str | None) -> AbstractContextManager[Any]:
    """A context with a client of the cluster of ``--dask``, or with None.

    Raises
    ------
    ImportError
        If ``distributed`` is not installed.
    """
    if address is None:
        return nullcontext()
    connected: AbstractContextManager[Any] = import_extra("distributed", "dask", "--dask").Client(
        address
    )
    return connected


def on_terminal() -> bool:
    """Whether a progress bar can be shown: stderr is a terminal, and tqdm is installed."""
    return sys.stderr.isatty() and find_spec("tqdm") is not None


def load_model(name: str) -> Model:
    """A model by its name, or from a file.

    Raises
    ------
    ValueError
        If there is no such model, or the file holds none. The message names it.
    OSError
        If the file cannot be read.
    """
    path = Path(name)
    if not path.suffix:
        try:
            return models.named(name)
        except ValueError as error:
            raise ValueError(
                f"{error} (ckn-rs model --list shows all; a file's name ends in .toml or .json)"
            ) from None
    try:
        return Model.load(path)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from None


def open_store(place: str) -> Gram:
    """The matrix in a store.

    Raises
    ------
    ImportError
        If Zarr is not installed.
    StoreError
        If there is no matrix at that place.
    """
    import_zarr("a store")
    from ckn_rs.store import open_gram

    return open_gram(place)


def as_many(labels: NDArray[np.int64], n: int, first: bool) -> NDArray[np.int64]:
    """The labels of ``n`` images; where there are more, the ``first`` of them, if this is wanted.

    Raises
    ------
    ValueError
        If there are too few, or too many.
    """
    if len(labels) < n or (len(labels) > n and not first):
        hint = "; --first takes the first of them" if len(labels) > n else ""
        raise ValueError(f"there are {len(labels)} labels for {n} images{hint}")
    return labels[:n]
