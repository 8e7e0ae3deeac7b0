"""The typed model: :class:`Layer` and :class:`Model`, interchangeable with the original's dicts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, overload

from ckn_rs import _core
from ckn_rs._support import describe
from ckn_rs._support.options import as_flag, as_kind
from ckn_rs._support.table import text_table
from ckn_rs.layer import Layer as Layer

DEFAULTS = {"convention": "original", "readout": "trace"}
"""What a model says of itself unless it is told otherwise."""


class Model(Sequence[Layer]):
    """An immutable sequence of layers, the first one reading pixels.

    Parameters
    ----------
    layers : iterable of Layer or of dicts
        At least one. If this is a Model, its convention and readout are the defaults.
    convention : {'original', '2019'}
        How patches and poolings are counted: as today, or as in the first release of the original,
        of 2019. That takes the mean over a patch instead of the sum, lets patches of even side
        reach further ahead instead of back, and drops the last weight of a pooling window, which
        ends at ``2*subsampling``.
    readout : {'trace', 'mean'}
        What becomes of the last map: its trace, ``sum_P K[P, P]``, as with a dense layer on top, or
        the mean over all pairs of positions, as with global average pooling.

    Raises
    ------
    TypeError, ValueError
        If a layer has a key, a type or a value that no model has; the message names the layer and
        what would be right. Whether the layers fit an image is only known with its shape: see
        :meth:`describe`.

    Examples
    --------
    >>> model = Model([Layer(3, 2, kernel="exp", sigma=0.6), {"npatch": 3, "subsampling": 5}])
    >>> model
    Model([
        Layer(npatch=3, subsampling=2, kernel='exp', sigma=0.6),
        Layer(npatch=3, subsampling=5),
    ])
    >>> len(model), model[1].subsampling
    (2, 5)
    >>> Model(model, readout="mean").readout
    'mean'
    """

    __slots__ = ("_convention", "_layers", "_readout")

    _layers: tuple[Layer, ...]
    _convention: str
    _readout: str

    def __init__(
        self,
        layers: Iterable[Layer | Mapping[str, Any]],
        *,
        convention: str | None = None,
        readout: str | None = None,
    ) -> None:
        given = {"convention": convention, "readout": readout}
        self._read(as_spec(layers) | {key: v for key, v in given.items() if v is not None})

    def _read(self, words: Mapping[str, Any]) -> None:
        """Check words as the core takes them, and keep them."""
        resolved = _core.resolve_model(words, False)
        self._layers = tuple(Layer(**layer) for layer in words["layers"])
        self._convention, self._readout = resolved["convention"], resolved["readout"]

    @property
    def convention(self) -> str:
        """How patches and poolings are counted."""
        return self._convention

    @property
    def readout(self) -> str:
        """What becomes of the last map."""
        return self._readout

    @classmethod
    def from_dicts(
        cls,
        dicts: Iterable[Mapping[str, Any]],
        *,
        convention: str | None = None,
        readout: str | None = None,
    ) -> Model:
        """A model of the original's list of dicts."""
        return cls(dicts, convention=convention, readout=readout)

    def to_dicts(self) -> list[dict[str, Any]]:
        """The layers as the original's list of dicts; a value of None is left out.

        Examples
        --------
        >>> Model([Layer(3, 2, kernel="relu")]).to_dicts()
        [{'npatch': 3, 'subsampling': 2, 'kernel': 'relu', 'sigma': 1.0, 'pooling': 'gaussian'}]
        """
        return [layer.to_dict() for layer in self._layers]

    @classmethod
    def from_json(cls, text: str) -> Model:
        """Read ``{"layers": [...]}`` or the bare list, one object a layer.

        Beside ``layers`` there may be ``convention`` and ``readout``.

        Raises
        ------
        ValueError, TypeError
            If this is not JSON, or not a model.

        Examples
        --------
        >>> Model.from_json('[{"npatch": 3, "subsampling": 2}]')
        Model([
            Layer(npatch=3, subsampling=2),
        ])
        """
        try:
            value = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"model: not JSON: {error}") from None
        return cls._of_words(value) if isinstance(value, dict) else cls(value)

    def to_json(self) -> str:
        """``{"layers": [...]}``, indented, with ``convention`` and ``readout`` if not default."""
        return json.dumps({**self._options(), "layers": self.to_dicts()}, indent=2) + "\n"

    @classmethod
    def from_toml(cls, text: str) -> Model:
        """Read one ``[[layers]]`` table a layer, with the dicts' keys.

        Above them there may be ``convention`` and ``readout``.

        Raises
        ------
        ValueError, TypeError
            If this is not TOML, or not a model.

        Examples
        --------
        >>> Model.from_toml('''
        ... readout = "mean"
        ...
        ... [[layers]]
        ... npatch = 3
        ... subsampling = 2
        ... ''')
        Model([
            Layer(npatch=3, subsampling=2),
        ], readout='mean')
        """
        return cls._of_words(_core.model_from_toml(text))

    def to_toml(self) -> str:
        """One ``[[layers]]`` table a layer, in the words of :meth:`to_json`."""
        return _core.model_to_toml(as_spec(self))

    @classmethod
    def _of_words(cls, words: Mapping[str, Any]) -> Model:
        """A model of ``layers`` and options, as a file has them."""
        if "layers" not in words:
            raise ValueError(f'model: there must be a key "layers", got {sorted(words)}')
        model = cls.__new__(cls)
        model._read({**words, **as_spec(words["layers"])})
        return model

    @classmethod
    def load(cls, path: str | Path) -> Model:
        """Read a ``.json`` or ``.toml`` file.

        Raises
        ------
        ValueError, TypeError
            If the name ends otherwise, or the file does not hold a model.
        OSError
            If the file cannot be read.
        """
        suffix = _suffix(path)
        text = Path(path).read_text(encoding="utf-8")
        return cls.from_toml(text) if suffix == ".toml" else cls.from_json(text)

    def save(self, path: str | Path) -> None:
        """Write a ``.json`` or ``.toml`` file.

        Raises
        ------
        ValueError
            If the name ends otherwise.
        OSError
            If the file cannot be written.
        """
        text = self.to_toml() if _suffix(path) == ".toml" else self.to_json()
        Path(path).write_text(text, encoding="utf-8")

    def describe(self, shape: tuple[int, int, int], ntk: bool = False) -> str:
        """A table of every layer's geometry for images of this shape.

        Parameters
        ----------
        shape : (int, int, int)
            ``(h, w, c)`` of an image.
        ntk : bool
            Which kernel a layer without one gets: ``relu`` for the NTK, else ``exp``.

        Returns
        -------
        str
            One line a layer: the size of the map it reads, its patch, the rows and columns of
            patches there are, its kernel and pooling, the size of the map it leaves, the positions
            at which a patch is needed (``sites``), and the pooling's weights along one axis
            (``taps``), or along rows and columns.

        Raises
        ------
        TypeError, ValueError
            If ``ntk`` is not a flag, and if a layer does not fit or leaves no positions.

        Examples
        --------
        >>> model = Model([Layer(3, 2, kernel="exp", sigma=0.6), Layer(3, 5, sigma=0.6)])
        >>> print(model.describe((32, 32, 3)))
        CKN of images 32x32x3
        layer  input  patch  patches  kernel          pooling     output  sites  taps
        0      32x32  3x3    32x32    exp, sigma 0.6  gaussian 2  15x15   32x32  5
        1      15x15  3x3    15x15    exp, sigma 0.6  gaussian 5  2x2     15x15  11
        """
        flag = as_flag(ntk, "ntk")
        rows: list[tuple[object, ...]] = [
            ("layer", "input", "patch", "patches", "kernel", "pooling", "output", "sites", "taps")
        ]
        for index, plan in enumerate(_core.Plan(as_spec(self), shape, as_kind(ntk)).layers):
            patch, kernel, pooling = _cells(describe.layer_of(plan))
            before, patches, after, sites = (
                describe.size(plan[key]) for key in ("input", "patches", "output", "sites")
            )
            taps = describe.by(plan["window"])
            rows.append((index, before, patch, patches, kernel, pooling, after, sites, taps))
        head = f"{'NTK' if flag else 'CKN'} of images {describe.size(shape)}"
        head = ", ".join([head, *describe.options(self._options())])
        return f"{head}\n{text_table(rows)}"

    def _options(self) -> dict[str, Any]:
        """What the model says of itself beside its layers, where it is not the default."""
        given = {"convention": self._convention, "readout": self._readout}
        return {key: value for key, value in given.items() if value != DEFAULTS[key]}

    def __str__(self) -> str:
        rows = [(i, *_cells(layer)) for i, layer in enumerate(self._layers)]
        table = text_table([("layer", "patch", "kernel", "pooling"), *rows])
        return "\n".join([table, *describe.options(self._options())])

    def __repr__(self) -> str:
        layers = "".join(f"    {layer!r},\n" for layer in self._layers)
        options = "".join(f", {key}={value!r}" for key, value in self._options().items())
        return f"Model([\n{layers}]{options})"

    def __len__(self) -> int:
        return len(self._layers)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self._layers)

    @overload
    def __getitem__(self, index: int) -> Layer: ...
    @overload
    def __getitem__(self, index: slice) -> Model: ...
    def __getitem__(self, index: int | slice) -> Layer | Model:
        if isinstance(index, slice):
            return Model(self._layers[index], **self._options())
        return self._layers[index]

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Model) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[object, ...]:
        return self._layers, self._convention, self._readout

    def __reduce__(self) -> tuple[Callable[..., Model], tuple[tuple[Layer, ...]]]:
        return partial(Model, **self._options()), (self._layers,)


ModelLike: TypeAlias = Model | Sequence[Layer | Mapping[str, Any]] | Sequence[Mapping[str, Any]]
"""What every function takes as ``model``."""

NOT_LAYERS = (str, bytes, Mapping, Layer)
"""What can be iterated over, but gives no layers."""


def as_spec(model: object) -> dict[str, Any]:
    """A model in any of its forms as the core takes it; the core checks what it says.

    Raises
    ------
    TypeError
        If this is not a sequence of layers.
    """
    if isinstance(model, Model):
        return {"layers": model.to_dicts(), **model._options()}
    if isinstance(model, NOT_LAYERS) or not isinstance(model, Iterable):
        raise TypeError(
            "model must be a ckn_rs.Model or a list with one dict a layer, such as "
            '[{"npatch": 3, "subsampling": 2, "kernel": "exp", "sigma": 0.6}], '
            f"got {'None' if model is None else type(model).__name__}"
        )
    return {"layers": [_as_dict(index, layer) for index, layer in enumerate(model)]}


def _as_dict(index: int, layer: object) -> dict[str, Any]:
    if isinstance(layer, dict):  # the usual case, at a tenth of the cost of the next two
        return layer
    if isinstance(layer, Layer):
        return layer.to_dict()
    if isinstance(layer, Mapping):
        return dict(layer)
    raise TypeError(f"model: layer {index} must be a dict or a Layer, got {type(layer).__name__}")


def _cells(layer: Layer) -> tuple[str, str, str]:
    """Patch, kernel and pooling in words."""
    return describe.patch(layer), describe.kernel(layer), describe.pooling(layer)


def _suffix(path: str | Path) -> str:
    suffix = Path(path).suffix.lower()
    if suffix not in (".json", ".toml"):
        raise ValueError(f"model: the file name must end in .json or .toml, got {str(path)!r}")
    return suffix
