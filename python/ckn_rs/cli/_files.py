"""The files in which commands leave their figures and pictures."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ckn_rs._support.disk import check_place, write_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURES = (".png", ".svg", ".pdf")
"""The ends of the names of pictures."""


def check(option: str, path: Path | None, suffixes: Sequence[str] = ()) -> None:
    """Check before a long computation whether the file of an option may be written at its end.

    Raises
    ------
    ValueError
        If the name has none of the ``suffixes``, where there are some.
    OSError
        If ``path`` is a folder, or its folder does not exist.
    """
    if path is None:
        return
    if suffixes and path.suffix.lower() not in suffixes:
        wanted = " or ".join(filter(None, (", ".join(suffixes[:-1]), suffixes[-1])))
        raise ValueError(f"{option}: the file name must end in {wanted}, got {str(path)!r}")
    try:
        check_place(path)
    except OSError as error:
        raise type(error)(f"{option}: {error}") from None


def write_json(path: Path, report: Mapping[str, Any]) -> None:
    """Write a report to a JSON file.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    write_file(path, (json.dumps(report, indent=2) + "\n").encode())


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows to a CSV file, below the names of their columns. None is an empty cell.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_file(path, text.getvalue().encode())


def write_picture(path: Path, figure: Figure) -> None:
    """Write a picture, in the format that the end of the file's name tells.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    data = io.BytesIO()
    figure.savefig(data, format=path.suffix.lower().removeprefix("."), dpi=150)
    write_file(path, data.getvalue())
