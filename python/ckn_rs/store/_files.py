"""The files of a store: a local folder whose files are complete or absent, or a URL."""

from __future__ import annotations

import asyncio
import errno
import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from ckn_rs._support.disk import replace
from ckn_rs._support.extras import import_extra, import_zarr

PARTIAL = ".partial"
"""The end of the names of files that are being written."""

STALE = 3600
"""Seconds after which a killed process must have left such a file, since writing takes seconds."""

_NO_LINKS = (
    errno.EPERM,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.ENOSYS,
    errno.EMLINK,
    errno.EINVAL,  # Windows on a disk in the format exFAT
)
"""Errors of file systems that have no hard links."""


def open_bytes(location: str | os.PathLike[str], *, read_only: bool) -> Any:
    """The Zarr store at a path or a URL.

    Raises
    ------
    ImportError
        If Zarr is not installed, or fsspec for a URL.
    TypeError
        If this is neither a path nor a URL.
    """
    import_zarr("a store")
    from zarr.storage import FsspecStore

    if not isinstance(location, str | os.PathLike) or not os.fspath(location):
        raise TypeError(f"path must be a path or a URL, got {location!r}")
    place = os.fspath(location)
    if place.startswith("file://"):
        place = place.removeprefix("file://")
        place = place.lstrip("/") if os.name == "nt" else place  # the folder C:/K is /C:/K there
    if "://" in place:
        import_extra("fsspec", "store", "a store at a URL")
        return FsspecStore.from_url(place, read_only=read_only)
    return _durable_store()(Path(place).absolute(), read_only=read_only)


def create_once(store: Any, key: str, data: bytes) -> None:
    """Write ``key`` unless it exists. If two processes do it at once, only one of them writes."""
    from zarr.core.buffer import default_buffer_prototype
    from zarr.core.sync import sync

    buffer = default_buffer_prototype().buffer.from_bytes(data)
    sync(store.set_if_not_exists(key, buffer))


def is_empty(store: Any) -> bool:
    """Whether a store has no files, but for hidden ones such as those that are being written."""
    from zarr.core.sync import sync

    async def names() -> list[str]:
        return [name async for name in store.list_dir("")]

    try:
        return all(name.startswith(".") for name in sync(names()))
    except FileNotFoundError:
        return True


def local_folder(store: Any) -> Path | None:
    """The folder of a store; None if it is at a URL."""
    root = getattr(store, "root", None)
    return None if root is None else Path(root)


def sweep(store: Any) -> None:
    """Remove the unfinished files of killed processes."""
    folder = local_folder(store)
    if folder is None:
        return
    for file in folder.rglob(f".*{PARTIAL}"):
        with suppress(FileNotFoundError):  # another process sweeps, too
            if time.time() - file.stat().st_mtime > STALE:
                file.unlink()


def _durable_store() -> type[Any]:
    from zarr.storage import LocalStore

    class DurableStore(LocalStore):
        """A folder in which a file appears only when all of it is on the disk."""

        async def set(self, key: str, value: Any) -> None:
            self._check_writable()
            path = Path(self.root) / key
            await asyncio.to_thread(_write, path, value.to_bytes())

        async def set_if_not_exists(self, key: str, value: Any) -> None:
            self._check_writable()
            path = Path(self.root) / key
            await asyncio.to_thread(_write, path, value.to_bytes(), exclusive=True)

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
        os.chmod(name, 0o666 & ~umask)  # the usual permissions; mkstemp gives fewer
        if exclusive:
            _link(name, path)
        else:
            replace(name, path)
        _sync_folder(path.parent)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name)


def _link(name: str, path: Path) -> None:
    """Give the file ``name`` a second name, ``path``. If there is a file ``path``, leave it."""
    try:
        with suppress(FileExistsError):
            os.link(name, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if not path.exists():
            replace(name, path)


def _sync_folder(folder: Path) -> None:
    """Flush a folder to the disk, so that it has the names of its new files there."""
    if os.name == "nt":  # folders cannot be opened there
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
