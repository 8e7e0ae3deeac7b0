"""Flags, counts and the kind of kernel: arguments that are not arrays, and their checks."""

import operator
from typing import Literal

import numpy as np


def as_flag(flag: object, name: str) -> bool:
    """False or True.

    Values that equal 0 or 1, such as 1.0 or ``numpy.array(True)``, are flags, too. None is a flag
    that is not given, and so False. Other values are refused, though Python takes each as True or
    False: 2 or ``"both"`` may ask for something that does not exist, and ``"False"`` is true.

    Raises
    ------
    TypeError, ValueError
        If it is anything else.
    """
    if flag is None:
        return False
    if isinstance(flag, np.generic | np.ndarray) and flag.ndim == 0:
        flag = flag.item()
    if isinstance(flag, int | float | str):
        if flag in (0, 1):
            return bool(flag)
        raise ValueError(f"{name} must be False or True, got {flag!r}")
    raise TypeError(f"{name} must be False or True, got {type(flag).__name__}")


def as_thread_count(n_threads: object) -> int | None:
    """A number of threads as the core takes it; with None the core chooses.

    Raises
    ------
    TypeError
        If it is not a whole number.
    ValueError
        If it is below 1.
    """
    return None if n_threads is None else as_count(n_threads, "n_threads", "None or a whole number")


def as_count(value: object, name: str, wanted: str = "a whole number") -> int:
    """A whole number of at least 1.

    ``wanted`` says for an error message which values are allowed.

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
    """The kind of plan for the flag ``ntk``.

    Raises
    ------
    TypeError, ValueError
        If ``ntk`` is not a flag.
    """
    return "ntk" if as_flag(ntk, "ntk") else "ckn"
