"""What a store's matrix is of: enough to refuse another one, and to compute what is missing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from ckn_rs import _core
from ckn_rs._support.arrays import (
    Floats,
    as_images,
    check_finite,
    check_same_shape,
    for_core,
    result_dtype,
)
from ckn_rs._support.options import as_count, as_flag, as_kind
from ckn_rs.model import Model, ModelLike, as_spec

FORMAT = 1


class Images:
    """A set of images that need not be in memory: an array, a memory map, a Zarr array."""

    def __init__(self, images: Any, name: str) -> None:
        if not hasattr(images, "shape") or not hasattr(images, "dtype"):
            images = as_images(images, name)
        if len(images.shape) != 4:
            as_images(np.empty(images.shape, np.float32), name)  # which explains it
        self.images, self.name = images, name
        self.shape: tuple[int, ...] = tuple(images.shape[1:])

    def __len__(self) -> int:
        return int(self.images.shape[0])

    def none(self) -> Floats:
        """No images, of the shape and the dtype of these."""
        return as_images(np.asarray(self.images[:0]), self.name)

    def block(self, rows: slice, dtype: np.dtype[Any]) -> Floats:
        """Some of them, as the core takes them."""
        return for_core(as_images(np.asarray(self.images[rows]), self.name), dtype)

    def sha256(self, tile: int, dtype: np.dtype[Any]) -> str:
        """Of the values that the kernel sees, which must be finite."""
        digest = hashlib.sha256(repr((dtype.str, len(self), *self.shape)).encode())
        for rows in blocks(len(self), tile):
            block = self.block(rows, dtype)
            check_finite(block, self.name, rows.start)
            digest.update(block.tobytes())
        return digest.hexdigest()


def blocks(n: int, tile: int) -> Iterator[slice]:
    """The rows of each tile of ``n``."""
    return (slice(begin, min(begin + tile, n)) for begin in range(0, n, tile))


@dataclass(frozen=True)
class Manifest:
    """What a store's matrix is of.

    Parameters
    ----------
    model : dict
        The model, every key filled in, as :class:`ckn_rs.Model` takes it.
    ntk : bool
        Whether the kernel is the NTK.
    dtype : str
        ``'float32'`` or ``'float64'``.
    shape : (int, int)
        Rows and columns.
    image_shape : (int, int, int)
        Of an image.
    tile : int
        Rows and columns of a tile.
    symmetric : bool
        Whether both sets are one: then one triangle of tiles is there.
    sha256 : tuple of str
        Of each set of images.
    version : str
        Of ckn-rs, that the store was begun with.
    format : int
        Of the store.
    """

    model: dict[str, Any]
    ntk: bool
    dtype: str
    shape: tuple[int, int]
    image_shape: tuple[int, int, int]
    tile: int
    symmetric: bool
    sha256: tuple[str, ...]
    version: str = _core.__version__
    format: int = FORMAT

    @classmethod
    def of(
        cls,
        images1: Images,
        images2: Images | None,
        model: ModelLike | None,
        ntk: object,
        dtype: Any,
        tile: int,
    ) -> Manifest:
        """That of a matrix to compute."""
        flag = as_flag(ntk, "ntk")
        words = _core.resolve_model(as_spec(model), flag)
        sets = [images1] if images2 is None else [images1, images2]
        if images2 is not None:
            check_same_shape("ims1", images1.shape, "ims2", images2.shape)
        dtype = result_dtype(dtype, *(images.none() for images in sets))
        h, w, c = images1.shape
        _core.Plan(words, (h, w, c), as_kind(flag))  # refuses what does not fit
        tile = as_count(tile, "tile")
        return cls(
            model=words,
            ntk=flag,
            dtype=dtype.name,
            shape=(len(images1), len(images1 if images2 is None else images2)),
            image_shape=(h, w, c),
            tile=tile,
            symmetric=images2 is None,
            sha256=tuple(images.sha256(tile, dtype) for images in sets),
        )

    def to_dict(self) -> dict[str, Any]:
        """As it stands in the store."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Manifest:
        """The manifest of a store."""
        if values.get("format") != FORMAT:
            raise ValueError(
                f"a store of format {values.get('format')} is for another version of ckn-rs, "
                f"that has {_core.__version__} and format {FORMAT}"
            )
        known = {field.name: values[field.name] for field in fields(cls)}
        for key in ("shape", "image_shape", "sha256"):
            known[key] = tuple(known[key])
        if len(known["shape"]) != 2 or len(known["image_shape"]) != 3 or known["tile"] < 1:
            raise ValueError("its manifest is damaged")
        return cls(**known)

    def plan(self) -> _core.Plan:
        """The model on images of this shape, to compute entries with."""
        return _core.Plan(self.model, self.image_shape, as_kind(self.ntk))

    def typed_model(self) -> Model:
        """The model."""
        return Model(**self.model)

    def differences(self, other: Manifest) -> list[str]:
        """In what this store is not one of ``other``; the tile is the store's own matter."""
        names = {
            "ntk": "ntk",
            "dtype": "the dtype",
            "symmetric": "whether both sets of images are one",
            "shape": "the shape",
            "image_shape": "the images' shape",
        }
        found = _model_differences(self.model, other.model)
        found += [
            _words(name, getattr(self, key), getattr(other, key))
            for key, name in names.items()
            if getattr(self, key) != getattr(other, key)
        ]
        # Their digests are of dtype and shape, too.
        if not found and self.sha256 != other.sha256:
            pairs = zip(("ims1", "ims2"), self.sha256, other.sha256, strict=False)
            changed = [name for name, ours, theirs in pairs if ours != theirs]
            found.append(f"the images ({' and '.join(changed)})")
        return found


def _model_differences(ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    layers, others = ours["layers"], theirs["layers"]
    if len(layers) != len(others):
        return [_words("the model's layers", len(layers), len(others))]
    tables = [("the model's", ours, theirs)]
    tables += [
        (f"layer {index}'s", *both) for index, both in enumerate(zip(layers, others, strict=True))
    ]
    return [
        _words(f"{owner} {key}", table.get(key), other.get(key))
        for owner, table, other in tables
        for key in sorted({*table, *other} - {"layers"})
        if table.get(key) != other.get(key)
    ]


def _words(name: str, ours: object, theirs: object) -> str:
    return f"{name} ({ours} in the store, {theirs} now)"
