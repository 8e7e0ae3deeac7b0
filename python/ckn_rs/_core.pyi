"""The Rust core, as the Python layer sees it.

A model is a mapping: ``layers``, one mapping a layer, and ``convention`` and ``readout``, which
have defaults, and ``dense``, a mapping, if it ends in a dense layer. Each function that takes one
validates it. A resolved model has every key, and so have its layers, but for ``weight_std`` of 1
and ``bias_std`` of 0; sizes and poolings that are equal along both axes are written once, others as
a list, rows first. The TOML functions check models without resolving them: a key that is not given
stays away, since a default may depend on ``ntk``. ``KERNEL_PARAMETERS`` tells which of a layer's
parameters each kernel uses, and ``POOLING_PARAMETERS`` which each pooling may have.

A :class:`Plan` is a model on images ``(h, w, c)`` of one shape. Its ``kind`` says which results it
computes of a pair of images:

- "ckn": the CKN;
- "ntk": the NTK;
- "both": the NTK and the CKN;
- "gradient": the CKN and, along one more axis, its derivatives with respect to the logarithms of
  ``parameters``. There are ``gradients`` of them. ``wrt`` lists kinds of parameters, "sigma" alone
  by default. The parameters are in the order of kinds, those of a kind in the order of layers, each
  a pair of a kind and a layer: "sigma" of layers whose kernel has one, "weight_std" of all layers,
  "bias_std" where it is not 0. The scales of the dense layer come after those of layers, with None;
- "ntk_gradient": the NTK and its derivatives, in the same way.

``layers`` are those of the resolved ``model``, and tell besides ``input`` and ``output``, the ``(h,
w)`` of the maps that a layer reads and leaves; ``patches``, how many there are along both axes;
``sites``, at how many positions a patch is needed; ``window``, the number of the pooling's weights
along each axis, of a window wider than the map only those inside it; and the cost of a pair:
``entries``, the map entries at which the patch kernel is evaluated, and ``multiply_adds``, a
nominal count of the arithmetic, norms apart, where an addition or a multiplication alone counts as
one, too. ``scratch_bytes`` is the memory that each thread works in.

Images are C-contiguous ``(n, h, w, c)`` arrays of one dtype, float32 or float64, in native byte
order; every other floating array of a call has that dtype too. A set of images comes with its patch
norms ``(n, norms_len)``, or None if these are to be computed. ``out`` has an array for each result.
``progress``, if given, is called with the number of pairs (for norms, of images) done so far, a few
times a second, from the calling thread. Signals are checked as often. A job of some 20 milliseconds
or less runs in the calling thread, and then both are done once, at its end.

``multiply_add_peak`` measures the speed that ``n_threads`` threads reach together, in multiply-adds
a second, for the ``dtype`` "float32" or "float64". It takes a tenth of a second or so.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

from numpy.typing import NDArray

__all__ = [
    "CONVENTIONS",
    "KERNELS",
    "KERNEL_PARAMETERS",
    "POOLINGS",
    "POOLING_PARAMETERS",
    "Plan",
    "READOUTS",
    "__version__",
    "default_threads",
    "model_from_toml",
    "model_to_toml",
    "multiply_add_peak",
    "resolve_model",
    "simd_level",
    "simd_levels",
]
__version__: str
KERNELS: list[str]
KERNEL_PARAMETERS: dict[str, list[str]]
POOLINGS: list[str]
POOLING_PARAMETERS: dict[str, list[str]]
CONVENTIONS: list[str]
READOUTS: list[str]

def simd_level() -> str: ...
def simd_levels() -> list[str]: ...
def multiply_add_peak(dtype: str, n_threads: int, *, level: str | None = None) -> float: ...
def default_threads() -> int: ...
def resolve_model(model: Mapping[str, Any], ntk: bool) -> dict[str, Any]: ...
def model_from_toml(text: str) -> dict[str, Any]: ...
def model_to_toml(model: Mapping[str, Any]) -> str: ...

@final
class Plan:
    def __new__(
        cls,
        model: Mapping[str, Any],
        shape: tuple[int, int, int],
        kind: str,
        wrt: Sequence[str] | None = None,
    ) -> Plan: ...
    @property
    def kind(self) -> str: ...
    @property
    def shape(self) -> tuple[int, int, int]: ...
    @property
    def model(self) -> dict[str, Any]: ...
    @property
    def layers(self) -> list[dict[str, Any]]: ...
    @property
    def norms_len(self) -> int: ...
    @property
    def gradients(self) -> int: ...
    @property
    def parameters(self) -> list[tuple[str, int | None]]: ...
    def scratch_bytes(self, dtype: str) -> int: ...
    def norms(
        self,
        images: NDArray[Any],
        out: NDArray[Any],
        *,
        n_threads: int | None = None,
        progress: Callable[[int], object] | None = None,
        level: str | None = None,
    ) -> None: ...
    def gram(
        self,
        first: tuple[NDArray[Any], NDArray[Any] | None],
        second: tuple[NDArray[Any], NDArray[Any] | None] | None,
        out: Sequence[NDArray[Any]],
        *,
        n_threads: int | None = None,
        progress: Callable[[int], object] | None = None,
        level: str | None = None,
    ) -> None: ...
    def pairs(
        self,
        images: NDArray[Any],
        left: NDArray[Any],
        right: NDArray[Any],
        out: Sequence[NDArray[Any]],
        *,
        n_threads: int | None = None,
        level: str | None = None,
    ) -> None: ...
    def __getnewargs__(
        self,
    ) -> tuple[dict[str, Any], tuple[int, int, int], str, list[str]]: ...
