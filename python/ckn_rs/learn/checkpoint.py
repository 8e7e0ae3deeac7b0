"""What a solver has done so far, in a file from which another process goes on."""

from __future__ import annotations

import time
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ckn_rs._support.disk import check_place, partial_of, write_npz
from ckn_rs._support.npy import DAMAGE, member_names, read_member
from ckn_rs.learn.conjugate_gradients import State
from ckn_rs.learn.tiles import Indices

SECONDS = 2.0
"""The file is written at most so often, so that short passes are not slowed by the disk."""


class Checkpoint:
    """The file of one problem. It appears with the first results and is removed at the end.

    Parameters
    ----------
    path : Path
        The name of the file but for its end, which is the digest of the problem. So problems do
        not take each other's files.
    digest : str
        The digest of the matrix, the targets and all that decides what is computed.

    Raises
    ------
    OSError
        If the folder of the file does not exist.
    """

    def __init__(self, path: Path, digest: str) -> None:
        self.path = path.with_name(f"{path.name}.{digest[:12]}")
        check_place(self.path)
        self._digest = digest
        self._written = -np.inf
        self._warned = False
        self._pivots: Indices = np.empty(0, np.intp)

    def read(self) -> tuple[Indices, State | None]:
        """The pivots that were found, and the state of the iterations if these have begun.

        A file that is damaged gives a warning, and counts as none.

        Raises
        ------
        OSError
            If there is a file that cannot be read.
        """
        try:
            with zipfile.ZipFile(self.path) as file:
                arrays = {
                    name: read_member(file, name, compressed=False) for name in member_names(file)
                }
            if str(arrays["digest"]) != self._digest:
                raise ValueError("it is of another problem")
            self._pivots = arrays["pivots"]
            if "passes" not in arrays:
                return self._pivots, None
            values: dict[str, Any] = {field.name: arrays[field.name] for field in fields(State)}
            return self._pivots, State(**{**values, "passes": int(values["passes"])})
        except FileNotFoundError:
            pass
        except DAMAGE as error:
            warnings.warn(f"{self.path} is damaged ({error}); the fit begins anew", stacklevel=2)
            self._pivots = np.empty(0, np.intp)
        return self._pivots, None

    def keep_pivots(self, pivots: Indices) -> None:
        """Write the pivots that were found so far."""
        self._pivots = pivots
        self._write({})

    def keep(self, state: State) -> None:
        """Write the state of the iterations, unless the last one was written just now."""
        if time.monotonic() - self._written >= SECONDS:
            self._write(
                {field.name: np.asarray(getattr(state, field.name)) for field in fields(State)}
            )

    def remove(self) -> None:
        """Remove the file, and what a kill may have left beside it; all is done."""
        for file in (self.path, partial_of(self.path)):
            file.unlink(missing_ok=True)

    def _write(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Write the file. If that fails, the one before is left, and the work goes on."""
        named = {"digest": np.array(self._digest), "pivots": self._pivots, **arrays}
        try:
            write_npz(self.path, named)
        except OSError as error:
            if not self._warned:
                warnings.warn(
                    f"no checkpoint: {error}. The fit goes on, and tries to write it again",
                    stacklevel=2,
                )
            self._warned = True
        self._written = time.monotonic()


class NoCheckpoint:
    """The same without a file."""

    def read(self) -> tuple[Indices, State | None]:
        """Nothing."""
        return np.empty(0, np.intp), None

    def keep_pivots(self, pivots: Indices) -> None:
        """Do nothing."""

    def keep(self, state: State) -> None:
        """Do nothing."""

    def remove(self) -> None:
        """Do nothing."""
