"""Models of small grey images: accuracy against the time of a pair.

Run ``.venv/bin/python benches/frontier.py FOLDER``, with the folder of Fashion-MNIST's idx files;
``--help`` lists its options. The accuracy is that of kernel ridge regression on the first images,
shuffled, when each is left out, at the best of a path of regularisations. The time is that of a
processor for one pair, with the norms' share, so that it does not depend on the number of threads.
A model is on the frontier if no faster one is right more often.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ckn_rs import Layer, Model, compute_kernel_matrix, models, ridge
from ckn_rs._support.table import text_table
from ckn_rs.data import load_images, load_labels
from ckn_rs.preprocess import whiten

Figures = dict[str, Any]


def layer(npatch: int, pool: int = 1, *, sigma: float = 0.65, **others: Any) -> Layer:
    """A layer with average pooling, or with none for a window of one position."""
    if pool > 1:
        others = {"pooling": "average", "subsampling": pool} | others
    else:
        others = {"pooling": "none"} | others
    return Layer(npatch, kernel="exp", sigma=sigma, **others)


def candidates() -> Iterator[tuple[str, Model, bool]]:
    """A name, a model, and whether its NTK is meant."""
    for npatch in (5, 7, 9):
        for stride in (2, 3, 4):
            for pool in (2, 3):
                yield (
                    f"{npatch}x{npatch}/{stride}, pool {pool}",
                    Model([layer(npatch, pool, stride=stride)]),
                    False,
                )
    for sigma in (0.4, 0.5, 0.8):
        name = f"7x7/3, pool 2, sigma {sigma}"
        yield name, Model([layer(7, 2, stride=3, sigma=sigma)]), False
    for npatch, stride in ((5, 3), (7, 3), (7, 2)):
        valid = layer(npatch, 2, stride=stride, padding="valid")
        yield f"{npatch}x{npatch}/{stride} valid, pool 2", Model([valid]), False
    for first, stride, pool in ((3, 2, 1), (5, 2, 1), (5, 3, 1), (7, 3, 1), (5, 2, 2), (3, 1, 2)):
        for second in (2, 3):
            name = f"{first}x{first}/{stride}" + (f" pool {pool}" if pool > 1 else "")
            layers = [layer(first, pool, stride=stride), layer(3, second)]
            yield f"{name}; 3x3 pool {second}", Model(layers), False
    for first, second in ((0.5, 0.5), (0.8, 0.65), (0.65, 0.8)):
        layers = [layer(5, 1, stride=2, sigma=first), layer(3, 2, sigma=second)]
        yield f"5x5/2; 3x3 pool 2, sigma {first} and {second}", Model(layers), False
    for first, second, pool in ((4, 3, 2), (5, 2, 2), (5, 5, 2), (7, 3, 2)):
        layers = [layer(first, 1, stride=2), layer(second, pool)]
        yield f"{first}x{first}/2; {second}x{second} pool {pool}", Model(layers), False
    for kernel in ("poly2", "poly4"):
        layers = [layer(5, 1, stride=2), Layer(3, 2, kernel=kernel, pooling="average")]
        yield f"5x5/2; {kernel} 3x3 pool 2", Model(layers), False
    relu = [
        Layer(5, kernel="relu", stride=3, pooling="none"),
        Layer(3, 2, kernel="relu", pooling="average"),
    ]
    yield "relu 5x5/3; 3x3 pool 2", Model(relu), False
    yield "relu 5x5/3; 3x3 pool 2, NTK", Model(relu), True
    for stride in (2, 3):
        three = [layer(5, 1, stride=stride), layer(3, 1), layer(3, 2)]
        yield f"5x5/{stride}; 3x3; 3x3 pool 2", Model(three), False
    three = [layer(3, 2), layer(3, 2), layer(3, 2)]
    yield "3x3 pool 2; 3x3 pool 2; 3x3 pool 2", Model(three), False
    for name in ("exp_strided", "exp_pool", "exp_sigma_06_conv_5_pool_5", *FAST):
        yield name, models.named(name), False


FAST = tuple(name for name in models.NAMES if name.startswith("fast"))
"""The models that this table has named."""


def figures(name: str, model: Model, ntk: bool, X: Any, y: Any) -> Figures:
    """What a model costs and how often it is right."""
    n = len(X)
    begin = time.process_time()
    K = compute_kernel_matrix(X, model=model, ntk=ntk, normalize=True)
    micros = 1e6 * (time.process_time() - begin) / (n * (n + 1) / 2)
    fitted = ridge.fit(K, y)
    accuracy = float((fitted.left_out == y).mean(axis=1).max())
    return {"model": name, "micros": micros, "accuracy": accuracy}


def on_frontier(rows: list[Figures]) -> list[Figures]:
    """The rows that no faster one matches, from the fastest on."""
    best, kept = 0.0, []
    for row in sorted(rows, key=lambda row: float(row["micros"])):
        if row["accuracy"] > best:
            best = row["accuracy"]
            kept.append(row)
    return kept


def draw(rows: list[Figures], file: Path) -> None:
    """Save the picture: all models, the frontier, and the named ones with their names."""
    from matplotlib.figure import Figure

    def places(some: list[Figures]) -> list[list[float]]:
        return [[row["micros"] for row in some], [100 - 100 * row["accuracy"] for row in some]]

    figure = Figure(figsize=(8, 5), layout="constrained")
    ax = figure.add_subplot()
    ax.loglog()
    named = [row for row in rows if row["model"] in models.NAMES]
    ax.plot(*places(rows), "o", color="0.7", label="models")
    ax.plot(*places(on_frontier(rows)), "o-", color="#0072b2", label="frontier")
    ax.plot(*places(named), "s", color="#d55e00", label="models with a name")
    for row, micros, errors in zip(named, *places(named), strict=True):
        # The fast ones are near the frontier, and below that is room.
        place = {"xytext": (-3, -14), "ha": "right"} if row["model"] in FAST else {"xytext": (0, 8)}
        ax.annotate(
            row["model"], (micros, errors), textcoords="offset points", **{"ha": "center"} | place
        )
    ax.set(xlabel="microseconds a pair, of one processor", ylabel="errors on images left out, %")
    ax.margins(x=0.15, y=0.1)
    ax.xaxis.set_major_formatter("{x:g}")
    ticks = (10, 12, 14, 16, 18, 20, 30, 40, 50)
    low, high = ax.get_ylim()
    shown = [tick for tick in ticks if low < tick < high]
    ax.set_yticks(shown, list(map(str, shown)))
    ax.minorticks_off()
    ax.legend(loc="upper right")
    figure.savefig(file)


def main() -> None:
    """Print the table, a model at a time, and save the picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="the folder of Fashion-MNIST's idx files")
    parser.add_argument("--n", type=int, default=4000, help="images: 4000")
    parser.add_argument("--whiten", action="store_true", help="whiten the images")
    parser.add_argument("--only", help="only models whose name has this in it")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="save the picture")
    parser.add_argument("--json", type=Path, metavar="FILE", help="save the figures")
    arguments = parser.parse_args()
    which = np.random.default_rng(0).permutation(60_000)[: arguments.n]
    X = load_images(arguments.folder / "train-images-idx3-ubyte.gz")[which].astype(np.float32) / 255
    y = load_labels(arguments.folder / "train-labels-idx1-ubyte.gz")[which]
    if arguments.whiten:
        X = np.asarray(whiten(X), np.float32)
    rows = []
    for name, model, ntk in candidates():
        if arguments.only is None or arguments.only in name:
            rows.append(figures(name, model, ntk, X, y))
            print("{model}  {micros:.2f} us  {accuracy:.2%}".format(**rows[-1]), flush=True)
    frontier = [row["model"] for row in on_frontier(rows)]
    table = [("model", "us a pair", "left out", "frontier")]
    for row in sorted(rows, key=lambda row: float(row["micros"])):
        mark = "*" if row["model"] in frontier else ""
        table.append((row["model"], f"{row['micros']:.2f}", f"{row['accuracy']:.2%}", mark))
    print(text_table(table))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(rows, indent=1))
    if arguments.plot is not None:
        draw(rows, arguments.plot)


if __name__ == "__main__":
    main()
