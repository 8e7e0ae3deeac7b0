"""How much memory there is for a computation, and amounts of memory as text."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}

_MEMINFO = Path("/proc/meminfo")
_STATUS = Path("/proc/self/status")
_GROUPS = Path("/proc/self/cgroup")
_CGROUP = Path("/sys/fs/cgroup")


def as_bytes(value: object, name: str) -> int:
    """An amount of memory: a number of bytes, or text such as ``"4GB"`` or ``"500 MB"``.

    Raises
    ------
    ValueError
        If it is anything else, or below one byte.

    Examples
    --------
    >>> as_bytes("4GB", "memory"), as_bytes("1.5 g", "memory"), as_bytes(1e6, "memory")
    (4000000000, 1500000000, 1000000)
    """
    match = re.fullmatch(r"\s*([0-9.eE+]+)\s*([kmgt]?)b?\s*", str(value), re.IGNORECASE)
    with suppress(ValueError, OverflowError):
        if match and not isinstance(value, bool):
            amount = int(float(match[1]) * UNITS[match[2].lower()])
            if amount >= 1:
                return amount
    raise ValueError(f"{name} must be a number of bytes or text such as '4GB', got {value!r}")


def as_text(amount: float) -> str:
    """An amount of memory as text, in the unit that fits.

    Examples
    --------
    >>> as_text(144e9), as_text(43_200_000), as_text(120)
    ('144 GB', '43.2 MB', '120 B')
    """
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if amount >= size:
            return f"{amount / size:.3g} {unit}"
    return f"{amount:.0f} B"


def available() -> int | None:
    """The bytes of memory that this process may still take; None if the system does not tell.

    This is the least of what the machine has free, what the control group of the process may still
    take (version 2, such as that of a container), and what ``ulimit -v`` leaves.
    """
    found = [_of_machine(), _of_group(), _of_limit()]
    known = [amount for amount in found if amount is not None]
    return max(0, min(known)) if known else None


def check_fits(path: Path, needed: int) -> None:
    """Raise a ValueError if so many bytes of a file do not fit into the memory that is free."""
    free = available()
    if free is not None and needed > free:
        raise ValueError(
            f"{path} has {as_text(needed)} of numbers, more than the {as_text(free)} of memory "
            "that are free"
        )


def _of_machine() -> int | None:
    with suppress(OSError, ValueError, StopIteration):
        return _kilobytes(_MEMINFO, "MemAvailable:")
    with suppress(OSError, ValueError, AttributeError):
        pages = os.sysconf("SC_AVPHYS_PAGES")
        return pages * os.sysconf("SC_PAGE_SIZE") if pages > 0 else None
    return None


def _of_group() -> int | None:
    """What the control groups of this process leave, from its own up to the root."""
    with suppress(OSError, ValueError, IndexError):
        own = _GROUPS.read_text().split("::", 1)[1].splitlines()[0]
        folder, left = _CGROUP / own.lstrip("/"), []
        for each in (folder, *folder.parents):
            with suppress(OSError, ValueError):  # "max" is no number: there is no limit
                limit = int((each / "memory.max").read_text())
                used = int((each / "memory.current").read_text())
                # Cached files are given back when memory is wanted.
                stat = dict(
                    line.split() for line in (each / "memory.stat").read_text().splitlines()
                )
                left.append(limit - used + int(stat.get("inactive_file", 0)))
            if each == _CGROUP:
                break
        return min(left, default=None)
    return None


def _of_limit() -> int | None:
    with suppress(ImportError, OSError, ValueError, StopIteration):
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        if limit != resource.RLIM_INFINITY:
            return limit - _kilobytes(_STATUS, "VmSize:")
    return None


def _kilobytes(path: Path, key: str) -> int:
    with path.open() as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(key))
