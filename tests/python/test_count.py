"""The record of instruction counts: what fails, and what does not. Valgrind is not needed."""

from __future__ import annotations

import importlib
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHES = Path(__file__).parents[2] / "benches"

#: The file of callgrind for two benchmarks: three parts of each, and the end of the program.
PROFILE = "".join(
    f"part: {number}\n\ndesc: Trigger: {trigger}\n\nevents: Ir\nsummary: {total}\n\nfn=(1) x\n"
    f"1 {total}\n\ntotals: {total}\n"
    for number, (trigger, total) in enumerate(
        [
            ("--dump-before=next_part", 9999),
            ("--dump-before=next_part", 100),
            ("--dump-before=next_part", 1100),
            ("--dump-before=next_part", 8888),
            ("--dump-before=next_part", 50),
            ("--dump-before=next_part", 350),
            ("Program termination", 7777),
        ],
        1,
    )
)


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(BENCHES)
    for name in ("count", "record", "machine"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module("count")


def rows(count: Any, counts: dict[str, float]) -> list[Any]:
    return [count.Row("2026-01-01", "rustc", "avx2", *pair) for pair in counts.items()]


@pytest.fixture
def run(count: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """``make bench-count`` with given counts, beside a record of two."""
    path = tmp_path / "counts.csv"
    count.write(path, rows(count, {"pair/exp": 2e6, "steps/map": 2.5}))

    def compare(counts: dict[str, float]) -> None:
        monkeypatch.setattr(count, "measured", lambda: rows(count, counts))
        monkeypatch.setattr(sys, "argv", ["count.py", "compare", "--record", str(path)])
        count.main()

    return compare


def test_a_grown_count_fails(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"1 of 2 counts grew by more than 1 %: steps/map\n"):
        run({"pair/exp": 2e6, "steps/map": 2.53})
    table = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in table if line.endswith("grown")] == ["steps/map"]


def test_other_counts_do_not_fail(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run({"pair/exp": 2.019e6, "steps/new": 7.0})
    table = capsys.readouterr().out
    assert "steps/map: in the record, no longer measured" in table
    assert "bench-count-record" not in table
    run({"pair/exp": 1e6, "steps/map": 2.5})
    assert "1 counts fell by more than 1 %" in capsys.readouterr().out


def test_the_preparation_is_subtracted(count: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(count, "output", lambda *_: "rustc 1.0\n")
    printed = "steps/map, x\tavx2\t400\npair/exp\tavx2\t3\n"
    measured = count.rows_of(printed, PROFILE)
    assert [(row.bench, row.level, row.instructions) for row in measured] == [
        ("steps/map, x", "avx2", 2.5),
        ("pair/exp", "avx2", 100.0),
    ]
    with pytest.raises(SystemExit, match="1 benchmarks need three counts each, callgrind has 6"):
        count.rows_of("pair/exp\tavx2\t3\n", PROFILE)


def test_valgrind_is_missing(count: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(SystemExit, match="valgrind is not installed: `apt install valgrind`"):
        count.measured()
