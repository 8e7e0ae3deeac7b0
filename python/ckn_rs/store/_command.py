"""The command that completes a store."""

from __future__ import annotations

from typing import Any

from ckn_rs import _core, models
from ckn_rs.model import as_spec
from ckn_rs.store._manifest import Manifest


def command(manifest: Manifest, location: str) -> str:
    """The command that completes a store, but for the files of its images.

    Examples
    --------
    >>> import numpy as np
    >>> from ckn_rs import models
    >>> from ckn_rs._support.images import Images
    >>> X = Images(np.zeros((3, 28, 28, 1), np.float32), "ims1")
    >>> command(Manifest.of([X], models.named("exp_strided"), False, None, 500), "K.zarr")
    'ckn-rs gram IMAGES --model exp_strided --dtype float32 --out K.zarr'
    """
    images = "IMAGES" if manifest.symmetric else "IMAGES OTHERS"
    known = (name for name in models.NAMES if _spec_of(name, manifest.ntk) == manifest.model)
    model, ntk = next(known, "MODEL.toml"), " --ntk" if manifest.ntk else ""
    augment = "" if manifest.augment is None else f" --augment {manifest.augment}"
    options = f"{ntk}{augment} --dtype {manifest.dtype}"
    return f"ckn-rs gram {images} --model {model}{options} --out {location}"


def _spec_of(name: str, ntk: bool) -> dict[str, Any] | None:
    """The spec of a named model; None if it has no NTK and that is wanted."""
    try:
        return _core.resolve_model(as_spec(models.named(name)), ntk)
    except ValueError:
        return None
