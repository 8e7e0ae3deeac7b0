"""Lengths of time as text."""


def duration(seconds: float) -> str:
    """Seconds as text, in the unit that fits.

    Examples
    --------
    >>> duration(0.0213), duration(7.25), duration(5400), duration(200_000)
    ('0.021 s', '7.2 s', '1.5 h', '2.3 days')
    """
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.2g} s"
