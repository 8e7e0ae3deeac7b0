"""Passes over the tiles of a store by the workers of a ``dask.distributed`` cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from operator import add
from typing import Any, Protocol, TypeAlias

import numpy as np

from ckn_rs._support.extras import import_extra
from ckn_rs.learn.tiles import (
    Block,
    Doubles,
    Indices,
    Report,
    SymmetricMatrix,
    columns_from,
    product_of,
)
from ckn_rs.store._dask import await_worker, check_client, send
from ckn_rs.store._errors import StoreError
from ckn_rs.store._parts import Tile

Operand: TypeAlias = Doubles | Indices


class Stored(SymmetricMatrix, Protocol):
    """A matrix in a store, which workers open when it is sent to them."""

    def __repr__(self) -> str: ...

    def read_tiles(self, tiles: Iterable[Tile]) -> Iterator[Block]:
        """Some of the tiles: rows, columns and entries."""
        ...


class OnCluster:
    """A symmetric matrix in a store whose tiles the workers of a cluster multiply.

    A task reads a share of the tiles and multiplies them. The workers add their results up, so that
    one array comes back. The other factor is sent to each worker once a pass.

    Parameters
    ----------
    gram : Gram
        The matrix, in a store that all workers see.
    client : dask.distributed.Client
        The client of the cluster.
    """

    def __init__(self, gram: Stored, client: Any) -> None:
        check_client(client)
        self._gram, self._client = gram, client

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self._gram.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64."""
        return self._gram.dtype

    @property
    def tile(self) -> int:
        """The largest number of rows or columns of a tile."""
        return self._gram.tile

    def diagonal(self) -> Any:
        """The diagonal, ``(n,)``."""
        return self._gram.diagonal()

    def triangle(self) -> Iterator[Block]:
        """The tiles on one side of the diagonal, read by this process."""
        return self._gram.triangle()

    def digest(self) -> str:
        """That of the matrix, wherever its tiles are multiplied."""
        return self._gram.digest()

    def multiply(self, X: Doubles, report: Report | None = None) -> Doubles:
        """The product ``K X`` in float64.

        Raises
        ------
        StoreError
            If the workers die again and again, or the scheduler is gone.
        """
        return self._total(share_of_product, X, report)

    def columns(self, wanted: Indices, report: Report | None = None) -> Doubles:
        """Columns of the matrix in float64.

        Raises
        ------
        StoreError
            As for :meth:`multiply`.
        """
        return self._total(share_of_columns, wanted, report)

    def _total(
        self,
        work: Callable[[Stored, Sequence[Tile], Any], Doubles],
        operand: Operand,
        report: Report | None,
    ) -> Doubles:
        """The sum of the results of all shares.

        When a worker dies, Dask gives its tasks to another one, but to no more than a few: it
        counts each death against all tasks that waited there. So the first sum that is given up is
        begun anew.
        """
        distributed = import_extra("distributed", "dask", "client=")
        try:
            try:
                return self._sum(work, operand, report)
            except distributed.KilledWorker:
                return self._sum(work, operand, None)
        except distributed.KilledWorker as error:
            raise StoreError(
                f"{self._gram!r}: {error}. Their logs say why; if it was for want of memory, "
                "take fewer threads a worker"
            ) from error
        except (CancelledError, distributed.comm.CommClosedError) as error:
            raise StoreError(
                f"{self._gram!r}: the scheduler is gone, or the work was cancelled; run the same "
                "call again"
            ) from error

    def _sum(
        self,
        work: Callable[[Stored, Sequence[Tile], Any], Doubles],
        operand: Operand,
        report: Report | None,
    ) -> Doubles:
        client = self._client
        await_worker(client)
        threads = threads_of(client)
        blocks = range(-(-self.shape[0] // self.tile))
        tiles = [Tile(row, column) for row in blocks for column in blocks[row:]]
        sent = send(client, operand)
        parts = {
            client.submit(work, self._gram, tiles[k::threads], sent, pure=False): tiles[k::threads]
            for k in range(min(threads, len(tiles)))
        }
        every, left = [sent, *parts], list(parts)
        try:
            while len(left) > 1:
                pairs = zip(left[::2], left[1::2], strict=False)
                sums = [client.submit(add, *pair, pure=False) for pair in pairs]
                left = sums + left[2 * len(sums) :]
                every += sums
            if report is not None:
                distributed = import_extra("distributed", "dask", "client=")
                for part in distributed.as_completed(parts):
                    for _ in parts[part]:
                        report()
            total: Doubles = left[0].result()
            return total
        finally:
            if client.status == "running":
                client.cancel(every)


def threads_of(client: Any) -> int:
    """How many tasks its workers run at a time, at least one."""
    distributed = import_extra("distributed", "dask", "client=")
    try:
        threads: dict[str, int] = client.nthreads()
        return max(1, sum(threads.values()))
    except OSError as error:  # a scheduler that does not answer, whatever the step that failed
        raise distributed.comm.CommClosedError(str(error)) from error


def share_of_product(gram: Stored, tiles: Sequence[Tile], X: Doubles) -> Doubles:
    """What these tiles contribute to the product ``K X``; this runs on a worker."""
    return product_of(gram.read_tiles(tiles), X)


def share_of_columns(gram: Stored, tiles: Sequence[Tile], wanted: Indices) -> Doubles:
    """What these tiles have of some columns; this runs on a worker."""
    return columns_from(gram.read_tiles(tiles), gram.shape[0], wanted)
