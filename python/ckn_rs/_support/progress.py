"""The progress bar: pairs done, pairs a second, time left."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ckn_rs._support.extras import import_extra


@contextmanager
def progress_bar(shown: bool, total: int, unit: str) -> Iterator[Callable[[int], object] | None]:
    """A callback that takes the number of ``unit`` done so far, or None if no bar is ``shown``.

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
        # The core reports a few times a second; the last part may have been too short for that.
        bar.update(total - bar.n)
