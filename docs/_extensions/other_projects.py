"""Links to the pages of other projects, by the rule of their addresses.

Sphinx's own extension would fetch the list of each project's pages. This site is built without a
network, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from docutils import nodes

if TYPE_CHECKING:
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

ADDRESSES = {
    "numpy": "https://numpy.org/doc/stable/reference/generated/{}.html",
    "pandas": "https://pandas.pydata.org/docs/reference/api/{}.html",
    "sklearn": "https://scikit-learn.org/stable/modules/generated/{}.html",
}
"""The addresses of the pages of classes and functions."""


def resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, text: nodes.TextElement
) -> nodes.Node | None:
    """A link to the page of a class or a function, or the name alone for a module."""
    target = node.get("reftarget", "")
    address = ADDRESSES.get(target.partition(".")[0])
    if node.get("refdomain") != "py" or address is None:
        return None
    if node["reftype"] == "mod":
        return text
    return nodes.reference("", "", text, internal=False, refuri=address.format(target))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the links."""
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
