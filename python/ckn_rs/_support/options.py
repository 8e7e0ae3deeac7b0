"""Flags, counts, shapes and the kind of kernel: arguments that are not arrays, and their checks."""

import operator
from textwrap import shorten
from typing import Literal

import numpy as np

LARGEST = 9 * 10**15
"""The largest length. Every integer up to it is a float64, too."""


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
    flag = _item(flag)
    if isinstance(flag, int | float | str):
        if flag in (0, 1):
            return bool(flag)
        raise ValueError(f"{name} must be False or True, got {flag!r}")
    raise TypeError(f"{name} must be False or True, got {type(flag).__name__}")


def as_verbosity(verbose: object) -> bool:
    """Whether to report, for a flag or an integer.

    Programs that count verbosity pass 2 or more. There is one report, so that these are True.

    Raises
    ------
    TypeError, ValueError
        If it is neither a flag nor an integer.
    """
    level = _item(verbose)
    return level != 0 if isinstance(level, int) else as_flag(level, "verbose")


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


def as_shape(shape: object, name: str = "shape") -> tuple[int, int, int]:
    """The shape ``(h, w, c)`` of an image. A length may be a whole float, such as 32.0.

    Raises
    ------
    TypeError
        If these are not three whole numbers.
    ValueError
        If one of them is below 1, or too large.
    """
    try:
        h, w, c = (_as_length(length) for length in shape)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        given = shorten(repr(shape), 80)  # one line, also of an array of images
        raise TypeError(f"{name} must be the (h, w, c) of an image, got {given}") from None
    check_lengths((h, w, c), name)
    if max(h, w, c) > LARGEST:
        raise ValueError(f"{name} must have lengths of at most {LARGEST}, got {(h, w, c)}")
    return h, w, c


def check_lengths(shape: tuple[int, ...], name: str) -> None:
    """Raise a ValueError if a length of an image's ``(h, w, c)`` is below 1."""
    if min(shape) < 1:
        raise ValueError(f"{name} must have h, w and c of at least 1, got (h, w, c) = {shape}")


def whole(value: object) -> object:
    """A whole float from 1 to :data:`LARGEST` as an integer. Other values stay as they are.

    Examples
    --------
    >>> whole(3.0), whole(3.5), whole(-0.0), whole("3")
    (3, 3.5, -0.0, '3')
    """
    if isinstance(value, float) and value.is_integer() and 1 <= value <= LARGEST:
        return int(value)
    return value


def as_kind(ntk: object) -> Literal["ckn", "ntk"]:
    """The kind of plan for the flag ``ntk``.

    Raises
    ------
    TypeError, ValueError
        If ``ntk`` is not a flag.
    """
    return "ntk" if as_flag(ntk, "ntk") else "ckn"


def _as_length(value: object) -> int:
    length = whole(_item(value))
    if isinstance(length, bool):
        raise TypeError
    return operator.index(length)  # type: ignore[arg-type]


def _item(value: object) -> object:
    """The Python scalar of a NumPy scalar or of an array without axes. Others stay as they are."""
    if isinstance(value, np.generic | np.ndarray) and value.ndim == 0:
        return value.item()
    return value
