"""Options that are no arrays, checked: flags, and what else a caller says of a computation."""

import operator
from typing import Literal

import numpy as np


def as_flag(flag: object, name: str) -> bool:
    """A flag; 0 and 1 are flags, too.

    Raises
    ------
    TypeError, ValueError
        If it is anything else.
    """
    if isinstance(flag, bool | np.bool_):
        return bool(flag)
    if isinstance(flag, int | np.integer | str):
        if flag in (0, 1):
            return bool(flag)
        raise ValueError(f"{name} must be False or True, got {flag!r}")
    raise TypeError(f"{name} must be False or True, got {type(flag).__name__}")


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


def as_kind(ntk: object) -> Literal["ckn", "ntk"]:
    """The kind of plan that the flag ``ntk`` asks for.

    Raises
    ------
    TypeError, ValueError
        If it is no flag.
    """
    return "ntk" if as_flag(ntk, "ntk") else "ckn"
