"""Images, a model and a helper for the tests of stores."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import cases
from ckn_rs.store import _files

SHAPE = (8, 8, 1)
X = cases.images(23, SHAPE).astype(np.float32)
Y = cases.images(9, SHAPE, seed=1).astype(np.float32)
MODEL = cases.EXP


def contents(path: Path) -> dict[str, bytes]:
    files = (file for file in path.rglob("*") if file.is_file())
    return {
        str(file.relative_to(path)): file.read_bytes()
        for file in files
        if file.suffix != _files.PARTIAL
    }
