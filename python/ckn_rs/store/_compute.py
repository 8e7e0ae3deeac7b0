"""Computing the missing parts of a store."""

from __future__ import annotations

import os
import random
import warnings
from typing import Any

from numpy.typing import DTypeLike

from ckn_rs import _core
from ckn_rs._support.images import Images
from ckn_rs._support.options import as_count, as_flag, as_thread_count
from ckn_rs._support.progress import progress_bar
from ckn_rs._support.termination import raise_on_sigterm
from ckn_rs.model import ModelLike
from ckn_rs.store import _dask
from ckn_rs.store._gram import Gram
from ckn_rs.store._job import Job
from ckn_rs.store._layout import Layout
from ckn_rs.store._manifest import Manifest

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
    augment: str | None = None,
) -> Gram:
    """Compute a kernel matrix into a store, or the missing part of it.

    The entries are those of :func:`ckn_rs.compute_kernel_matrix`, to the last bit, however often
    the computation was interrupted. A tile is in the store when all of it is on the disk.

    Several processes may work on one store, also on several machines that share a file system. Each
    begins at a place of its own and computes the tiles that it finds missing. If two of them
    compute the same tile, they write the same bytes. With ``shard`` they have no tile in common.

    Parameters
    ----------
    path : path or URL
        The store: a folder such as ``K.zarr``, or a URL that fsspec opens, such as
        ``s3://bucket/K.zarr``.
    ims1, ims2 : array_like of shape (n, h, w, c) and (m, h, w, c)
        Images: arrays, memory maps (``numpy.load(file, mmap_mode="r")``) or Zarr arrays, read a
        tile at a time. Without ``ims2`` the matrix is symmetric, and one triangle is computed.
    model, ntk, dtype, n_threads
        As for :func:`ckn_rs.compute_kernel_matrix`.
    tile : int
        Rows and columns of a tile. A store that exists keeps the tiles it has.
    shard : (int, int)
        ``(k, n)`` computes the ``k``-th of ``n`` disjoint shares of the work, for ``n`` jobs on one
        store.
    progress : bool
        Show a bar with the pairs done (needs tqdm).
    client : dask.distributed.Client, optional
        Compute on the workers of this cluster. Each of them writes to the store, so that all must
        see ``path``. Images are sent to each worker once. A tile is computed with ``n_threads``
        threads, by default 1, since Dask computes one tile for each thread of a worker. If there is
        no worker yet, the call waits for one.
    augment : {None, 'flip'}
        As for :func:`ckn_rs.compute_kernel_matrix`. The store keeps it.

    Returns
    -------
    Gram
        The matrix in its store.

    Raises
    ------
    ValueError
        If the store has another model, dtype, ``augment`` or images; the message says which. Also
        as for :func:`ckn_rs.compute_kernel_matrix`.
    StoreError
        If the store cannot be written, or the cluster fails; the message says why, and what to do.
        Finished tiles are kept.
    Terminated
        On SIGTERM, within a second, if this is the main thread and the program does not handle the
        signal itself.

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
        sets = [Images(ims1, "ims1")]
        if ims2 is not None:
            sets.append(Images(ims2, "ims2"))
        k, n = _as_shard(shard)
        threads, shown = as_thread_count(n_threads), as_flag(progress, "progress")
        if client is not None:
            _dask.check_client(client)
        manifest = Manifest.of(sets, model, ntk, dtype, tile, augment)
        layout = Layout.create(path, manifest)
        if layout.manifest.version != _core.__version__:
            warnings.warn(
                f"{layout.location} was begun with ckn-rs {layout.manifest.version}, this is "
                f"{_core.__version__}: entries of both agree to rounding, not to the last bit",
                stacklevel=2,
            )
        _complete(Job(layout, sets, threads), (k, n), shown, client)
    return Gram(layout)


def _complete(job: Job, shard: tuple[int, int], progress: bool, client: Any) -> None:
    """Compute those parts of a share that are absent or damaged."""
    k, n = shard
    parts = list(job.layout.parts())[k - 1 :: n]
    with progress_bar(progress, sum(map(job.layout.pairs, parts)), "pairs") as callback:
        missing = [part for part in parts if job.layout.read(part) is None]
        # Each process begins elsewhere, so that two of them seldom compute the same part.
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
