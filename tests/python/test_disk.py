"""Files that are replaced, on systems that refuse it while somebody reads them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ckn_rs._support import disk


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    source, target = tmp_path / "new", tmp_path / "old"
    source.write_text("new")
    target.write_text("old")
    return source, target


def refuse(monkeypatch: pytest.MonkeyPatch, times: int) -> list[float]:
    """Refuse so many replacements, as Windows does, and return the list of the waits."""
    waits: list[float] = []
    replace, left = os.replace, iter(range(times))

    def refused(source: str | Path, target: str | Path) -> None:
        if next(left, None) is not None:
            raise PermissionError(13, "used by another process")
        replace(source, target)

    monkeypatch.setattr(os, "replace", refused)
    monkeypatch.setattr(time, "sleep", waits.append)
    return waits


def test_windows_waits_for_readers(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "_WINDOWS", True)
    waits = refuse(monkeypatch, 3)
    disk.replace(*files)
    assert files[1].read_text() == "new"
    assert not files[0].exists()
    assert len(waits) == 3
    assert sum(waits) < 2


def test_windows_does_not_wait_for_ever(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "_WINDOWS", True)
    waits = refuse(monkeypatch, 100)
    with pytest.raises(PermissionError):
        disk.replace(*files)
    assert sum(waits) < 2


def test_other_systems_do_not_wait(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "_WINDOWS", False)
    waits = refuse(monkeypatch, 1)
    with pytest.raises(PermissionError):
        disk.replace(*files)
    assert not waits
