"""Links between the pages of the repository lead to files and headings that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import readme

PAGES = sorted([*readme.ROOT.glob("*.md"), *readme.ROOT.glob("docs/**/*.md")])


def without_code(page: Path) -> str:
    """The text of a page, less its blocks and spans of code."""
    text = re.sub(r"^(```+).*?^\1$", "", page.read_text("utf-8"), flags=re.M | re.S)
    return re.sub(r"`[^`\n]*`", "code", text)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, by GitHub's rule."""
    text = re.sub(r"^(```+).*?^\1$", "", page.read_text("utf-8"), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(page: Path) -> list[str]:
    """The relative links of a page that lead nowhere."""
    links = re.findall(r"\]\(([^)\s]+)\)", without_code(page))
    links += re.findall(r'<img src="([^"]+)"', page.read_text("utf-8"))
    found = []
    for link in links:
        name, _, anchor = link.partition("#")
        if re.match(r"\w+:", link):
            continue
        target = page.parent / name if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            found.append(link)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(readme.ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_broken_links_are_found(tmp_path: Path) -> None:
    page, other = tmp_path / "a.md", tmp_path / "b.md"
    other.write_text("# How `exact`\n```\n# no heading\n```\n")
    page.write_text(
        "[1](b.md) [2](b.md#how-exact) [3](c.md) [4](b.md#no-heading) `[5](d.md)`\n"
        '![6](d.png) [7](https://example.org) [8](#here) <img src="e.svg">\n'
    )
    assert broken(page) == ["c.md", "b.md#no-heading", "d.png", "#here", "e.svg"]
