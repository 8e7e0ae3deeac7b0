"""Keep the times that ``cargo bench`` has measured, and compare new ones with them.

``record.py write`` writes the last run as ``benches/record/DATE-PROCESSOR.csv``. ``record.py
compare`` prints it beside the last record of this processor, or of any processor if there is none.
Times are medians in nanoseconds for one element: a pair of images, an image for norms, an entry of
a map for steps. ``low`` and ``high`` are the bounds of the median's 95% confidence interval.

``make bench-record`` and ``make bench-compare`` run the benchmarks first.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from machine import processor

RECORDS = Path(__file__).parent / "record"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or Path(__file__).parents[1] / "target")


class Row(NamedTuple):
    """One benchmark's time."""

    date: str
    processor: str
    level: str
    bench: str
    nanoseconds: float
    low: float
    high: float


def measured() -> list[Row]:
    """The benchmarks of the last run, from criterion's files."""
    today, name = datetime.date.today().isoformat(), processor()
    rows = []
    for path in (TARGET / "criterion").glob("**/new/estimates.json"):
        bench = json.loads(path.with_name("benchmark.json").read_text())
        median = json.loads(path.read_text())["median"]
        interval = median["confidence_interval"]
        times = (median["point_estimate"], interval["lower_bound"], interval["upper_bound"])
        elements = bench["throughput"]["Elements"]
        rows.append(
            Row(
                today,
                name,
                bench["value_str"],
                f"{bench['group_id']}/{bench['function_id']}",
                *(float(f"{time / elements:.6g}") for time in times),
            )
        )
    if not rows:
        sys.exit("nothing measured yet: run `make bench` first")
    return sorted(rows, key=lambda row: (row.bench, row.level))


def write(path: Path, rows: Sequence[NamedTuple]) -> None:
    """Write a record of rows of one type."""
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(rows[0]._fields)
        writer.writerows(rows)


def lines(path: Path) -> list[list[str]]:
    """The lines of a record below its heading."""
    with path.open(newline="") as file:
        return list(csv.reader(file))[1:]


def read(path: Path) -> list[Row]:
    """Read a record."""
    return [
        Row(date, name, level, bench, float(middle), float(low), float(high))
        for date, name, level, bench, middle, low, high in lines(path)
    ]


def record_path() -> Path:
    """The file of a record made on this processor today; a second record replaces the first."""
    slug = re.sub(r"[^a-z0-9]+", "-", processor().lower()).strip("-")
    return RECORDS / f"{datetime.date.today().isoformat()}-{slug}.csv"


def last_record() -> Path | None:
    """The last record of this processor, else the last of all."""
    paths = sorted(RECORDS.glob("????-??-??-*.csv"))
    own = [path for path in paths if read(path)[0].processor == processor()]
    return next(reversed(own or paths), None)


def partner(row: Row, record: list[Row]) -> Row | None:
    """The row of a benchmark in a record: that of its level, or else the fastest one."""
    same = [other for other in record if other.bench == row.bench]
    exact = [other for other in same if other.level == row.level]
    return min(exact or same, key=lambda other: other.nanoseconds, default=None)


def shown(value: float) -> str:
    """A time or a count as a table shows it."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def compare(rows: list[Row], path: Path) -> None:
    """Print a run beside a record."""
    record = read(path)
    print(f"this run beside {path.name}; below 1 is faster than then")
    if record[0].processor != rows[0].processor:
        print(f"not the same machine: {rows[0].processor} now, {record[0].processor} then")
    print(f"{'benchmark':<40} {'level':<9} {'ns now':>13} {'ns then':>13} {'now/then':>9}")
    for row in rows:
        line = f"{row.bench:<40} {row.level:<9} {shown(row.nanoseconds):>13}"
        then = partner(row, record)
        if then is None:
            print(f"{line} {'-':>13} {'-':>9}")
            continue
        level = "" if then.level == row.level else f" ({then.level} then)"
        ratio = row.nanoseconds / then.nanoseconds
        print(f"{line} {shown(then.nanoseconds):>13} {ratio:>9.2f}{level}")


def main() -> None:
    """Write or compare, as the command line says."""
    parser = argparse.ArgumentParser(description="Keep or compare what `cargo bench` measured.")
    parser.add_argument("action", choices=["write", "compare"])
    parser.add_argument("--record", type=Path, help="the record to write, or to compare with")
    arguments = parser.parse_args()
    rows = measured()
    if arguments.action == "write":
        path = arguments.record or record_path()
        write(path, rows)
        print(f"wrote {path}")
        return
    path = arguments.record or last_record()
    if path is None:
        print(f"no record in {RECORDS} yet: `make bench-record` makes one")
        return
    compare(rows, path)


if __name__ == "__main__":
    main()
