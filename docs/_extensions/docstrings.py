"""How the reference reads docstrings: members of classes, constants, and names of authors."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from sphinx.pycode import ModuleAnalyzer

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROUTING = re.compile("set_.*_request")
"""Methods that scikit-learn makes for every estimator."""

INITIAL = re.compile(r"^(\.\. \[[^\]]+\] )([A-Z])\. ")
"""The first initial of the first author of a reference."""


def skip(
    app: Sphinx, what: str, name: str, member: object, skipped: bool, options: object
) -> bool | None:
    """Leave out what comes from other packages, such as ``tuple.count`` and ``Kernel.theta``."""
    if what not in ("class", "exception"):
        return None
    owner = getattr(member, "fget", None) or getattr(member, "__objclass__", None) or member
    module = getattr(owner, "__module__", None) or "ckn_rs"
    # Sphinx has an object of its own in the place of a field without a value.
    foreign = module.partition(".")[0] not in ("ckn_rs", "sphinx")
    # The fields of a named tuple are described by the class; Python only counts them.
    counted = (getattr(member, "__doc__", None) or "").startswith("Alias for field number")
    return True if foreign or counted or ROUTING.fullmatch(name) else None


def describe_constant(
    app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    """Take the text of a constant from the module that defines it, not from its type."""
    if what != "data":
        return
    constant = name.rpartition(".")[2]
    for module in [each for each in sys.modules if each.partition(".")[0] == "ckn_rs"]:
        if getattr(sys.modules[module], constant, None) is thing and module != "ckn_rs._core":
            text = ModuleAnalyzer.for_module(module).find_attr_docs().get(("", constant))
            if text is not None:
                lines[:] = text


def keep_initials(
    app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    """Escape the initial of an author at the begin of a reference, which would begin a list."""
    lines[:] = [INITIAL.sub(r"\1\2\\. ", line) for line in lines]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the choice of members, and what is done to texts."""
    app.connect("autodoc-skip-member", skip)
    app.connect("autodoc-process-docstring", describe_constant)
    app.connect("autodoc-process-docstring", keep_initials)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
