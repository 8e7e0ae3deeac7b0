"""Stores of bytes: a local folder whose files are complete or absent, or what fsspec opens."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Any

from ckn_rs._extras import import_extra

PARTIAL = ".partial"
"""The end of the names of files that are being written."""


def open_bytes(location: str | os.PathLike[str], *, read_only: bool) -> Any:
    """The Zarr store at a path or a URL."""
    import_extra("zarr", "store", "a store")
    from zarr.storage import FsspecStore

    place = os.fspath(location).removeprefix("file://")
    if "://" in place:
        import_extra("fsspec", "store", "a store at a URL")
        return FsspecStore.from_url(place, read_only=read_only)
    return _durable_store()(Path(place), read_only=read_only)


def create_once(store: Any, key: str, data: bytes) -> None:
    """Write ``key`` unless it exists: one of two processes writes, the other finds it written."""
    if hasattr(store, "root"):
        path = Path(store.root) / key
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, data, exclusive=True)
        return
    from zarr.core.buffer import default_buffer_prototype
    from zarr.core.sync import sync

    buffer = default_buffer_prototype().buffer.from_bytes(data)
    sync(store.set_if_not_exists(key, buffer))


def _durable_store() -> type[Any]:
    from zarr.storage import LocalStore

    class DurableStore(LocalStore):
        """A folder to which a file comes when all of it is on the disk."""

        async def set(self, key: str, value: Any) -> None:
            self._check_writable()
            path = Path(self.root) / key
            await asyncio.to_thread(_write, path, value.to_bytes())

    return DurableStore


def _write(path: Path, data: bytes, *, exclusive: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=PARTIAL)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)  # as open() would have it: others of a group may read it
        if exclusive:
            try:
                os.link(name, path)
            except FileExistsError:
                return
        else:
            os.replace(name, path)
        _sync_folder(path.parent)
    finally:
        if os.path.exists(name):
            os.unlink(name)


def _sync_folder(folder: Path) -> None:
    """The name of a new file is on the disk only when its folder is."""
    if os.name == "nt":  # where folders cannot be opened
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
