"""The HTML by which objects show themselves in notebooks, read again."""

from __future__ import annotations

from html.parser import HTMLParser


class Page(HTMLParser):
    """The cells of the tables of a page, row by row, and its other texts; it must be plain HTML."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[list[str]] = []
        self.others: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in {"table", "caption", "thead", "tbody", "tr", "th", "td", "div"}
        assert set(attrs) <= {("style", "text-align: left")}  # no colour, and nothing from outside
        self._open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in ("th", "td"):
            self.rows[-1][-1] += data
        elif data.strip():
            self.others.append(data)
