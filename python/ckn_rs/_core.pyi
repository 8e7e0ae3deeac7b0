"""The Rust core, as the Python layer sees it.

Images are C-contiguous ``(n, h, w, c)`` arrays of one dtype, float32 or float64, in native byte
order; every other floating array of a call has that dtype too. ``model`` is a mapping: ``layers``,
one mapping a layer, and ``convention`` and ``readout``, which have defaults; each function that
takes one validates it. ``progress``, if given, is called with the number of pairs done so far, a
few times a second, from the calling thread. Signals are checked as often. A job of some 20
milliseconds or less runs in the calling thread, and then both are done once, at its end.

A resolved model has every key, and so have its layers; sizes and poolings that are the same along
both axes are written once, others as a list, rows first. ``geometry`` gives the resolved layers,
and adds to each ``input`` and ``output``, the ``(h, w)`` of the maps that it reads and leaves,
``patches``, how many patches there are along both axes, ``sites``, at how many positions it needs
one, ``window``, the pooling's weights along each axis, and what a pair costs: ``entries``, the map
entries at which it evaluates the patch kernel, and ``multiply_adds``, a nominal count of its
arithmetic, norms apart, where an addition or a multiplication alone counts as one, too. The TOML
functions check models without resolving them: a key that is not given stays away, since a default
may depend on ``ntk``.

``out_ckn`` takes the CKN beside the NTK, and ``out_gradient``, of one more axis, the derivatives of
the CKN with respect to the logarithm of ``sigma``, one a layer whose kernel uses it. Which of a
layer's parameters a kernel uses is in ``KERNEL_PARAMETERS``.

``multiply_add_peak`` measures what ``n_threads`` threads reach together, in multiply-adds a second,
for the ``dtype`` "float32" or "float64"; it takes a tenth of a second or so.
"""

from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import NDArray

__all__ = [
    "CONVENTIONS",
    "KERNELS",
    "KERNEL_PARAMETERS",
    "POOLINGS",
    "READOUTS",
    "__version__",
    "default_threads",
    "geometry",
    "gram",
    "model_from_toml",
    "model_to_toml",
    "multiply_add_peak",
    "norms",
    "pairs",
    "resolve_model",
    "scratch_bytes",
    "simd_level",
    "simd_levels",
]
__version__: str
KERNELS: list[str]
KERNEL_PARAMETERS: dict[str, list[str]]
POOLINGS: list[str]
CONVENTIONS: list[str]
READOUTS: list[str]

def simd_level() -> str: ...
def simd_levels() -> list[str]: ...
def multiply_add_peak(dtype: str, n_threads: int, *, level: str | None = None) -> float: ...
def default_threads() -> int: ...
def resolve_model(model: Mapping[str, Any], ntk: bool) -> dict[str, Any]: ...
def model_from_toml(text: str) -> dict[str, Any]: ...
def model_to_toml(model: Mapping[str, Any]) -> str: ...
def geometry(
    model: Mapping[str, Any], shape: tuple[int, int, int], ntk: bool
) -> list[dict[str, Any]]: ...
def scratch_bytes(
    model: Mapping[str, Any], shape: tuple[int, int, int], ntk: bool, dtype: str
) -> int: ...
def norms(
    images: NDArray[Any],
    model: Mapping[str, Any],
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
    model: Mapping[str, Any],
    ntk: bool,
    out: NDArray[Any],
    *,
    out_ckn: NDArray[Any] | None = None,
    out_gradient: NDArray[Any] | None = None,
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
    model: Mapping[str, Any],
    ntk: bool,
    out: NDArray[Any],
    *,
    out_ckn: NDArray[Any] | None = None,
    out_gradient: NDArray[Any] | None = None,
    n_threads: int | None = None,
    level: str | None = None,
) -> None: ...
