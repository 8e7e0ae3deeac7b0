"""Print the versions that the workflows test, as ``name=value`` lines for ``$GITHUB_OUTPUT``.

Each version stands in one place, where a tool needs it anyway. This program reads these places:
``pyproject.toml`` has the Pythons and the oldest NumPy, ``Cargo.toml`` the version of the package
and the oldest Rust, and the record of instruction counts the Rust that they were taken with.
"""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def _first(pattern: str, file: str) -> str:
    """The first group of the only match in a file."""
    text = (ROOT / file).read_text(encoding="utf-8")
    (found,) = re.findall(pattern, text, re.MULTILINE)
    return str(found)


def versions() -> dict[str, str]:
    """The versions by name; lists are JSON, as matrices take them."""
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    pythons = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', pyproject)
    with (ROOT / "benches/record/counts.csv").open(encoding="utf-8", newline="") as file:
        compilers = {row["compiler"].split()[1] for row in csv.DictReader(file)}
    return {
        "version": _first(r'^version = "(.*)"$', "Cargo.toml"),
        "msrv": _first(r'^rust-version = "(.*)"$', "Cargo.toml"),
        "counted": max(compilers, key=lambda name: [int(part) for part in name.split(".")]),
        "numpy": _first(r'^dependencies = \["numpy>=([\d.]+)"\]$', "pyproject.toml"),
        "pythons": json.dumps(pythons),
        "oldest": pythons[0],
        "newest": pythons[-1],
    }


if __name__ == "__main__":
    for name, value in versions().items():
        print(f"{name}={value}")
