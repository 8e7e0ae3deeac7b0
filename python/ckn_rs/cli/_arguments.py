"""Kinds of arguments that several commands take."""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path

from ckn_rs import models
from ckn_rs.model import Model

MOST_THREADS = 1024

LONGEST = 2048
"""Of a shape. Beyond it a single pair takes hours, and its plan gigabytes."""


def count(text: str) -> int:
    """A whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, got {text!r}")
    return int(text)


def thread_count(text: str) -> int:
    """A number of threads."""
    threads = count(text)
    if threads > MOST_THREADS:
        raise argparse.ArgumentTypeError(f"must be at most {MOST_THREADS}, got {text!r}")
    return threads


def shape(text: str) -> tuple[int, int, int]:
    """Of an image: ``H,W,C``."""
    lengths = text.split(",")
    if len(lengths) != 3:
        raise argparse.ArgumentTypeError(f"must be H,W,C, such as 32,32,3, got {text!r}")
    h, w, c = map(count, lengths)
    if max(h, w, c) > LONGEST:
        raise argparse.ArgumentTypeError(f"must be of lengths up to {LONGEST}, got {text!r}")
    return h, w, c


def shard(text: str) -> tuple[int, int]:
    """A share: ``K/N``."""
    k, slash, n = text.partition("/")
    if not (slash and k.isdecimal() and n.isdecimal() and 1 <= int(k) <= int(n)):
        raise argparse.ArgumentTypeError(f"must be K/N with 1 <= K <= N, got {text!r}")
    return int(k), int(n)


def on_terminal() -> bool:
    """Whether somebody sees a progress bar, and there is one."""
    return sys.stderr.isatty() and find_spec("tqdm") is not None


def load_model(name: str) -> Model:
    """A named model, or that of a file; errors name it."""
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
