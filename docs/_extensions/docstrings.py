"""How the reference reads docstrings: which members of a class it shows, and names of authors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

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
    if what != "class" and what != "exception":
        return None
    owner = getattr(member, "fget", None) or getattr(member, "__objclass__", None) or member
    module = getattr(owner, "__module__", None) or "ckn_rs"
    # The fields of a named tuple are described by the class; Python only counts them.
    counted = (getattr(member, "__doc__", None) or "").startswith("Alias for field number")
    foreign = module.partition(".")[0] != "ckn_rs"
    return True if foreign or counted or ROUTING.fullmatch(name) else None


def keep_initials(
    app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    """Escape the initial of an author at the begin of a reference, which would begin a list."""
    lines[:] = [INITIAL.sub(r"\1\2\\. ", line) for line in lines]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the choice and the names."""
    app.connect("autodoc-skip-member", skip)
    app.connect("autodoc-process-docstring", keep_initials)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
