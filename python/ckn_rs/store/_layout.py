"""Where the parts of a store stand: matrix, norms and diagonals, each an array of whole chunks."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import numpy as np

from ckn_rs._support.arrays import Floats
from ckn_rs._support.disk import advice
from ckn_rs.store._files import create_once, is_empty, local_folder, open_bytes, sweep
from ckn_rs.store._manifest import Manifest

ATTRIBUTE = "ckn_rs"


class StoreError(OSError):
    """The store cannot be read, written or completed; what is in it stays as it is."""

    def __str__(self) -> str:
        # The number in ``errno`` says nothing that the message does not.
        return str(self.args[-1])


class Part(NamedTuple):
    """A chunk of one of the arrays."""

    array: str
    place: tuple[int, ...]


class Layout:
    """The arrays of a store; :meth:`create` and :meth:`open` make them."""

    def __init__(self, location: str | os.PathLike[str], store: Any, manifest: Manifest) -> None:
        self.location, self.manifest = os.fspath(location), manifest
        self._store = store
        self._arrays: dict[str, Any] = {}
        self.plan = manifest.plan()

    @classmethod
    def open(cls, location: str | os.PathLike[str], *, read_only: bool = True) -> Layout:
        """The store at a path or a URL.

        Raises
        ------
        StoreError
            If there is none, or it is of something else.
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
            If it is for another one: what differs.
        StoreError
            If it cannot be written.
        """
        with explained(location, "write"):
            store = open_bytes(location, read_only=False)
            found = _read_manifest(store, location)
            # A process that begins it now may be between the two; then it is found below.
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

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64."""
        return np.dtype(self.manifest.dtype)

    @property
    def address(self) -> str:
        """The location as other processes find it, whatever folder they are in."""
        folder = local_folder(self._store)
        return self.location if folder is None else str(folder)

    def shapes(self) -> dict[str, tuple[tuple[int, ...], tuple[int, ...]]]:
        """Shape and chunk of each array."""
        manifest = self.manifest
        tile = manifest.tile
        columns = self.plan.norms_len
        shapes: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
            "kernel": (manifest.shape, (tile, tile))
        }
        for index in range(1, 2 if manifest.symmetric else 3):
            n = manifest.shape[index - 1]
            shapes[f"norms{index}"] = ((n, columns), (tile, columns))
            shapes[f"diagonal{index}"] = ((n,), (tile,))
        return shapes

    def array(self, name: str, *, create: bool = False) -> Any:
        """One of the arrays."""
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
            except (ValueError, KeyError, FileNotFoundError):
                raise StoreError(
                    f"{self.location}: the metadata of {name} are missing or damaged; the call "
                    "that computes the matrix mends them"
                ) from None
            self._arrays[name] = array
        return self._arrays[name]

    def tiles(self) -> Iterator[tuple[int, int]]:
        """Of the matrix, row by row; of a symmetric one those of a triangle."""
        rows, columns = (-(-n // self.manifest.tile) for n in self.manifest.shape)
        first = (lambda i: i) if self.manifest.symmetric else (lambda _: 0)
        return ((i, j) for i in range(rows) for j in range(first(i), columns))

    def parts(self) -> Iterator[Part]:
        """All that makes the store complete."""
        for tile in self.tiles():
            yield Part("kernel", tile)
        for index in range(1, 2 if self.manifest.symmetric else 3):
            for block in range(-(-self.manifest.shape[index - 1] // self.manifest.tile)):
                yield Part(f"norms{index}", (block, 0))
                yield Part(f"diagonal{index}", (block,))

    def pairs(self, part: Part) -> int:
        """How many pairs of images a part is of; of a diagonal none are counted."""
        if part.array != "kernel":
            return 0
        rows, columns = (region.stop - region.start for region in self.region(part))
        if self.manifest.symmetric and part.place[0] == part.place[1]:
            return int(rows * (rows + 1) // 2)
        return int(rows * columns)

    def exists(self, part: Part) -> bool:
        """Whether a chunk was written."""
        from zarr.core.sync import sync

        with explained(self.location, "read"):
            return bool(sync(self._store.exists(self._key(part))))

    def absent(self, parts: Iterable[Part]) -> list[Part]:
        """Those of these chunks that were not written, by one listing of the store."""
        from zarr.core.sync import sync

        async def names() -> set[str]:
            return {name async for name in self._store.list_prefix("")}

        with explained(self.location, "read"):
            found = sync(names())
        return [part for part in parts if self._key(part) not in found]

    def written(self, part: Part) -> float | None:
        """When a chunk was written, in seconds since 1970; None where files do not tell."""
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
        """The rows and columns of a chunk."""
        shape, chunks = self.shapes()[part.array]
        return tuple(
            slice(k * size, min((k + 1) * size, n))
            for k, size, n in zip(part.place, chunks, shape, strict=False)
        )

    def read(self, part: Part) -> Floats | None:
        """A chunk; None if it is absent or damaged."""
        if not self.exists(part):
            return None
        try:
            with explained(self.location, "read"):
                values = np.asarray(self.array(part.array)[self.region(part)])
        except (ValueError, RuntimeError):  # its checksum or its length is wrong
            return None
        # What is absent reads as NaN; no kernel is one.
        return values if np.isfinite(values).all() else None

    def write(self, part: Part, values: Floats) -> None:
        """Write a whole chunk, at once."""
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
    except (ValueError, KeyError, TypeError):
        return None
    try:
        return Manifest.from_dict(values)
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{location}: {error}") from error


@contextmanager
def explained(location: str | os.PathLike[str], verb: str) -> Iterator[None]:
    """Turn an error of the file system into one that says what to do."""
    try:
        yield
    except StoreError:
        raise
    except OSError as error:
        kept = "" if verb == "read" else "; every tile that was finished is kept"
        message = f"{os.fspath(location)}: cannot {verb} the store: {advice(error)}{kept}"
        raise StoreError(error.errno, message) from error
