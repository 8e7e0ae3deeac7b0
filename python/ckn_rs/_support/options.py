"""Options that are no arrays, checked: flags, and what else a caller says of a computation."""

import operator
from typing import Literal, TypeAlias

import numpy as np

Ntk: TypeAlias = bool | Literal["both"]
"""What a function that can return two kernels takes as ``ntk``."""


def as_ntk(ntk: object) -> Ntk:
    """``ntk`` of a function that can return the NTK, the CKN or both; 0 and 1 are flags, too.

    Raises
    ------
    TypeError, ValueError
        If it is anything else.
    """
    if isinstance(ntk, str) and ntk == "both":
        return "both"
    return _as_flag(ntk, "ntk", 'False, True or "both"')


def as_flag(flag: object, name: str) -> bool:
    """A flag; 0 and 1 are flags, too.

    Raises
    ------
    TypeError, ValueError
        If it is anything else.
    """
    return _as_flag(flag, name, "False or True")


def as_thread_count(n_threads: object) -> int | None:
    """``n_threads`` as the core takes it, None for the core's own choice.

    Raises
    ------
    TypeError
        If it is not a whole number.
    ValueError
        If it is below 1.
    """
    return None if n_threads is None else as_count(n_threads, "n_threads", "None or a whole number")


def as_count(value: object, name: str, wanted: str = "a whole number") -> int:
    """How many, at least 1.

    Raises
    ------
    TypeError
        If it is not a whole number.
    ValueError
        If it is below 1.
    """
    try:
        count = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        count = None
    if count is None or isinstance(value, bool):
        raise TypeError(f"{name} must be {wanted}, got {value!r}")
    if count < 1:
        raise ValueError(f"{name} must be at least 1, got {count}")
    return count


def _as_flag(flag: object, name: str, wanted: str) -> bool:
    if isinstance(flag, bool | np.bool_):
        return bool(flag)
    if isinstance(flag, int | np.integer | str):
        if flag in (0, 1):
            return bool(flag)
        raise ValueError(f"{name} must be {wanted}, got {flag!r}")
    raise TypeError(f"{name} must be {wanted}, got {type(flag).__name__}")
