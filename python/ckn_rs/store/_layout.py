"""The arrays of a store (its matrix, norms and diagonals) and the place of each part in them."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import Any

import numpy as np

from ckn_rs import _core
from ckn_rs._support.arrays import Floats
from ckn_rs.compute.augment import AnyPlan
from ckn_rs.model import Model
from ckn_rs.store._errors import StoreError, explained
from ckn_rs.store._files import create_once, is_empty, local_folder, open_bytes, sweep
from ckn_rs.store._manifest import Manifest
from ckn_rs.store._parts import AnyPart, DiagonalBlock, NormsBlock, Part, Tile

ATTRIBUTE = "ckn_rs"

CHECKSUM = 4
"""The bytes of a part's checksum, CRC-32C."""

_STRANGE = (
    ArithmeticError,
    AttributeError,
    FileNotFoundError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What Zarr raises for metadata that are missing or damaged."""


class Layout:
    """The arrays of a store; :meth:`create` and :meth:`open` make them."""

    def __init__(self, location: str | os.PathLike[str], store: Any, manifest: Manifest) -> None:
        self.location, self.manifest = os.fspath(location), manifest
        self._store = store
        self._arrays: dict[str, Any] = {}

    @classmethod
    def open(cls, location: str | os.PathLike[str], *, read_only: bool = True) -> Layout:
        """The store at a path or a URL.

        Raises
        ------
        StoreError
            If there is no kernel matrix, or one of another format.
        """
        manifest = None
        with explained(location, "read"), suppress(FileNotFoundError):
            store = open_bytes(location, read_only=read_only)
            manifest = _read_manifest(store, location)
        if manifest is None:
            raise StoreError(f"{location}: there is no kernel matrix here")
        return cls(location, store, manifest)

    @classmethod
    def create(cls, location: str | os.PathLike[str], manifest: Manifest) -> Layout:
        """The store at a path or a URL, new or begun by a call for the same matrix.

        Raises
        ------
        ValueError
            If there is the store of another matrix. The message says what differs.
        StoreError
            If it cannot be written.
        """
        with explained(location, "write"):
            store = open_bytes(location, read_only=False)
            found = _read_manifest(store, location)
            # Another process may write the manifest between the first two tests; the third sees it.
            if found is None and not is_empty(store) and not _read_manifest(store, location):
                raise StoreError(
                    f"{os.fspath(location)}: there is something else here, or a store whose "
                    "zarr.json is damaged; choose another name"
                )
            group = {
                "zarr_format": 3,
                "node_type": "group",
                "attributes": {ATTRIBUTE: manifest.to_dict()},
            }
            create_once(store, "zarr.json", json.dumps(group, indent=2).encode())
            found = _read_manifest(store, location)
        assert found is not None
        differences = found.differences(manifest)
        if differences:
            raise ValueError(
                f"{os.fspath(location)} is the store of another matrix, which differs in "
                f"{', '.join(differences)}; choose another name, or remove it"
            )
        layout = cls(location, store, found)
        with explained(location, "write"):
            for name in layout.shapes():
                layout.array(name, create=True)
            sweep(store)
        return layout

    @cached_property
    def plan(self) -> AnyPlan:
        """The model on images of this shape, to compute entries with.

        Raises
        ------
        StoreError
            If this version of ckn-rs does not know the model.
        """
        with self._naming_the_store():
            return self.manifest.plan()

    @property
    def model(self) -> Model:
        """The model.

        Raises
        ------
        StoreError
            If this version of ckn-rs does not know it.
        """
        with self._naming_the_store():
            return self.manifest.typed_model()

    @contextmanager
    def _naming_the_store(self) -> Iterator[None]:
        """Turn an error in the model into a StoreError, which names the store."""
        try:
            yield
        except (TypeError, ValueError) as error:
            raise StoreError(
                f"{self.location}: ckn-rs {_core.__version__} cannot use its model, of version "
                f"{self.manifest.version}: {error}"
            ) from error

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64."""
        return np.dtype(self.manifest.dtype)

    @property
    def address(self) -> str:
        """The location for other processes, which may be in other folders."""
        folder = local_folder(self._store)
        return self.location if folder is None else str(folder)

    def shapes(self) -> dict[str, tuple[tuple[int, ...], tuple[int, ...]]]:
        """Shape of each array, and of its chunks."""
        tile, columns = self.manifest.tile, self.manifest.norms_len
        shapes: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
            Tile(0, 0).array: (self.manifest.shape, (tile, tile))
        }
        for which, n in self._sets():
            shapes[NormsBlock(which, 0).array] = ((n, columns), (tile, columns))
            shapes[DiagonalBlock(which, 0).array] = ((n,), (tile,))
        return shapes

    def _sets(self) -> list[tuple[int, int]]:
        """The number of each set of images, 1 or 2, and how many images it has."""
        sets = list(enumerate(self.manifest.shape, 1))
        return sets[:1] if self.manifest.symmetric else sets

    def array(self, name: str, *, create: bool = False) -> Any:
        """The Zarr array of this name.

        Raises
        ------
        StoreError
            If its metadata are missing or damaged.
        """
        import zarr
        from zarr.codecs import Crc32cCodec
        from zarr.errors import ContainsArrayError

        if name not in self._arrays:
            shape, chunks = self.shapes()[name]
            if create:
                with suppress(ContainsArrayError):
                    zarr.create_array(
                        self._store,
                        name=name,
                        shape=shape,
                        chunks=chunks,
                        dtype=self.manifest.dtype,
                        compressors=[Crc32cCodec()],  # numbers like these do not compress
                        filters=None,
                        fill_value=np.nan,
                        config={"write_empty_chunks": True},
                    )
            mode: Any = "r" if self._store.read_only else "r+"
            try:
                array = zarr.open_array(self._store, path=name, mode=mode, zarr_format=3)
                ours = (
                    (array.shape, array.chunks, array.shards) == (shape, chunks, None)
                    and array.dtype == self.dtype
                    # Another codec could make a chunk of any size from a small file.
                    and (array.compressors, array.filters) == ((Crc32cCodec(),), ())
                )
            except _STRANGE:
                ours = False
            if not ours:
                raise StoreError(
                    f"{self.location}: the metadata of {name} are missing or damaged; the call "
                    "that computes the matrix mends them"
                )
            self._arrays[name] = array
        return self._arrays[name]

    def blocks(self, which: int) -> range:
        """The numbers of the blocks that the images of a set are cut into; ``which`` is 1 or 2."""
        return range(-(-self.manifest.shape[which - 1] // self.manifest.tile))

    def tiles(self) -> Iterator[Tile]:
        """The tiles of the matrix, row by row; of a symmetric one those of the upper triangle."""
        for row in self.blocks(1):
            for column in self.blocks(2):
                if column >= row or not self.manifest.symmetric:
                    yield Tile(row, column)

    def parts(self) -> Iterator[Part]:
        """All parts that the complete store has."""
        yield from self.tiles()
        for which, _ in self._sets():
            for block in self.blocks(which):
                yield NormsBlock(which, block)
                yield DiagonalBlock(which, block)

    def pairs(self, part: Part) -> int:
        """The number of pairs of images of a tile, and 0 for norms and diagonals."""
        if not isinstance(part, Tile):
            return 0
        rows, columns = (region.stop - region.start for region in self.region(part))
        if self.manifest.symmetric and part.row == part.column:
            return int(rows * (rows + 1) // 2)
        return int(rows * columns)

    def exists(self, part: Part) -> bool:
        """Whether a part was written."""
        from zarr.core.sync import sync

        with explained(self.location, "read"):
            return bool(sync(self._store.exists(self._key(part))))

    def absent(self, parts: Iterable[AnyPart]) -> list[AnyPart]:
        """The parts among these that were not written, by one listing of the store."""
        from zarr.core.sync import sync

        async def names() -> set[str]:
            return {name async for name in self._store.list_prefix("")}

        with explained(self.location, "read"):
            found = sync(names())
        return [part for part in parts if self._key(part) not in found]

    def written(self, part: Part) -> float | None:
        """When a part was written, in seconds since 1970; None if that is not known.

        It is known of a store on a disk, from the dates of its files.
        """
        folder = local_folder(self._store)
        if folder is None:
            return None
        try:
            return (folder / self._key(part)).stat().st_mtime
        except FileNotFoundError:
            return None

    def _key(self, part: Part) -> str:
        return f"{part.array}/{self.array(part.array).metadata.encode_chunk_key(part.place)}"

    def region(self, part: Part) -> tuple[slice, ...]:
        """The rows of its array that a part has, and its columns if the array has two axes."""
        shape, chunks = self.shapes()[part.array]
        return tuple(
            slice(k * size, min((k + 1) * size, n))
            for k, size, n in zip(part.place, chunks, shape, strict=False)
        )

    def read(self, part: Part) -> Floats | None:
        """The values of a part; None if it is absent or damaged."""
        # Zarr allocates a part before it reads the file, whatever the manifest says of its size.
        if self._size(part) != self._stored_size(part):
            return None
        try:
            with explained(self.location, "read"):
                values = np.asarray(self.array(part.array)[self.region(part)])
        except (ValueError, RuntimeError):  # its checksum or its length is wrong
            return None
        # A part that another process removed meanwhile reads as NaN; no kernel is NaN.
        return values if np.isfinite(values).all() else None

    def _size(self, part: Part) -> int | None:
        """The bytes of a part's file; None if there is none."""
        from zarr.core.sync import sync

        with explained(self.location, "read"):
            try:
                return int(sync(self._store.getsize(self._key(part))))
            except FileNotFoundError:
                return None

    def _stored_size(self, part: Part) -> int:
        """The bytes that the file of a part has: a whole chunk, and its checksum."""
        _, chunks = self.shapes()[part.array]
        return math.prod(chunks) * self.dtype.itemsize + CHECKSUM

    def write(self, part: Part, values: Floats) -> None:
        """Write a whole part, at once."""
        with explained(self.location, "write"):
            self.array(part.array)[self.region(part)] = values


def _read_manifest(store: Any, location: str | os.PathLike[str]) -> Manifest | None:
    from zarr.core.buffer import default_buffer_prototype
    from zarr.core.sync import sync

    data = sync(store.get("zarr.json", default_buffer_prototype()))
    if data is None:
        return None
    try:
        values = json.loads(data.to_bytes())["attributes"][ATTRIBUTE]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    try:
        return Manifest.from_dict(values)
    except (ValueError, LookupError, TypeError) as error:
        raise StoreError(f"{location}: {error}") from error
