"""Imports of the optional packages, with an error that says how to install them."""

import sys
from importlib import import_module
from typing import Any


def import_extra(module: str, extra: str, purpose: str) -> Any:
    """Import ``module``, which comes with ``pip install ckn-rs[extra]``.

    Raises
    ------
    ImportError
        If it is not installed. The message says that ``purpose`` needs it, and how to install it.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        raise ImportError(f"{purpose} needs {package}: pip install ckn-rs[{extra}]") from error


def import_zarr(purpose: str) -> Any:
    """Import Zarr 3.

    Raises
    ------
    ImportError
        If it is not installed, is older than Zarr 3, or does not exist for this Python.
    """
    if sys.version_info < (3, 11):
        raise ImportError(f"{purpose} needs Zarr 3, which needs Python 3.11 or later")
    zarr = import_extra("zarr", "store", purpose)
    if int(zarr.__version__.partition(".")[0]) < 3:
        raise ImportError(
            f"{purpose} needs Zarr 3, this is {zarr.__version__}: pip install -U ckn-rs[store]"
        )
    return zarr
