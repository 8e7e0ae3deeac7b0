"""The Rust core, as the Python layer sees it.

Images are C-contiguous ``(n, h, w, c)`` arrays of one dtype, float32 or float64, in native byte
order; every other floating array of a call has that dtype too. Layers are dicts; each function
that takes them validates them. ``progress``, if given, is called with the number of pairs done
so far, a few times a second, from the calling thread. Signals are checked as often. A job of some
20 milliseconds or less runs in the calling thread, and then both are done once, at its end.

A resolved layer has every key. ``geometry`` adds to it ``input`` and ``output``, the ``(h, w)`` of
the maps that the layer reads and leaves, ``sites``, the ``(h, w)`` of the positions at which it
needs a patch, ``window``, the pooling's weights along one axis, and what a pair costs: ``entries``,
the map entries at which it evaluates the patch kernel, and ``multiply_adds``, a nominal count of
its arithmetic, norms apart, where an addition or a multiplication alone counts as one, too. The
TOML functions check layers without resolving them: a key that is not given stays away, since a
default may depend on ``ntk``.

``multiply_add_peak`` measures what ``n_threads`` threads reach together, in multiply-adds a second,
for the ``dtype`` "float32" or "float64"; it takes a tenth of a second or so.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

__all__ = [
    "KERNELS",
    "POOLINGS",
    "__version__",
    "default_threads",
    "geometry",
    "gram",
    "layers_from_toml",
    "layers_to_toml",
    "multiply_add_peak",
    "norms",
    "pairs",
    "resolve_layers",
    "simd_level",
    "simd_levels",
]
__version__: str
KERNELS: list[str]
POOLINGS: list[str]

def simd_level() -> str: ...
def simd_levels() -> list[str]: ...
def multiply_add_peak(dtype: str, n_threads: int, *, level: str | None = None) -> float: ...
def default_threads() -> int: ...
def resolve_layers(layers: Sequence[Mapping[str, Any]], ntk: bool) -> list[dict[str, Any]]: ...
def layers_from_toml(text: str) -> list[dict[str, Any]]: ...
def layers_to_toml(layers: Sequence[Mapping[str, Any]]) -> str: ...
def geometry(
    layers: Sequence[Mapping[str, Any]], shape: tuple[int, int, int], ntk: bool
) -> list[dict[str, Any]]: ...
def norms(
    images: NDArray[Any],
    layers: Sequence[Mapping[str, Any]],
    ntk: bool,
    out: NDArray[Any],
    *,
    n_threads: int | None = None,
    progress: Callable[[int], object] | None = None,
    level: str | None = None,
) -> None: ...
def gram(
    images1: NDArray[Any],
    images2: NDArray[Any] | None,
    layers: Sequence[Mapping[str, Any]],
    ntk: bool,
    out: NDArray[Any],
    *,
    out_ckn: NDArray[Any] | None = None,
    norms1: NDArray[Any] | None = None,
    norms2: NDArray[Any] | None = None,
    norms_inv1: NDArray[Any] | None = None,
    norms_inv2: NDArray[Any] | None = None,
    n_threads: int | None = None,
    progress: Callable[[int], object] | None = None,
    level: str | None = None,
) -> None: ...
def pairs(
    images: NDArray[Any],
    left: NDArray[Any],
    right: NDArray[Any],
    layers: Sequence[Mapping[str, Any]],
    ntk: bool,
    out: NDArray[Any],
    *,
    n_threads: int | None = None,
    level: str | None = None,
) -> None: ...
