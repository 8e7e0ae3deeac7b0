"""Accuracy and time of a kernel averaged over horizontal flips, beside the kernel itself.

Run ``.venv/bin/python benches/flip.py FOLDER``, with the folder of Fashion-MNIST's idx files;
``--help`` lists its options. Ridge regression fits shuffled training images, pixels from 0 to 1, by
the regularisation that labels most of the left-out images rightly, and labels the 10,000 test
images. The times are of the matrices that both need: all threads together, and by the clock.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ckn_rs import Layer, Model, compute_kernel_matrix, models, ridge
from ckn_rs._support.table import text_table
from ckn_rs.data import load_images, load_labels

DEFAULT = Model([Layer(7, 2, stride=3, kernel="exp", sigma=0.65, pooling="average")])
"""A good model among those of a microsecond a pair. Its geometry is symmetric."""

LAMBDAS = [10.0**power for power in range(-6, 0)]


def row(
    name: str, model: Model, augment: str | None, data: tuple[NDArray[Any], ...]
) -> tuple[str, ...]:
    """Accuracies and times of one kernel."""
    X, y, X_test, y_test = data
    cpu, clock = time.process_time(), time.perf_counter()
    options: dict[str, Any] = {"model": model, "augment": augment}
    K = compute_kernel_matrix(X, **options)
    K_test = compute_kernel_matrix(X, X_test, **options)
    times = (time.process_time() - cpu, time.perf_counter() - clock)
    fitted = ridge.fit(K, y, LAMBDAS)
    assert fitted.left_out is not None
    left_out = (fitted.left_out == y).mean(axis=1)
    test = fitted.accuracies(K_test, y_test)
    best = int(left_out.argmax())
    return (
        name,
        str(augment),
        f"{fitted.lambdas[best]:g}",
        f"{left_out[best]:.2%}",
        f"{test[best]:.2%}",
        *(f"{seconds:.0f} s" for seconds in times),
    )


def pixels(file: Path, which: Any) -> NDArray[np.float32]:
    """Some images of a file, from 0 to 1."""
    images = load_images(file)[which]
    scaled: NDArray[np.float32] = np.divide(images, 255, dtype=np.float32)
    return scaled


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="the folder of Fashion-MNIST's idx files")
    parser.add_argument("--images", type=int, default=5000, help="training images: 5000")
    parser.add_argument("--models", nargs="*", default=[], metavar="NAME", help="named models, too")
    arguments = parser.parse_args()
    folder = arguments.folder
    shuffled = np.random.default_rng(0).permutation(60_000)[: arguments.images]
    data = (
        pixels(folder / "train-images-idx3-ubyte.gz", shuffled),
        load_labels(folder / "train-labels-idx1-ubyte.gz")[shuffled],
        pixels(folder / "t10k-images-idx3-ubyte.gz", slice(None)),
        load_labels(folder / "t10k-labels-idx1-ubyte.gz"),
    )
    named = {"7x7 stride 3, average 2": DEFAULT} | {n: models.named(n) for n in arguments.models}
    rows = [("model", "augment", "lambda", "left out", "test", "CPU", "clock")]
    for name, model in named.items():
        rows += [row(name, model, augment, data) for augment in (None, "flip")]
    print(text_table(rows))


if __name__ == "__main__":
    main()
