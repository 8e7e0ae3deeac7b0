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
