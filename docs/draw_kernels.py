"""Draw ``kappa(u)`` and its slope for every patch kernel, into ``docs/kernels/``.

Run it from anywhere with the Python of ``make build``: ``.venv/bin/python docs/draw_kernels.py``.
The values are those of the package, by ``ckn_rs.plot.kernel_curve``, for patches of norm 1.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from ckn_rs import _core
from ckn_rs.plot import kernel_curve

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "ckn-rs"  # the same file for the same picture

from matplotlib import pyplot as plt  # noqa: E402 (after the choice of a backend)

FOLDER = Path(__file__).parent / "kernels"

#: The parameters with which kernels are drawn; other kernels are drawn with their defaults.
PARAMETERS: dict[str, dict[str, Any]] = {
    "exp": {"sigma": 0.6},
    "abrelu": {"a": -0.5},
    "poly": {"degree": 3, "offset": 0.5},
    "series": {"coefficients": [0.1, 0.5, 0.0, 0.4]},
}


def draw(name: str) -> None:
    """One small picture: the kernel, and dashed its slope, each with a scale of its own."""
    curve = kernel_curve({"kernel": name, **PARAMETERS.get(name, {})})
    figure, axes = plt.subplots(figsize=(1.6, 1.1))
    axes.axhline(0, color="0.8", linewidth=0.5)
    axes.axvline(0, color="0.8", linewidth=0.5)
    if curve.slopes is not None:
        slopes = curve.slopes / np.abs(curve.slopes).max()
        axes.plot(curve.cosines, slopes, color="0.6", linestyle="--", linewidth=0.8)
    values = curve.values / np.abs(curve.values).max()
    axes.plot(curve.cosines, values, color="C0", linewidth=1.5)
    axes.set(xlim=(-1, 1), ylim=(-1.05, 1.05), xticks=[-1, 0, 1], yticks=[])
    axes.tick_params(labelsize=6, length=2, pad=1)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    figure.tight_layout(pad=0.2)
    figure.savefig(FOLDER / f"{name}.svg", metadata={"Date": None}, transparent=True)
    plt.close(figure)


def main() -> None:
    """Draw every kernel."""
    FOLDER.mkdir(exist_ok=True)
    for name in _core.KERNELS:
        draw(name)


if __name__ == "__main__":
    main()
