"""Links of pages that are read in the repository, too, where there is no site.

Some pages of the site include a page that stands elsewhere in the repository, such as
``CONTRIBUTING.md``. Links are written for readers of the repository: ``../CONTRIBUTING.md`` in a
page of ``docs/``, ``docs/stores.md`` in one of the root, ``examples/plot_digits.py`` for an
example. Here they become links of the site. So does code that is the path of a page, such as
``docs/stores.md``, or a public name of the package, such as ``compute_both``.
"""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx import addnodes

import ckn_rs

if TYPE_CHECKING:
    from sphinx.application import Sphinx

DOCS = Path(__file__).parents[1]
ROOT = DOCS.parent

INCLUDED = {
    "changelog": "CHANGELOG.md",
    "contributing": "CONTRIBUTING.md",
    "design": "DESIGN.md",
}
"""The pages of the site that include a page of the repository's root."""

MODULES = ("data", "gp", "models", "plot", "preprocess", "ridge", "sklearn", "store")
"""The public modules of the package."""

COMMON_WORDS = {"dtype"}
"""Public names that mean something else in most texts."""

for _module in MODULES:
    import_module(f"ckn_rs.{_module}")

PAGES = {ROOT / path: name for name, path in INCLUDED.items()} | {ROOT / "README.md": "index"}


def page_of(path: Path) -> str | None:
    """The page of the site that shows a file of the repository."""
    if path in PAGES:
        return PAGES[path]
    if not path.is_relative_to(DOCS) or not path.is_file():
        return None
    inside = path.relative_to(DOCS)
    if inside.parts[0] == "examples":
        return "gallery/index" if inside.stem == "README" else f"gallery/{inside.stem}"
    return inside.with_suffix("").as_posix() if path.suffix in {".md", ".rst"} else None


def name_of(code: str) -> str | None:
    """The full name of a public object that code in a text names, with or without arguments."""
    first, *rest = code.partition("(")[0].split(".")
    if first in ckn_rs.__all__ and first not in COMMON_WORDS:
        found = ["ckn_rs", first, *rest]
    elif first == "ckn_rs" and rest:
        found = [first, *rest]
    elif first in MODULES and rest:
        found = ["ckn_rs", first, *rest]
    else:
        return None
    thing: object = ckn_rs
    for name in found[1:]:
        if name.startswith("_") or not hasattr(thing, name):
            return None
        thing = getattr(thing, name)
    return ".".join(found)


def resolve_links(app: Sphinx, doctree: nodes.document) -> None:
    """Point links that are written for the repository at pages of the site."""
    here = app.env.docname
    if app.env.doc2path(here).suffix != ".md":
        return
    folder = ROOT if here in INCLUDED else (DOCS / here).parent
    for link in list(doctree.findall(addnodes.pending_xref)):
        if link["reftype"] == "myst":
            _resolve(link, folder)
    for link in list(doctree.findall(addnodes.download_reference)):  # an example is a file
        page = page_of(Path(os.path.normpath(folder / link["reftarget"])))
        if page is not None:
            link.replace_self(_link_to_page(here, page, *link.children))
    for code in list(doctree.findall(nodes.literal)):
        if isinstance(code.parent, addnodes.pending_xref | nodes.reference | nodes.title):
            continue
        text = code.astext()
        page = page_of(ROOT / text) if text.endswith(".md") else None
        name = name_of(text)
        if page is not None and page != here:
            code.replace_self(_link_to_page(here, page, code.deepcopy()))
        elif name is not None:
            to = {"refdomain": "py", "reftype": "obj", "reftarget": name, "refdoc": here}
            code.replace_self(addnodes.pending_xref("", code.deepcopy(), refexplicit=True, **to))


def _link_to_page(here: str, page: str, *text: nodes.Node) -> addnodes.pending_xref:
    to = {"refdomain": "doc", "reftype": "myst", "reftarget": page, "reftargetid": None}
    return addnodes.pending_xref("", *text, refdoc=here, refexplicit=True, **to)


def _resolve(link: addnodes.pending_xref, folder: Path) -> None:
    """Make a link to a file in ``folder`` one to the page that shows it."""
    target = link["reftarget"]
    if link["refdomain"] == "doc":  # a path from the folder of the site, without its suffix
        path, anchor = DOCS / f"{target}.md", link["reftargetid"]
        if not path.is_file():
            path = path.with_suffix(".rst")
    else:
        name, _, anchor = target.partition("#")
        path = folder / name
    page = page_of(Path(os.path.normpath(path)))
    if page is not None:
        link["refdomain"], link["reftarget"], link["reftargetid"] = "doc", page, anchor or None


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the links."""
    app.connect("doctree-read", resolve_links)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
