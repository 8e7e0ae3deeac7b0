"""The directive ``named-models``: a list of the models that have names, and their layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from ckn_rs import models

if TYPE_CHECKING:
    from sphinx.application import Sphinx


class NamedModels(SphinxDirective):
    """A definition list: a name, then what :func:`ckn_rs.models.summary` says of it."""

    def run(self) -> list[nodes.Node]:
        """Make the list."""
        listed = nodes.definition_list()
        for name in models.NAMES:
            layers = nodes.paragraph(text=models.summary(name))
            listed += nodes.definition_list_item(
                "",
                nodes.term("", "", nodes.literal(text=name)),
                nodes.definition("", layers),
            )
        return [listed]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("named-models", NamedModels)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
