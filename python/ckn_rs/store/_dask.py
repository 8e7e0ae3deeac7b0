"""Parts of a store computed by the workers of a ``dask.distributed`` cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ckn_rs._extras import import_extra
from ckn_rs.store._job import Job
from ckn_rs.store._layout import Layout, Part
from ckn_rs.store._manifest import Images


def check_client(client: Any) -> None:
    """Refuse what is not a client of a cluster."""
    distributed = import_extra("distributed", "dask", "client=")
    if not isinstance(client, distributed.Client):
        raise TypeError(f"client must be a distributed.Client, got {type(client).__name__}")


def run(client: Any, job: Job, parts: Sequence[Part]) -> Iterator[Part]:
    """Compute ``parts`` on the workers, which write to the store themselves.

    A task is the place of a part; images go to every worker once. What a worker was at when it
    died, Dask gives to another. A worker runs as many tasks at a time as it has threads, so that
    each takes one thread unless the caller says otherwise.
    """
    if not parts:
        return
    whole = slice(0, None)
    dtype = np.dtype(job.layout.manifest.dtype)
    first, second = job.sets
    sets = [first] if first is second else [first, second]
    images = [
        client.scatter(images.block(whole, dtype), broadcast=True, hash=False) for images in sets
    ]
    threads = job.n_threads or 1
    futures = {
        client.submit(work, job.layout.address, images, part, threads, pure=False): part
        for part in parts
    }
    try:
        for future in import_extra("distributed", "dask", "client=").as_completed(futures):
            future.result()
            yield futures[future]
    finally:
        client.cancel(list(futures))


def work(address: str, images: list[Any], part: Part, n_threads: int) -> None:
    """What a worker does."""
    layout = Layout.open(address, read_only=False)
    sets = [Images(each, f"ims{index}") for index, each in enumerate(images, 1)]
    job = Job(layout, sets[0], sets[1] if len(sets) > 1 else None, n_threads)
    for _ in job.run([part]):
        pass
