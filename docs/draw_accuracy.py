"""Draw README's picture, the last one of an example of the gallery, into ``docs/pictures/``.

Run it from anywhere with the Python of ``make build``: ``.venv/bin/python docs/draw_accuracy.py``.
"""

from __future__ import annotations

import runpy
from pathlib import Path

import matplotlib
from matplotlib import pyplot as plt

DOCS = Path(__file__).parent


def main() -> None:
    """Run the example, and keep its picture."""
    matplotlib.use("agg")
    runpy.run_path(str(DOCS / "examples" / "plot_accuracy.py"))
    folder = DOCS / "pictures"
    folder.mkdir(exist_ok=True)
    plt.savefig(folder / "accuracy.png", dpi=150, metadata={"Software": None})


if __name__ == "__main__":
    main()
