"""The progress bar: work done, speed, time left."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ckn_rs._support.extras import import_extra


@contextmanager
def progress_bar(shown: bool, total: int, unit: str) -> Iterator[Callable[[int], object] | None]:
    """A context with a callback that takes how many ``unit`` are done; None if no bar is ``shown``.

    Raises
    ------
    ImportError
        If a bar is wanted and tqdm is not installed.
    """
    if not shown:
        yield None
        return
    tqdm = import_extra("tqdm.auto", "progress", "progress=True").tqdm
    with tqdm(total=total, unit=f" {unit}", unit_scale=True) as bar:
        yield lambda done: bar.update(done - bar.n)
        # The core reports a few times a second, so that its last report may come before the end.
        bar.update(total - bar.n)


@contextmanager
def counter(shown: bool, unit: str) -> Iterator[Callable[[int, str], object]]:
    """A context with a function that takes how many more ``unit`` are done, and a text to show.

    It is for work whose end is not known. The function does nothing if nothing is ``shown``.

    Raises
    ------
    ImportError
        If a bar is wanted and tqdm is not installed.
    """
    if not shown:
        yield lambda _done, _text: None
        return
    tqdm = import_extra("tqdm.auto", "progress", "progress=True").tqdm
    with tqdm(unit=f" {unit}") as bar:

        def report(done: int, text: str) -> None:
            bar.set_description(text, refresh=False)
            bar.update(done)

        yield report
