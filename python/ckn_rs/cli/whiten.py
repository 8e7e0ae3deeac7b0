"""``ckn-rs whiten``: whiten the patches of images."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from ckn_rs import preprocess
from ckn_rs._support.disk import npy_file
from ckn_rs._support.progress import progress_bar
from ckn_rs.cli import _arguments
from ckn_rs.data import load_images

CHUNK = 500
"""How many images are whitened at a time."""


def add_parser(commands: _arguments.Commands) -> argparse.ArgumentParser:
    """Add the arguments of ``ckn-rs whiten``."""
    parser = commands.add_parser("whiten", help="whiten the patches of images, into a .npy file")
    parser.description = (
        "Divide images of bytes by 255, whiten the patches of each image by its own covariance, "
        "and write the images to a .npy file, as float64 if they are, else as float32."
    )
    parser.add_argument(
        "images", type=Path, metavar="IMAGES", help="images of any kind that gram takes"
    )
    parser.add_argument("out", type=Path, metavar="OUT.npy")
    parser.add_argument(
        "--npatch",
        type=_arguments.count,
        default=3,
        metavar="P",
        help="rows and columns of a patch: 3",
    )
    parser.add_argument("--first", type=_arguments.count, metavar="N", help="only the first N")
    parser.add_argument(
        "--original",
        action="store_true",
        help="as ckn_kernel's scripts do: see docs/cifar10.md",
    )
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Run ``ckn-rs whiten``."""
    images = load_images(arguments.images)
    n = min(len(images), arguments.first or len(images))
    dtype = np.float64 if images.dtype == np.float64 else np.float32
    shape = (n, *images.shape[1:])
    with (
        npy_file(arguments.out, shape, dtype) as append,
        progress_bar(_arguments.on_terminal(), n, "images") as callback,
    ):
        for begin in range(0, n, CHUNK):
            block = np.asarray(images[begin : min(begin + CHUNK, n)])
            if block.dtype == np.uint8:
                block = block / 255
            append(preprocess.whiten(block, arguments.npatch, original=arguments.original))
            if callback is not None:
                callback(begin + len(block))
    print(f"{arguments.out}: {n} images {'x'.join(map(str, shape[1:]))}, {np.dtype(dtype)}")
    return 0
