"""Each version stands in one place; where a tool needs it in a second one, they agree."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path

import pytest

import ckn_rs

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.fixture
def versions(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.syspath_prepend(ROOT / ".ci")
    found: dict[str, str] = importlib.import_module("versions").versions()
    return found


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def test_the_version_of_the_package(versions: dict[str, str]) -> None:
    assert versions["version"] == ckn_rs.__version__
    assert "version:" not in read("CITATION.cff").replace("cff-version:", "")


def test_the_pythons(versions: dict[str, str]) -> None:
    pythons = json.loads(versions["pythons"])
    first, last = (int(python.removeprefix("3.")) for python in (pythons[0], pythons[-1]))
    assert pythons == [f"3.{minor}" for minor in range(first, last + 1)]
    assert (versions["oldest"], versions["newest"]) == (pythons[0], pythons[-1])
    assert f'requires-python = ">={versions["oldest"]}"' in read("pyproject.toml")
    assert f'"abi3-py3{first}"' in read("Cargo.toml")


def test_the_pinned_tools_are_for_all_pythons(versions: dict[str, str]) -> None:
    """Otherwise `make wheel` fails on an older one: pip wants a hash of all that it needs there."""
    assert f"--universal --python-version {versions['oldest']} " in read("CONTRIBUTING.md")
    for name in ("build", "check"):
        pins = read(f".github/requirements/{name}.txt")
        assert re.search(r"python_full_version < '3\.11'", pins), name


def test_the_images_of_containers_have_the_newest_python(versions: dict[str, str]) -> None:
    images = re.findall(r"image: (\S+)", "".join(map(read, map(str, WORKFLOWS))))
    assert images
    for image in images:
        assert re.fullmatch(rf"python:{versions['newest']}-alpine@sha256:[0-9a-f]{{64}}", image)


def test_actions_are_pinned_once_and_all_alike() -> None:
    used: dict[str, set[str]] = {}
    for path in WORKFLOWS:
        for name, digest in re.findall(r"uses: (\S+?)@(.+)", path.read_text("utf-8")):
            assert re.fullmatch(r"[0-9a-f]{40} # v[\d.]+", digest), (path.name, name)
            used.setdefault(name, set()).add(digest)
    assert used
    assert all(len(digests) == 1 for digests in used.values()), used


def test_the_numbers_of_the_workflows(versions: dict[str, str]) -> None:
    """What a matrix gets is a version: digits and points."""
    for name in ("version", "msrv", "counted", "numpy", "oldest", "newest"):
        assert re.fullmatch(r"\d+(\.\d+)+", versions[name]), name
    assert "numpy" in versions
    assert f'rust-version = "{versions["msrv"]}"' in read("Cargo.toml")
