"""The reference of the documentation has every public name, and no other."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import ckn_rs
import readme

PACKAGE = Path(ckn_rs.__file__).parent
REFERENCE = readme.ROOT / "docs" / "reference"

INSIDE = {"cli", "compute", "layer", "learn", "model", "residual"}
"""Rooms of the package that are no modules for users; others make their names public."""


def documented() -> dict[str, list[str]]:
    """The modules of the reference, and the names that it lists of each."""
    found: dict[str, list[str]] = {}
    for page in REFERENCE.glob("*.rst"):
        text = page.read_text("utf-8")
        (module,) = re.findall(r"^\.\. automodule:: (\S+)$", text, re.M)
        lists = re.findall(
            r"^\.\. autosummary::\n   :toctree: names\n\n((?:   \S+\n)+)", text, re.M
        )
        assert len(lists) == text.count("autosummary::"), page
        found[module] = [name for names in lists for name in names.split()]
    return found


def public(path: Path) -> list[str]:
    """The names in the ``__all__`` of a module."""
    (names,) = [
        ast.literal_eval(node.value)
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    return list(names)


def modules() -> dict[str, Path]:
    """The public modules of the package, with their files."""
    files = {path.stem: path for path in PACKAGE.glob("*.py")}
    rooms = {path.parent.name: path for path in PACKAGE.glob("*/__init__.py")}
    names = {name for name in files | rooms if not name.startswith("_")} - INSIDE
    inner = {f"ckn_rs.{name}": (files | rooms)[name] for name in names}
    return {"ckn_rs": PACKAGE / "__init__.py"} | inner


def test_every_public_name_is_in_the_reference() -> None:
    listed = documented()
    assert listed.pop("ckn_kernel") == []  # it says that its names are those of `ckn_rs`
    assert sorted(listed) == sorted(modules())
    for module, path in modules().items():
        assert sorted(listed[module]) == sorted(public(path)), module


def test_every_page_is_in_the_table_and_in_the_contents() -> None:
    index = (REFERENCE / "index.md").read_text("utf-8")
    (contents,) = re.findall(r"```\{toctree\}\n:hidden:\n\n(.*?)```", index, re.S)
    pages = {page.stem for page in REFERENCE.glob("*.rst")}
    assert set(contents.split()) == pages
    assert set(re.findall(r"\{mod\}`([\w.]+)`", index)) == set(documented())
