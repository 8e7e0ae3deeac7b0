"""Batches of CIFAR-10, which are pickles, read without ``pickle``.

A pickle is a program for a stack machine, and may call any function. Python parses it
(``pickletools``), and the machine here knows only the instructions that make numbers, text, lists,
tuples, dicts and arrays of whole numbers. It calls nothing, and makes nothing that is larger than
the file.
"""

from __future__ import annotations

import math
import pickletools
import re
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_BYTES = 2**30
"""The most bytes of a file; CIFAR-10 has thirty million in each."""

MOST_INSTRUCTIONS = 2_000_000
"""The most instructions of a file; CIFAR-10 has fifty thousand in each."""

_PIXELS = 3 * 32 * 32

_ARRAY_MODULES = ("numpy", "numpy.core.multiarray", "numpy._core.multiarray")
_ARRAY_NAMES = ("_reconstruct", "ndarray", "dtype")


def read_batch(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The pixels of a batch, ``(n, 3072)``, and its labels, ``(n,)``.

    Raises
    ------
    ValueError
        If the file is no batch, or is damaged.
    OSError
        If it cannot be read.
    """
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{path} is not an image file that is known, and is too long for a batch")
    data = path.read_bytes()
    try:
        batch = _Machine(data).run()
    except (ValueError, IndexError, KeyError, TypeError, OverflowError) as error:
        why = str(error)[:200]  # it may have the whole of a damaged number
        raise ValueError(f"{path} is not an image file that is known: {why}") from None
    if not isinstance(batch, dict) or not {b"data", b"labels"} <= set(batch):
        raise ValueError(f"{path} is a pickle, but not a batch of CIFAR-10")
    pixels, labels = batch[b"data"], batch[b"labels"]
    if isinstance(labels, list) and all(isinstance(label, int) for label in labels):
        labels = _Array(np.array([_label(label, path) for label in labels], np.int64))
    if not isinstance(pixels, _Array) or not isinstance(labels, _Array):
        raise ValueError(f"{path} must have an array of pixels, and labels that are whole numbers")
    X, y = pixels.values, labels.values
    if X is None or X.dtype != np.uint8 or X.ndim != 2 or X.shape[1] != _PIXELS:
        raise ValueError(f"{path} must have pixels of 8 bits and shape (n, {_PIXELS})")
    if y is None or y.shape != X.shape[:1]:
        raise ValueError(f"{path} must have a label for each of its {len(X)} images")
    return X, y.astype(np.int64)


def _label(label: int, path: Path) -> int:
    if not 0 <= label < 2**31:
        raise ValueError(f"{path} has the label {label}")
    return label


class _Array:
    """An array that is being made: first the object, then what it has."""

    def __init__(self, values: NDArray[Any] | None = None) -> None:
        self.values = values

    def build(self, state: Any) -> None:
        _, shape, dtype, fortran, raw = state
        if not isinstance(dtype, _Dtype) or not isinstance(raw, bytes):
            raise ValueError("an array must have numbers")
        if not all(type(length) is int and length >= 0 for length in shape) or len(shape) > 2:
            raise ValueError("an array must have one axis or two")
        kind = dtype.numpy()
        if math.prod(shape) * kind.itemsize != len(raw):
            raise ValueError("an array has not the numbers of its shape")
        self.values = np.frombuffer(raw, kind).reshape(shape, order="F" if fortran else "C")


class _Dtype:
    """The dtype of an array."""

    def __init__(self, code: Any) -> None:
        self.code, self.order = _as_text(code), "|"

    def build(self, state: Any) -> None:
        self.order = _as_text(state[1])

    def numpy(self) -> np.dtype[Any]:
        if not re.fullmatch("[iu][1248]", self.code) or self.order not in ("|", "<", ">", "="):
            raise ValueError("an array must be of whole numbers")
        return np.dtype(self.order + self.code)


class _Machine:
    """The stack, the numbered objects, and what each instruction does with them."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._stack: list[Any] = []
        self._below: list[list[Any]] = []  # the stacks below each mark
        self._memo: dict[int, Any] = {}
        self._encoded = 0

    def run(self) -> Any:
        for number, (opcode, argument, _) in enumerate(pickletools.genops(self._data)):
            if number > MOST_INSTRUCTIONS:
                raise ValueError(f"it has more than {MOST_INSTRUCTIONS} instructions")
            if opcode.name == "STOP":
                break
            if opcode.name in _VALUES:
                self._stack.append(_VALUES[opcode.name](argument))
            elif opcode.name in _ACTIONS:
                _ACTIONS[opcode.name](self, argument)
            else:
                raise ValueError(f"the instruction {opcode.name} is not part of an array")
        return self._stack.pop()

    def mark(self, _: object) -> None:
        self._below.append(self._stack)
        self._stack = []

    def _marked(self) -> list[Any]:
        """What was pushed since the last mark, which is removed."""
        items, self._stack = self._stack, self._below.pop()
        return items

    def put(self, number: int | None) -> None:
        self._memo[len(self._memo) if number is None else number] = self._stack[-1]

    def get(self, number: int) -> None:
        self._stack.append(self._memo[number])

    def as_list(self, _: object) -> None:
        items = self._marked()
        self._stack.append(items)

    def as_tuple(self, _: object) -> None:
        items = self._marked()
        self._stack.append(tuple(items))

    def as_dict(self, _: object) -> None:
        items = self._marked()
        self._stack.append({})
        self._set(items)

    def tuple_of(self, count: int) -> None:
        if len(self._stack) < count:
            raise ValueError("it ends too early")
        self._stack[-count:] = [tuple(self._stack[-count:])]

    def append(self, _: object) -> None:
        self._extend([self._stack.pop()])

    def appends(self, _: object) -> None:
        self._extend(self._marked())

    def _extend(self, items: list[Any]) -> None:
        if not isinstance(self._stack[-1], list):
            raise ValueError("only a list can be appended to")
        self._stack[-1].extend(items)

    def set_item(self, _: object) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self._set([key, value])

    def set_items(self, _: object) -> None:
        self._set(self._marked())

    def _set(self, items: list[Any]) -> None:
        target = self._stack[-1]
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(target, dict) or not isinstance(key, bytes | str):
                raise ValueError("the keys of a dict must be text")
            target[key] = value

    def name(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self._push_name(module, name)

    def stack_name(self, _: object) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        self._push_name(module, name)

    def _push_name(self, module: Any, name: Any) -> None:
        array = module in _ARRAY_MODULES and name in _ARRAY_NAMES
        if not array and (module, name) != ("_codecs", "encode"):
            raise ValueError(f"{str(module)[:80]}.{str(name)[:80]} is not part of an array")
        self._stack.append(_Name(name))

    def reduce(self, _: object) -> None:
        arguments, function = self._stack.pop(), self._stack.pop()
        name = function.name if isinstance(function, _Name) else None
        if name == "_reconstruct":
            self._stack.append(_Array())
        elif name == "dtype":
            self._stack.append(_Dtype(arguments[0]))
        elif name == "encode":  # so bytes are written for Python 2
            text, encoding = arguments
            if not isinstance(text, str) or encoding != "latin1":
                raise ValueError("only text of bytes can be encoded")
            self._encoded += len(text)
            if self._encoded > len(self._data):
                raise ValueError("it grows when it is read")
            self._stack.append(text.encode("latin1"))
        else:
            raise ValueError("what is called is not part of an array")

    def build(self, _: object) -> None:
        state, target = self._stack.pop(), self._stack[-1]
        if not isinstance(target, _Array | _Dtype) or not isinstance(state, tuple):
            raise ValueError("only an array can be built")
        target.build(state)


class _Name:
    """A name that stands for a function of NumPy, which is never called."""

    def __init__(self, name: str) -> None:
        self.name = name


def _as_text(value: Any) -> str:
    text = value.decode("ascii") if isinstance(value, bytes) else value
    if not isinstance(text, str):
        raise ValueError("a dtype must be text")
    return text


def _same(value: Hashable) -> Hashable:
    return value


_VALUES: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"), _same),
    **dict.fromkeys(("FLOAT", "BINFLOAT"), _same),
    **dict.fromkeys(("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"), _same),
    **dict.fromkeys(("SHORT_BINBYTES", "BINBYTES", "BINBYTES8"), _same),
    # The text of Python 2 is bytes, which pickletools shows as text.
    **dict.fromkeys(("STRING", "SHORT_BINSTRING", "BINSTRING"), lambda text: text.encode("latin1")),
    "NONE": lambda _: None,
    "NEWTRUE": lambda _: True,
    "NEWFALSE": lambda _: False,
    "EMPTY_LIST": lambda _: [],
    "EMPTY_DICT": lambda _: {},
    "EMPTY_TUPLE": lambda _: (),
}
"""Instructions that push a value, which they have as their argument or not at all."""

_ACTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    **dict.fromkeys(("PROTO", "FRAME"), lambda _, __: None),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _Machine.put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.get),
    "MARK": _Machine.mark,
    "LIST": _Machine.as_list,
    "TUPLE": _Machine.as_tuple,
    "DICT": _Machine.as_dict,
    "TUPLE1": lambda machine, _: machine.tuple_of(1),
    "TUPLE2": lambda machine, _: machine.tuple_of(2),
    "TUPLE3": lambda machine, _: machine.tuple_of(3),
    "APPEND": _Machine.append,
    "APPENDS": _Machine.appends,
    "SETITEM": _Machine.set_item,
    "SETITEMS": _Machine.set_items,
    "GLOBAL": _Machine.name,
    "STACK_GLOBAL": _Machine.stack_name,
    "REDUCE": _Machine.reduce,
    "BUILD": _Machine.build,
}
"""Instructions that do something with the stack."""
