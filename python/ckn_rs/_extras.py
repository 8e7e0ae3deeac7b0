"""Imports of the optional packages, with an error that says which extra brings them."""

from importlib import import_module
from typing import Any


def import_extra(module: str, extra: str, purpose: str) -> Any:
    """Import ``module``, which comes with ``pip install ckn-rs[extra]``.

    Raises
    ------
    ImportError
        If it is not installed: what ``purpose`` needs, and the command that installs it.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        raise ImportError(f"{purpose} needs {package}: pip install ckn-rs[{extra}]") from error
