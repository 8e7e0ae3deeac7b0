"""Plain-text tables."""

from collections.abc import Sequence


def text_table(rows: Sequence[Sequence[object]]) -> str:
    """Rows of cells as text, with columns aligned and two spaces apart. The first row is the head.

    Examples
    --------
    >>> print(text_table([("kernel", "time"), ("exp", 12)]))
    kernel  time
    exp     12
    """
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*cells, strict=True)]
    lines = (zip(row, widths, strict=True) for row in cells)
    return "\n".join("  ".join(c.ljust(w) for c, w in line).rstrip() for line in lines)
