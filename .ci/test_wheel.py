"""Install a wheel into a fresh environment, and run the tests on it from outside of the checkout.

    python .ci/test_wheel.py dist             # with all optional packages
    python .ci/test_wheel.py dist --base      # with NumPy, and tqdm for bars

The folder has the wheel of this version; pip takes the one that fits the running Python. The tests
are copied to another folder, where neither the package's source nor a build of it can be imported.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from versions import ROOT, versions

#: What the tests need beside the package.
TOOLS = (
    "hypothesis",
    "pytest>=8; python_version >= '3.11'",
    "pytest>=8,<9; python_version < '3.11'",
    "pytest-timeout",
    "threadpoolctl",
)

#: The package, and what is built from it or for it. All else is copied.
LEFT_OUT = ("python", "src", "target", "dist", "fuzz", "Cargo.lock")

#: The programs that a machine without Rust lacks.
RUST = ("cargo", "rustc", "cargo.exe", "rustc.exe")


def copied(folder: Path) -> Path:
    """The checkout without the package, in a new folder."""
    target = folder / "checkout"
    target.mkdir()
    for entry in ROOT.iterdir():
        hidden = entry.name.startswith(".") and entry.name not in (".ci", ".github")
        if hidden or entry.name in LEFT_OUT:
            continue
        if entry.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "_build")
            shutil.copytree(entry, target / entry.name, ignore=ignored)
        else:
            shutil.copy(entry, target)
    return target


def environment(folder: Path) -> Path:
    """A fresh virtual environment; its Python."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def variables(*, rust: bool) -> Mapping[str, str]:
    """The variables of the environment. The search path has no Rust unless that is wanted."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    if not rust:
        places = kept["PATH"].split(os.pathsep)
        kept["PATH"] = os.pathsep.join(
            place for place in places if not any((Path(place) / name).exists() for name in RUST)
        )
        assert shutil.which("cargo", path=kept["PATH"]) is None
    return kept


def main() -> int:
    """Run the tests, and return pytest's exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("dist", type=Path, help="the folder of the wheels")
    parser.add_argument("--base", action="store_true", help="no optional packages")
    parser.add_argument("--with", dest="others", action="append", default=[], metavar="PACKAGE")
    parser.add_argument("--without-rust", action="store_true", help="hide Rust from the tests")
    parser.add_argument("rest", nargs="*", help="arguments of pytest, after --")
    given = parser.parse_args()
    package = f"ckn-rs=={versions()['version']}"
    with tempfile.TemporaryDirectory(prefix="ckn-wheel-") as name:
        folder = Path(name).resolve()
        python = environment(folder / "venv")

        def run(*command: str | Path) -> int:
            shown = variables(rust=not given.without_rust)
            arguments = [str(python), *map(str, command)]
            return subprocess.run(arguments, cwd=copy, env=shown, check=False).returncode

        copy = copied(folder)
        pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        dist = given.dist.resolve()
        extra = "ckn-rs[progress]" if given.base else "ckn-rs[all]"
        tools = (*TOOLS, *(() if given.base else ("pandas",)))
        failed = (
            run(*pip, "--no-index", "--no-deps", "--find-links", dist, package)
            or run(*pip, "--only-binary", ":all:", extra, *tools, *given.others)
            or run("-I", "-c", "import ckn_rs; print(ckn_rs.__file__, ckn_rs.simd_level())")
            or run("-I", "tests/python/readme.py")
        )
        if failed:
            return failed
        options = ("-q", "-p", "no:cacheprovider", "--doctest-ignore-import-errors", "--pyargs")
        docstrings = () if given.base else ("ckn_rs",)  # these use the optional packages, too
        return run("-m", "pytest", *options, "tests/python", *docstrings, *given.rest)


if __name__ == "__main__":
    sys.exit(main())
