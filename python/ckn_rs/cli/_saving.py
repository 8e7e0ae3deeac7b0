"""The fit that ``ckn-rs fit --save`` keeps for ``ckn-rs predict``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from ckn_rs.cli import _files
from ckn_rs.data import load_images
from ckn_rs.learn.choice import best, index_of
from ckn_rs.learn.record import Record
from ckn_rs.learn.training import as_training
from ckn_rs.ridge import LAMBDAS, Choice, Ridge

if TYPE_CHECKING:
    from ckn_rs.store import Gram


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments about the saved fit."""
    parser.add_argument(
        "--save", type=Path, metavar="FILE.npz", help="keep one fit in FILE.npz, for ckn-rs predict"
    )
    parser.add_argument(
        "--lambda",
        type=float,
        dest="chosen",
        metavar="L",
        help="the regularisation to keep, one of --lambdas; default: the best for left-out images",
    )
    parser.add_argument(
        "--train",
        type=Path,
        metavar="IMAGES",
        help="the training images: their place is kept in FILE.npz, and they are checked",
    )


def check(arguments: argparse.Namespace) -> None:
    """Raise an error before the long computation if its fit could not be saved as wanted."""
    if arguments.save is None:
        for option, value in (("--lambda", arguments.chosen), ("--train", arguments.train)):
            if value is not None:
                arguments.mistake(f"{option} goes with --save")
        return
    _files.check("--save", arguments.save, (".npz",))
    if arguments.chosen is not None:
        index_of(arguments.chosen, arguments.lambdas or LAMBDAS, "--lambda")


def check_store(arguments: argparse.Namespace, K: Gram) -> None:
    """Raise an error unless the kernel can be computed again, from the images of ``--train``."""
    if arguments.save is None:
        return
    _ = K.model  # of a store of another version it may not be known
    if arguments.train is not None:
        as_training(
            load_images(arguments.train),
            (len(K), *K.manifest.image_shape),
            K.manifest.dtype,
            K.manifest.sha256[0],
            "--train",
        )


def check_choice(arguments: argparse.Namespace, choice: Choice) -> None:
    """Raise an error before the long computation unless it is clear which of its fits to save.

    Raises
    ------
    ValueError
        If the solver leaves out the regularisation of ``--lambda``, or nothing says which is best.
    """
    if arguments.save is None:
        return
    if arguments.chosen is not None:
        index_of(arguments.chosen, choice.lambdas, "--lambda")
    elif choice.solver != "eigh" and not arguments.holdout and len(choice.lambdas) > 1:
        raise ValueError(
            f"the solver {choice.solver} leaves no image out, so that --save needs --lambda L, one "
            "regularisation in --lambdas, or --holdout"
        )


def save(
    arguments: argparse.Namespace, K: Gram, fitted: Ridge, validation: ArrayLike | None
) -> None:
    """Write the fit of best validation, or that of ``--lambda``, and say which."""
    if arguments.chosen is not None:
        index = index_of(arguments.chosen, fitted.lambdas, "--lambda")
    elif validation is not None:
        index = best(validation, fitted.lambdas)
    else:
        assert len(fitted.lambdas) == 1, "check_choice has seen this"
        index = 0
    manifest = K.manifest
    record = Record.of(
        fitted,
        index,
        model=manifest.model,
        ntk=manifest.ntk,
        dtype=manifest.dtype,
        normalize=False,
        image_shape=manifest.image_shape,
        sha256=manifest.sha256[0],
        augment=manifest.augment,
    )
    record.save(arguments.save, arguments.train)
    train = "" if arguments.train is not None else " --train TRAIN"
    print(
        f"{arguments.save}: lambda {record.lambda_:g}; "
        f"ckn-rs predict {arguments.save} IMAGES --out LABELS.npy{train}"
    )
