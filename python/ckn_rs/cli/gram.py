"""``ckn-rs gram``: compute a kernel matrix into a store, or continue with one."""

from __future__ import annotations

import argparse
from pathlib import Path

from ckn_rs._support.extras import import_zarr
from ckn_rs.cli import _arguments
from ckn_rs.data import load_images


def add_parser(commands: _arguments.Commands) -> argparse.ArgumentParser:
    """Add the arguments of ``ckn-rs gram``."""
    parser = commands.add_parser("gram", help="compute a kernel matrix into a store, or continue")
    parser.description = (
        "Compute the kernel matrix of TRAIN, or of TRAIN and TEST, tile by tile into a Zarr store. "
        "The same command continues where it was stopped or killed. Images: .npy, .npz, a Zarr "
        "array, a folder of PNG or JPEG files, MNIST's idx files, CIFAR-10's python batches."
    )
    parser.add_argument("train", type=Path, metavar="TRAIN", help="images")
    parser.add_argument("test", type=Path, nargs="?", metavar="TEST", help="other images")
    parser.add_argument("--model", required=True, help="a .toml or .json file, or a model's name")
    parser.add_argument("--out", required=True, metavar="STORE", help="K.zarr, or a URL")
    parser.add_argument("--ntk", action="store_true", help="the NTK instead of the CKN")
    parser.add_argument(
        "--augment", choices=("flip",), help="average the kernel over horizontal flips of images"
    )
    parser.add_argument("--dtype", choices=("float32", "float64"), help="default: the images'")
    parser.add_argument(
        "--tile",
        type=_arguments.count,
        default=500,
        metavar="N",
        help="rows and columns of a tile: 500",
    )
    parser.add_argument(
        "--threads", type=_arguments.thread_count, metavar="N", help="default: one a processor"
    )
    parser.add_argument(
        "--shard",
        type=_arguments.shard,
        default=(1, 1),
        metavar="K/N",
        help="compute the K-th of N shares of the work",
    )
    parser.add_argument(
        "--dask", metavar="ADDRESS", help="compute on the workers of this scheduler"
    )
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Run ``ckn-rs gram``."""
    import_zarr("ckn-rs gram")
    from ckn_rs.store import compute_gram

    model = _arguments.load_model(arguments.model)
    train = load_images(arguments.train)
    test = None if arguments.test is None else load_images(arguments.test)
    with _arguments.client(arguments.dask) as client:
        K = compute_gram(
            arguments.out,
            train,
            test,
            model=model,
            ntk=arguments.ntk,
            dtype=arguments.dtype,
            tile=arguments.tile,
            shard=arguments.shard,
            n_threads=arguments.threads,
            progress=_arguments.on_terminal(),
            client=client,
            augment=arguments.augment,
        )
    left = len(K.missing)
    rows, columns = K.shape
    state = f"{left} of {K.tiles} tiles are left" if left else "complete"
    print(f"{arguments.out}: {rows} x {columns} {K.dtype}, {state}")
    return 0
