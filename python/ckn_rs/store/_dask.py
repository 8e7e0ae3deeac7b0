"""Parts of a store computed by the workers of a ``dask.distributed`` cluster."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from socket import gethostname
from typing import Any

import numpy as np

from ckn_rs._support.extras import import_extra
from ckn_rs._support.images import Images
from ckn_rs.store._errors import StoreError
from ckn_rs.store._job import Job
from ckn_rs.store._layout import Layout
from ckn_rs.store._parts import Part

ATTEMPTS = 3
"""All workers may die so many times without a finished part in between."""

PATIENCE = 30
"""Seconds to wait for a worker before a warning says that there is none."""


def check_client(client: Any) -> None:
    """Raise a TypeError unless this is a client of a cluster.

    Raises
    ------
    ImportError
        If ``distributed`` is not installed.
    """
    distributed = import_extra("distributed", "dask", "client=")
    if not isinstance(client, distributed.Client):
        raise TypeError(f"client must be a distributed.Client, got {type(client).__name__}")


def run(client: Any, job: Job, parts: Sequence[Part]) -> Iterator[Part]:
    """Compute ``parts`` on the workers, which write to the store themselves.

    A task is one part; images are sent to every worker once. When a worker dies, Dask gives its
    tasks to another one. When all have died, for example because their time is up, the images are
    sent again to the workers that come next.
    """
    left, fruitless = dict.fromkeys(parts), 0
    while left:
        before = len(left)
        try:
            for part in _attempt(client, job, list(left)):
                del left[part]
                yield part
        except CancelledError as error:
            raise StoreError(
                f"{job.layout.location}: the scheduler is gone, or the work was cancelled; what "
                "was finished is kept; run the same call again"
            ) from error
        fruitless = 0 if len(left) < before else fruitless + 1
        if fruitless == ATTEMPTS:
            raise _died(
                job, f"all workers died {ATTEMPTS} times before one of them had done a part"
            )


def _attempt(client: Any, job: Job, parts: list[Part]) -> Iterator[Part]:
    """Compute ``parts`` until all are done, or until the images are lost with the last worker.

    A worker runs as many tasks at a time as it has threads, so that each takes one thread unless
    the caller says otherwise.
    """
    distributed = import_extra("distributed", "dask", "client=")
    dtype = np.dtype(job.layout.manifest.dtype)
    arrays = [images.block(slice(0, None), dtype) for images in job.sets]
    await_worker(client)
    try:
        images = [client.scatter(array, broadcast=True, hash=False) for array in arrays]
    except TimeoutError:  # the worker is gone again
        return
    threads = job.n_threads or 1
    futures = {
        client.submit(work, job.layout.address, images, part, threads, pure=False): part
        for part in parts
    }
    try:
        for future in distributed.as_completed(futures):
            future.result()
            yield futures[future]
    except distributed.KilledWorker as error:
        raise _died(job, str(error)) from error
    except CancelledError:
        if not _lost(images):
            raise
    finally:
        if client.status == "running":
            client.cancel(list(futures))


def _lost(images: list[Any]) -> bool:
    """Whether the images are lost.

    The scheduler may cancel the tasks that need them a moment before it says so.
    """
    for _ in range(20):
        if any(image.status != "finished" for image in images):
            return True
        time.sleep(0.1)
    return False


def await_worker(client: Any) -> None:
    """Wait for a worker. A cluster that adapts to its load starts one when there is a task."""
    task = client.submit(int, pure=False)
    try:
        task.result(timeout=PATIENCE)
    except TimeoutError:
        warnings.warn("the cluster has no worker yet; waiting for one", stacklevel=2)
        task.result()


def _died(job: Job, what: str) -> StoreError:
    return StoreError(
        f"{job.layout.location}: {what}; what was finished is kept. Their logs say why; if it was "
        "for want of memory, take fewer threads a worker"
    )


def work(address: str, images: list[Any], part: Part, n_threads: int) -> None:
    """Compute one part and write it to the store; this runs on a worker."""
    try:
        layout = Layout.open(address, read_only=False)
    except StoreError as error:
        raise StoreError(f"{error} (on {gethostname()}); all workers must see the store") from None
    sets = [Images(each, f"ims{index}") for index, each in enumerate(images, 1)]
    for _ in Job(layout, sets, n_threads).run([part]):
        pass
