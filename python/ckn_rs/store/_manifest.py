"""The manifest of a store, which describes its matrix.

It tells whether a call is for this matrix, and has all that missing tiles need but the images.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from ckn_rs import _core
from ckn_rs._support.arrays import check_same_shape, result_dtype
from ckn_rs._support.images import Images
from ckn_rs._support.options import as_count, as_flag, as_kind
from ckn_rs.compute.augment import AnyPlan, as_augment, augmented, kernel_name
from ckn_rs.layer import Layer
from ckn_rs.model import Model, ModelLike, as_spec

FORMAT = 1

AUGMENTED_FORMAT = 2
"""That of a store whose kernel is averaged over flips. A version of ckn-rs that does not know of
such kernels would read ``augment`` as nothing; it refuses the format."""
MOST_TILES = 10**7
"""The most tiles of a matrix, each a file: listing them takes a minute and a gigabyte."""


@dataclass(frozen=True)
class Manifest:
    """The kernel, the images and the tiles of a store's matrix.

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
        Height, width and channels of an image.
    tile : int
        Rows and columns of a tile.
    symmetric : bool
        Whether the matrix is of one set of images. Only the tiles of one triangle are stored then.
    sha256 : tuple of str
        The digest of each set of images.
    version : str
        The version of ckn-rs that began the store.
    format : int
        The number of the store's format: 1, or 2 with ``augment``.
    augment : {None, 'flip'}
        What the kernel is averaged over. The manifest in a store has it only where it is not None.
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
    augment: str | None = None

    @classmethod
    def of(
        cls,
        sets: Sequence[Images],
        model: ModelLike | None,
        ntk: object,
        dtype: Any,
        tile: int,
        augment: object = None,
    ) -> Manifest:
        """The manifest of a matrix to compute, of one set of images or of two.

        Raises
        ------
        TypeError, ValueError
            If the model is invalid or does not fit the images, or if these are not finite or differ
            in shape.
        """
        flag, augment = as_flag(ntk, "ntk"), as_augment(augment)
        spec = _core.resolve_model(as_spec(model), flag)
        first, last = sets[0], sets[-1]
        check_same_shape(first.name, first.shape, last.name, last.shape)
        dtype = result_dtype(dtype, *(images.none() for images in sets))
        h, w, c = first.shape
        _core.Plan(spec, (h, w, c), as_kind(flag))  # refuses a model that does not fit
        tile = as_count(tile, "tile")
        manifest = cls(
            model=spec,
            ntk=flag,
            dtype=dtype.name,
            shape=(len(first), len(last)),
            image_shape=(h, w, c),
            tile=tile,
            symmetric=len(sets) == 1,
            sha256=(),
            format=FORMAT if augment is None else AUGMENTED_FORMAT,
            augment=augment,
        )
        manifest.check_tiles()
        digests = tuple(images.sha256(tile, dtype) for images in sets)
        return replace(manifest, sha256=digests)

    def to_dict(self) -> dict[str, Any]:
        """The manifest as it is written in the store."""
        values = asdict(self)
        if self.augment is None:
            del values["augment"]
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Manifest:
        """The manifest that is written in a store.

        Raises
        ------
        ValueError
            If the store is of another format, or the manifest is damaged.
        """
        if not isinstance(values, dict) or "format" not in values:
            raise ValueError("its manifest is damaged")
        if values["format"] not in (FORMAT, AUGMENTED_FORMAT):
            raise ValueError(
                f"a store of format {values['format']!r:.20} is for another version of ckn-rs, "
                f"this is {_core.__version__} for the formats {FORMAT} and {AUGMENTED_FORMAT}"
            )
        if values["format"] == FORMAT:
            values = values | {"augment": None}
        elif as_augment(values.get("augment")) is None:
            raise ValueError("its manifest is damaged")
        known = {field.name: values[field.name] for field in fields(cls)}
        for key in ("shape", "image_shape", "sha256"):
            known[key] = tuple(known[key])
        manifest = cls(**known)
        if not manifest._is_sound():
            raise ValueError("its manifest is damaged")
        manifest.check_tiles()
        return manifest

    def _is_sound(self) -> bool:
        """Whether all has the right type, and lengths are possible. The model may be unknown."""
        lengths = [*self.shape, *self.image_shape, self.tile]
        digests = 1 if self.symmetric else 2
        return (
            all(type(length) is int and 0 <= length < 2**48 for length in lengths)
            and (len(self.shape), len(self.image_shape), len(self.sha256)) == (2, 3, digests)
            and (min(self.image_shape) >= 1 and self.tile >= 1)
            and (not self.symmetric or self.shape[0] == self.shape[1])
            and all(type(flag) is bool for flag in (self.ntk, self.symmetric))
            and all(isinstance(text, str) for text in (self.version, *self.sha256))
            and self.dtype in ("float32", "float64")
            and isinstance(self.model, dict)
            and isinstance(self.model["layers"], list)
            and 1 <= len(self.model["layers"]) <= 2**16
            and all(isinstance(layer, dict) for layer in self.model["layers"])
        )

    def check_tiles(self) -> None:
        """Raise a ValueError if there are more tiles than files can be listed."""
        tiles = math.prod(-(-n // self.tile) for n in self.shape)
        if tiles > MOST_TILES:
            raise ValueError(
                f"tile must be larger: the matrix would have {tiles} tiles, of at most {MOST_TILES}"
            )

    @property
    def norms_len(self) -> int:
        """The number of an image's patch norms, as a plan has it.

        No plan is needed for it, so that a store can be read if its model is not known.
        """
        h, w, _ = self.image_shape
        return len(self.model["layers"]) * h * w

    def plan(self) -> AnyPlan:
        """The model on images of this shape, to compute entries with."""
        return augmented(_core.Plan(self.model, self.image_shape, as_kind(self.ntk)), self.augment)

    def kernel_name(self) -> str:
        """What the kernel is, in a few words."""
        return kernel_name(self.ntk, self.augment)

    def typed_model(self) -> Model:
        """The model."""
        return Model(**self.model)

    def differences(self, other: Manifest) -> list[str]:
        """The differences to ``other``, for an error message. The tile may differ."""
        names = {
            "ntk": "ntk",
            "augment": "augment",
            "dtype": "the dtype",
            "symmetric": "whether both sets of images are one",
            "shape": "the shape",
            "image_shape": "the images' shape",
        }
        found = _model_differences(self.model, other.model)
        found += [
            _difference(name, getattr(self, key), getattr(other, key))
            for key, name in names.items()
            if getattr(self, key) != getattr(other, key)
        ]
        # A digest depends on dtype and shape, too: it tells something of images if these are equal.
        if not found and self.sha256 != other.sha256:
            pairs = zip(("ims1", "ims2"), self.sha256, other.sha256, strict=False)
            changed = [name for name, ours, theirs in pairs if ours != theirs]
            found.append(f"the images ({' and '.join(changed)})")
        return found

    def check_same_training(self, other: Manifest, name: str) -> None:
        """Raise a ValueError unless ``other`` has the same kernel and first set of images.

        Parameters
        ----------
        other : Manifest
            That of a matrix of the training images, whose own matrix this one describes, and
            others.
        name : str
            The argument that it was given by, for the error message.
        """
        parts = {"model": "the model", "ntk": "ntk", "dtype": "the dtype", "augment": "augment"}
        differing = [
            part for key, part in parts.items() if getattr(self, key) != getattr(other, key)
        ]
        if self.sha256[0] != other.sha256[0]:
            differing.append("the training images")
        if differing:
            raise ValueError(
                f"{name} must be the matrix of the training images and others, by the same kernel: "
                f"{', '.join(differing)} differ"
            )


def _model_differences(ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    layers, others = ours["layers"], theirs["layers"]
    if len(layers) != len(others):
        return [_difference("the model's layers", len(layers), len(others))]
    tables = [("the model's", ours, theirs)]
    tables += [
        (f"layer {index}'s", *both) for index, both in enumerate(zip(layers, others, strict=True))
    ]
    return [
        _difference(f"{owner} {key}", _value(table, key), _value(other, key))
        for owner, table, other in tables
        for key in sorted({*table, *other} - {"layers"})
        if table.get(key) != other.get(key)
    ]


def _value(table: dict[str, Any], key: str) -> object:
    """The value of a key, or its default: scales of layers are left out if they have theirs."""
    return table.get(key, getattr(Layer, key, None))


def _difference(name: str, ours: object, theirs: object) -> str:
    return f"{name} ({ours} in the store, {theirs} now)"
