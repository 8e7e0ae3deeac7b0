"""Computing what is missing of a store, tile by tile."""

from __future__ import annotations

import os
import random
import warnings
from typing import Any

from numpy.typing import DTypeLike

from ckn_rs import _core
from ckn_rs._support.options import as_count, as_thread_count
from ckn_rs._support.progress import progress_bar
from ckn_rs._support.termination import raise_on_sigterm
from ckn_rs.model import ModelLike
from ckn_rs.store import _dask
from ckn_rs.store._gram import Gram
from ckn_rs.store._job import Job
from ckn_rs.store._layout import Layout
from ckn_rs.store._manifest import Images, Manifest

TILE = 500


def compute_gram(
    path: str | os.PathLike[str],
    ims1: Any,
    ims2: Any = None,
    *,
    model: ModelLike,
    ntk: bool = False,
    dtype: DTypeLike | None = None,
    tile: int = TILE,
    shard: tuple[int, int] = (1, 1),
    n_threads: int | None = None,
    progress: bool = False,
    client: Any = None,
) -> Gram:
    """Compute a kernel matrix into a store, or what is missing of it.

    The entries are those of :func:`ckn_rs.compute_kernel_matrix`, to the last bit, however often
    the computation was interrupted. A tile is in the store when all of it is on the disk. Several
    processes may work on one store, on machines that share a file system too: each begins at a
    place of its own and takes what it finds missing, and what two of them happen to compute is the
    same. ``shard`` keeps them apart altogether.

    Parameters
    ----------
    path : path or URL
        The store, a folder such as ``K.zarr``, or a URL that fsspec opens (``s3://bucket/K.zarr``).
    ims1, ims2 : array_like of shape (n, h, w, c) and (m, h, w, c)
        Images: arrays, memory maps (``numpy.load(file, mmap_mode="r")``) or Zarr arrays, read a
        tile at a time. None for ``ims2`` is ``ims1`` again: one triangle of tiles is computed.
    model, ntk, dtype, n_threads
        As for :func:`ckn_rs.compute_kernel_matrix`.
    tile : int
        Rows and columns of a tile. A store that exists keeps its own.
    shard : (int, int)
        ``(k, n)`` is the ``k``-th of ``n`` disjoint shares of what is to be done, for as many jobs
        on one store.
    progress : bool
        Show a bar with the pairs done (needs tqdm).
    client : dask.distributed.Client, optional
        Compute on its workers, each of which writes to the store: they must see ``path``. Images
        are sent to each worker once. A tile takes ``n_threads`` of a worker's threads, 1 by
        default, as Dask runs one for each. Where there is no worker yet, the call waits for one.

    Returns
    -------
    Gram
        The matrix in its store.

    Raises
    ------
    ValueError
        If the store is of another model, dtype or images: what differs. And as for
        :func:`ckn_rs.compute_kernel_matrix`.
    StoreError
        If the store cannot be written, or the cluster fails: why, and what to do. What was
        finished is kept.
    Terminated
        On SIGTERM, within a second, where this is the main thread and nobody else handles it.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from ckn_rs import store
    >>> X = np.random.default_rng(0).random((20, 8, 8, 1))
    >>> path = tempfile.mkdtemp() + "/K.zarr"
    >>> K = store.compute_gram(path, X, model=[{"npatch": 3, "subsampling": 2}], tile=8)
    >>> K.shape, K.missing
    ((20, 20), [])
    """
    with raise_on_sigterm("terminated; what was finished is kept"):
        images1 = Images(ims1, "ims1")
        images2 = None if ims2 is None else Images(ims2, "ims2")
        k, n = _as_shard(shard)
        threads = as_thread_count(n_threads)
        if client is not None:
            _dask.check_client(client)
        manifest = Manifest.of(images1, images2, model, ntk, dtype, tile)
        layout = Layout.create(path, manifest)
        if layout.manifest.version != _core.__version__:
            warnings.warn(
                f"{layout.location} was begun with ckn-rs {layout.manifest.version}, this is "
                f"{_core.__version__}: entries of both agree to rounding, not to the last bit",
                stacklevel=2,
            )
        _complete(Job(layout, images1, images2, threads), (k, n), progress, client)
    return Gram(layout)


def _complete(job: Job, shard: tuple[int, int], progress: bool, client: Any) -> None:
    """Compute what is absent or damaged of a share of the store."""
    k, n = shard
    parts = list(job.layout.parts())[k - 1 :: n]
    with progress_bar(progress, sum(map(job.layout.pairs, parts)), "pairs") as callback:
        missing = [part for part in parts if job.layout.read(part) is None]
        # Each process begins elsewhere, so that two of them do not compute the same.
        begin = random.randrange(len(missing) or 1)
        missing = missing[begin:] + missing[:begin]
        done = sum(map(job.layout.pairs, parts)) - sum(map(job.layout.pairs, missing))
        for part in job.run(missing) if client is None else _dask.run(client, job, missing):
            done += job.layout.pairs(part)
            if callback is not None:
                callback(done)


def _as_shard(shard: Any) -> tuple[int, int]:
    try:
        k, n = (as_count(number, "shard") for number in shard)
        if k <= n:
            return k, n
    except (TypeError, ValueError):
        pass
    raise ValueError(f"shard must be (k, n), the k-th of n shares with 1 <= k <= n, got {shard!r}")
