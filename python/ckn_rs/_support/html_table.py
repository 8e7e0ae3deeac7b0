"""Tables in HTML, by which objects show themselves in notebooks."""

from collections.abc import Sequence
from html import escape

_CELL = 'style="text-align: left"'
"""Notebooks align cells to the right. Colours are left to them, so that dark themes work."""


def html_table(
    rows: Sequence[Sequence[object]], *, caption: str = "", head: bool = True, footer: str = ""
) -> str:
    """Rows of cells as an HTML table; every text in it is escaped.

    Parameters
    ----------
    rows : sequence of sequences
        The cells. With ``head`` the first row has the names of the columns, without it the first
        cell of each row is the name of the row.
    caption, footer : str
        Lines above and below the table; none if empty.

    Examples
    --------
    >>> print(html_table([("kernel",), ("a < b",)], caption="Two"))
    <table>
    <caption style="text-align: left">Two</caption>
    <thead>
    <tr><th style="text-align: left">kernel</th></tr>
    </thead>
    <tbody>
    <tr><td style="text-align: left">a &lt; b</td></tr>
    </tbody>
    </table>
    """
    lines = ["<table>"]
    if caption:
        lines.append(f"<caption {_CELL}>{escape(caption)}</caption>")
    if head:
        lines += ["<thead>", _row(["th"] * len(rows[0]), rows[0]), "</thead>"]
    lines.append("<tbody>")
    for row in rows[1:] if head else rows:
        lines.append(_row(["td" if head else "th"] + ["td"] * (len(row) - 1), row))
    lines += ["</tbody>", "</table>"]
    if footer:
        lines.append(f"<div>{escape(footer)}</div>")
    return "\n".join(lines)


def _row(tags: Sequence[str], cells: Sequence[object]) -> str:
    pairs = zip(tags, cells, strict=True)
    return (
        f"<tr>{''.join(f'<{tag} {_CELL}>{escape(str(cell))}</{tag}>' for tag, cell in pairs)}</tr>"
    )
