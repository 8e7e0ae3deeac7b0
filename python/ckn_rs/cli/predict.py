"""``ckn-rs predict``: the labels of images, by a fit that ``ckn-rs fit --save`` keeps."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ckn_rs._support.disk import npy_file
from ckn_rs._support.termination import raise_on_sigterm
from ckn_rs.cli import _arguments, _files
from ckn_rs.data import load_images, load_labels
from ckn_rs.ridge import Classifier


def add_parser(commands: _arguments.Commands) -> argparse.ArgumentParser:
    """Add the arguments of ``ckn-rs predict``."""
    parser = commands.add_parser("predict", help="label images by a fit, without a matrix")
    parser.description = (
        "Label images by a fit that ckn-rs fit --save wrote. Their kernels with the training "
        "images are computed a block at a time and not stored. The images must be preprocessed "
        "as the training images were. Images: of any kind that gram takes."
    )
    parser.add_argument("fitted", type=Path, metavar="FITTED.npz", help="a fit of ckn-rs fit")
    parser.add_argument("images", type=Path, metavar="IMAGES", help="images to label")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="LABELS.npy", help="where their labels go"
    )
    parser.add_argument(
        "--scores", type=Path, metavar="FILE.npy", help="write their scores, too, a column a label"
    )
    parser.add_argument(
        "--train",
        type=Path,
        metavar="IMAGES",
        help="the training images; default: where the fit says that they are",
    )
    parser.add_argument(
        "--labels", type=Path, metavar="FILE", help="the right labels, to show the accuracy"
    )
    parser.add_argument(
        "--first", action="store_true", help="take the first labels of a file that has too many"
    )
    parser.add_argument(
        "--threads", type=_arguments.thread_count, metavar="N", help="default: one a processor"
    )
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Run ``ckn-rs predict``."""
    _files.check("--out", arguments.out, (".npy",))
    _files.check("--scores", arguments.scores, (".npy",))
    if arguments.scores is not None and arguments.scores.resolve() == arguments.out.resolve():
        raise ValueError("--scores and --out must be two files")
    images = load_images(arguments.images)
    right = _right_labels(arguments, int(images.shape[0]))
    train = None if arguments.train is None else load_images(arguments.train)
    classifier = Classifier.load(arguments.fitted, train, name="--train")
    if right is not None and classifier.labels.dtype.kind not in "biuf":
        raise ValueError("--labels has numbers, but the labels of the fit are text")
    with raise_on_sigterm("terminated; no file was written"):
        labels = _label(arguments, classifier, images)
    shape = "x".join(map(str, images.shape[1:]))
    lambda_ = classifier.lambda_
    print(f"{arguments.out}: labels of {len(labels)} images {shape}, by lambda {lambda_:g}")
    if right is not None and len(right):
        print(f"accuracy: {100 * (labels == right).mean():.2f} %")
    return 0


def _right_labels(arguments: argparse.Namespace, n: int) -> NDArray[np.int64] | None:
    if arguments.labels is None:
        return None
    return _arguments.as_many(load_labels(arguments.labels), n, arguments.first)


def _label(arguments: argparse.Namespace, classifier: Classifier, images: Any) -> NDArray[Any]:
    """Write labels and, if they are wanted, scores; return the labels."""
    n, columns = int(images.shape[0]), len(classifier.labels)
    blocks = classifier.blocks(
        images, n_threads=arguments.threads, progress=_arguments.on_terminal()
    )
    labels = np.empty(n, classifier.labels.dtype)
    with ExitStack() as files:
        append = files.enter_context(npy_file(arguments.out, labels.shape, labels.dtype))
        keep = None
        if arguments.scores is not None:
            keep = files.enter_context(npy_file(arguments.scores, (n, columns), np.float64))
        for part, scores in blocks:
            labels[part] = classifier.labels[scores.argmax(axis=1)]
            append(labels[part])
            if keep is not None:
                keep(scores)
    return labels
