"""Parts of a store computed by the workers of a ``dask.distributed`` cluster."""

from __future__ import annotations

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

    A task is one part. When a worker dies, Dask gives its tasks to another one, but to no more than
    a few: it counts each death against all tasks that waited there. So a long job sees its tasks
    given up after some deaths. What is left is submitted anew, as long as parts get done.
    """
    distributed = import_extra("distributed", "dask", "client=")
    left = dict.fromkeys(parts)
    while left:
        before = len(left)
        try:
            for part in _attempt(client, job, list(left)):
                del left[part]
                yield part
        except distributed.KilledWorker as error:
            if len(left) == before:
                raise StoreError(
                    f"{job.layout.location}: {error}; what was finished is kept. Their logs say "
                    "why; if it was for want of memory, take fewer threads a worker"
                ) from error
        except (CancelledError, distributed.comm.CommClosedError) as error:
            raise StoreError(
                f"{job.layout.location}: the scheduler is gone, or the work was cancelled; what "
                "was finished is kept; run the same call again"
            ) from error


def _attempt(client: Any, job: Job, parts: list[Part]) -> Iterator[Part]:
    """Compute ``parts`` until all are done, or until one was on too many workers that died.

    A worker runs as many tasks at a time as it has threads, so that each takes one thread unless
    the caller says otherwise.
    """
    distributed = import_extra("distributed", "dask", "client=")
    dtype = np.dtype(job.layout.manifest.dtype)
    await_worker(client)
    images = [send(client, images.block(slice(0, None), dtype)) for images in job.sets]
    threads = job.n_threads or 1
    futures = {
        client.submit(work, job.layout.address, images, part, threads, pure=False): part
        for part in parts
    }
    try:
        for future in distributed.as_completed(futures):
            future.result()
            yield futures[future]
    finally:
        if client.status == "running":
            client.cancel([*futures, *images])


def send(client: Any, array: Any) -> Any:
    """A future of an array for tasks to share; a worker gets it once.

    It is a task whose result is its argument. The scheduler keeps the argument, so that Dask makes
    the future again when the workers that had it die. Data sent by ``scatter`` would be lost, and
    a broadcast never ends when a worker dies during it.
    """
    dask = import_extra("dask", "dask", "client=")
    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 PiB"}):
        return client.submit(_same, array, pure=False)


def _same(array: Any) -> Any:
    return array


def await_worker(client: Any) -> None:
    """Wait for a worker. A cluster that adapts to its load starts one when there is a task."""
    task = client.submit(int, pure=False)
    try:
        task.result(timeout=PATIENCE)
    except TimeoutError:
        warnings.warn("the cluster has no worker yet; waiting for one", stacklevel=2)
        task.result()


def work(address: str, images: list[Any], part: Part, n_threads: int) -> None:
    """Compute one part and write it to the store; this runs on a worker."""
    try:
        layout = Layout.open(address, read_only=False)
    except StoreError as error:
        raise StoreError(f"{error} (on {gethostname()}); all workers must see the store") from None
    sets = [Images(each, f"ims{index}") for index, each in enumerate(images, 1)]
    for _ in Job(layout, sets, n_threads).run([part]):
        pass
