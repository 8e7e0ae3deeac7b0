"""Draw ``kappa(u)`` and its slope for every patch kernel, into ``docs/kernels/``.

Run it from anywhere with the Python of ``make build``: ``.venv/bin/python docs/draw_kernels.py``.
The values are those of the package: kernels of single pixels of norm 1 with cosine ``u``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

import ckn_rs

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
SINGULAR = {"step"}


def kernel(name: str, cosines: np.ndarray[Any, Any], ntk: bool) -> np.ndarray[Any, Any]:
    """The kernel of a unit pixel with unit pixels at these cosines."""
    layer = {"npatch": 1, "kernel": name, "pooling": "none", **PARAMETERS.get(name, {})}
    one = np.array([1.0, 0.0]).reshape(1, 1, 1, 2)
    others = np.stack([cosines, np.sqrt(1 - cosines**2)], axis=1).reshape(-1, 1, 1, 2)
    return ckn_rs.compute_kernel_matrix(one, others, model=[layer], ntk=ntk)[0]


def draw(name: str) -> None:
    """One small picture: the kernel, and dashed its slope, from the NTK: ``T = slope u + M``."""
    # The grid leaves out 0, since values are divided by u.
    cosines = np.linspace(-1, 1, 200)
    value = kernel(name, cosines, ntk=False)
    figure, axes = plt.subplots(figsize=(1.6, 1.1))
    axes.axhline(0, color="0.8", linewidth=0.5)
    axes.axvline(0, color="0.8", linewidth=0.5)
    if name not in SINGULAR:
        slope = (kernel(name, cosines, ntk=True) - value) / cosines
        axes.plot(cosines, slope / np.abs(slope).max(), color="0.6", linestyle="--", linewidth=0.8)
    axes.plot(cosines, value / np.abs(value).max(), color="C0", linewidth=1.5)
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
    for name in ckn_rs._core.KERNELS:
        draw(name)


if __name__ == "__main__":
    main()
