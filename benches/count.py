"""Keep the numbers of instructions that the benchmarks take, and compare new ones with them.

Times on a shared machine vary by half; instruction counts do not. ``count.py write`` counts the
instructions of every model, norm and step, and writes ``benches/record/counts.csv``. ``count.py
compare`` prints a new count beside that record, and fails where one grew by more than 1 %. Counts
are for one element: a pair of images, an image for norms, an entry of a map for steps, a number
for packing. ``make bench-count-record`` and ``make bench-count`` run these.

The program is the one that ``cargo bench`` runs, here under valgrind's tool callgrind. Valgrind has
no AVX-512, so that counts are of the AVX2 level. Another compiler may give other counts.
"""

from __future__ import annotations

import argparse
import datetime
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from record import RECORDS, lines, shown, write

COUNTS = RECORDS / "counts.csv"

#: A count may grow by this factor without a new record.
ALLOWED = 1.01

#: The function of ``benches/engine/meter.rs`` that ends a part of the count.
NEXT_PART = "*next_part*"

#: What is counted at the same time, each in a process of its own.
GROUPS = ("pair", "steps", "norms")


class Row(NamedTuple):
    """One benchmark's number of instructions for an element."""

    date: str
    compiler: str
    level: str
    bench: str
    instructions: float


def output(*command: str) -> str:
    """What a command prints to its standard output; its error ends this program."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{command[0]} failed with exit code {done.returncode}")
    return done.stdout


def build() -> str:
    """Build the benchmarks, and return the path of their program."""
    messages = output("cargo", "bench", "--bench=engine", "--no-run", "--message-format=json")
    built = [json.loads(line).get("executable") for line in messages.splitlines()]
    (program,) = filter(None, built)
    return str(program)


def parts(profile: str) -> list[int]:
    """The instructions of each part of the count, from callgrind's file."""
    found = re.findall(
        r"^desc: Trigger: --dump-before=.*?^(?:totals|summary): (\d+)", profile, re.M | re.S
    )
    return [int(total) for total in found]


def rows_of(printed: str, profile: str) -> list[Row]:
    """The counts, from the lines that the program printed and callgrind's file."""
    counts = parts(profile)
    benches = [line.split("\t") for line in printed.splitlines()]
    if not benches or len(counts) != 3 * len(benches):
        sys.exit(f"{len(benches)} benchmarks need three counts each, callgrind has {len(counts)}")
    today, compiler = datetime.date.today().isoformat(), output("rustc", "--version").strip()
    rows = []
    for (bench, level, elements), none, runs in zip(
        benches, counts[1::3], counts[2::3], strict=True
    ):
        count = float(f"{(runs - none) / int(elements):.6g}")
        rows.append(Row(today, compiler, level, bench, count))
    return rows


def group_rows(program: str, group: str) -> list[Row]:
    """Count the instructions of the benchmarks of a group."""
    with tempfile.TemporaryDirectory() as folder:
        profile = Path(folder) / "profile"
        printed = output(
            "valgrind",
            "--quiet",
            "--tool=callgrind",
            f"--callgrind-out-file={profile}",
            "--combine-dumps=yes",
            f"--dump-before={NEXT_PART}",
            program,
            "--count",
            group,
        )
        return rows_of(printed, profile.read_text())


def measured() -> list[Row]:
    """Count the instructions of all benchmarks."""
    if shutil.which("valgrind") is None:
        sys.exit(
            "valgrind is not installed: `apt install valgrind` (or your system's package) first"
        )
    program = build()
    with ThreadPoolExecutor() as pool:
        counted = pool.map(lambda group: group_rows(program, group), GROUPS)
        return sorted((row for rows in counted for row in rows), key=lambda row: row.bench)


def read(path: Path) -> list[Row]:
    """Read a record."""
    return [
        Row(date, compiler, level, bench, float(count))
        for date, compiler, level, bench, count in lines(path)
    ]


def compare(rows: Sequence[Row], record: Sequence[Row]) -> list[str]:
    """Print a run beside a record, and return the benchmarks that grew by more than is allowed."""
    then = {(row.bench, row.level): row.instructions for row in record}
    if record[0].compiler != rows[0].compiler:
        print(f"not the same compiler: {rows[0].compiler} now, {record[0].compiler} then")
    print(f"{'benchmark':<40} {'level':<9} {'now':>13} {'then':>13} {'now/then':>9}")
    grown, fallen = [], 0
    for row in rows:
        line = f"{row.bench:<40} {row.level:<9} {shown(row.instructions):>13}"
        before = then.pop((row.bench, row.level), None)
        if before is None:
            print(f"{line} {'-':>13} {'-':>9}")
            continue
        ratio = row.instructions / before
        print(f"{line} {shown(before):>13} {ratio:>9.3f}{'  grown' if ratio > ALLOWED else ''}")
        if ratio > ALLOWED:
            grown.append(row.bench)
        fallen += ratio < 1 / ALLOWED
    for bench, _ in then:
        print(f"{bench}: in the record, no longer measured")
    if fallen:
        print(
            f"{fallen} counts fell by more than 1 %: `make bench-count-record` keeps the new ones"
        )
    return grown


def main() -> None:
    """Write or compare, as the command line says."""
    parser = argparse.ArgumentParser(description="Keep or compare counts of instructions.")
    parser.add_argument("action", choices=["write", "compare"])
    parser.add_argument("--record", type=Path, default=COUNTS, help="the record")
    arguments = parser.parse_args()
    path = arguments.record
    if arguments.action == "compare" and not path.exists():
        sys.exit(f"no record {path} yet: `make bench-count-record` makes one")
    rows = measured()
    if arguments.action == "write":
        write(path, rows)
        print(f"wrote {path}")
        return
    grown = compare(rows, read(path))
    if grown:
        sys.exit(
            f"{len(grown)} of {len(rows)} counts grew by more than 1 %: {'; '.join(grown)}\n"
            "`make bench-count-record` keeps the new counts, if they are meant"
        )


if __name__ == "__main__":
    main()
