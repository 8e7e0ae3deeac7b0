"""Imports go down: no module of the package imports from a room above its own, or in a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import ckn_rs

PACKAGE = Path(ckn_rs.__file__).parent

#: The rooms of the package from the bottom to the top. A module imports modules of its own room and
#: of the rooms before it. A name stands for a module, or for a folder with all its modules.
ROOMS = {
    "the compiled core": ["_core"],
    "helpers of all rooms": ["_support"],
    "models": ["layer", "residual", "_spec", "_describe", "model", "models"],
    "kernels in memory": ["compute"],
    "images": ["data", "preprocess"],
    "learning": ["learn", "gp", "ridge"],
    "matrices on disk": ["store"],
    "scikit-learn": ["sklearn"],
    "pictures": ["plot"],
    "the command line": ["cli"],
    "the doors": ["__init__", "__main__"],
}


def modules() -> dict[str, Path]:
    """Each module of the package and its file, such as ``store._job`` and ``__init__``."""
    found = {}
    for path in [*PACKAGE.rglob("*.py"), PACKAGE / "_core.pyi"]:
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        inside = parts[:-1] if parts[-1] == "__init__" else parts
        found[".".join(inside) or "__init__"] = path
    return found


def room_of(module: str) -> int:
    """The number of a module's room."""
    (room,) = [k for k, names in enumerate(ROOMS.values()) if module.split(".")[0] in names]
    return room


def imports(source: str, known: Mapping[str, object]) -> Iterator[str]:
    """The modules of the package that a source imports, also within functions.

    ``from ckn_rs import x`` imports the module ``x`` if there is one, or else from ``__init__``.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "an import within the package names it"
            assert node.module is not None
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            package, _, module = name.partition(".")
            if package != "ckn_rs":
                continue
            while module and module not in known:
                module = module.rpartition(".")[0]
            yield module or "__init__"


def arrows() -> dict[str, set[str]]:
    """Each module with the modules that it imports."""
    found = modules()
    return {name: set(imports(path.read_text("utf-8"), found)) for name, path in found.items()}


def test_every_module_is_in_one_room() -> None:
    found = modules()
    assert {room_of(module) for module in found} == set(range(len(ROOMS)))
    for names in ROOMS.values():
        for name in names:
            assert name in found


def test_imports_go_down() -> None:
    rooms = list(ROOMS)
    upwards = [
        f"{module} ({rooms[room_of(module)]}) imports {other} ({rooms[room_of(other)]})"
        for module, others in arrows().items()
        for other in others
        if room_of(other) > room_of(module)
    ]
    assert not upwards


def test_no_module_imports_itself_by_way_of_others() -> None:
    try:
        TopologicalSorter(arrows()).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_imports_are_found_wherever_they_stand() -> None:
    source = """
import ckn_rs
from ckn_rs import _core, Layer
if TYPE_CHECKING:
    import ckn_rs.cli.bench
def late():
    from ckn_rs.store import open_gram, _job
    from numpy import store
"""
    known = dict.fromkeys(["__init__", "_core", "cli", "cli.bench", "store", "store._job"])
    assert set(imports(source, known)) == {"__init__", "_core", "cli.bench", "store", "store._job"}
