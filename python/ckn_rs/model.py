"""The typed model, :class:`Model`, and the other forms in which functions take a model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, overload

from ckn_rs import _core, _describe, _spec
from ckn_rs._support.html_table import html_table
from ckn_rs._support.options import as_kind, as_shape
from ckn_rs.layer import Dense, Layer
from ckn_rs.residual import Residual

DEFAULTS = {"convention": "original", "readout": "trace", "dense": None}
"""The options of a model, and their defaults."""


class Model(Sequence[Layer]):
    """An immutable sequence of layers, the first one reading pixels.

    Parameters
    ----------
    layers : iterable of Layer, of Residual or of dicts
        At least one layer; each layer of a :class:`Residual` is one. If this is a Model, its
        options are the defaults of those below.
    convention : {'original', '2019', 'neural_tangents'}
        The conventions for patches and poolings: those of today's original, those of its first
        release, of 2019, or those of the library ``neural_tangents``; see Notes.
    readout : {'trace', 'mean'}
        The number that is read from the last map: its trace, ``sum_P K[P, P]``, the kernel of a
        network that ends in a dense layer; or the mean over all pairs of positions, that of a
        network that ends in global average pooling.
    dense : Dense or dict, optional
        The scales of that dense layer. By default its weights have the standard deviation 1, and it
        has no bias.

    Raises
    ------
    TypeError, ValueError
        If a layer has an unknown key, or a value of a wrong type or out of range. The message names
        the layer and tells what is allowed. Whether the layers fit an image depends on its shape:
        see :meth:`describe`.

    Notes
    -----
    In the convention ``'2019'`` the inner product of two patches is the mean over their positions
    instead of the sum. Patches of an even length have one position more ahead, instead of one more
    back. Pooling windows end at ``2*subsampling`` and lose their last weight.

    The convention ``'neural_tangents'`` gives the numbers of networks that are written with
    ``neural_tangents.stax`` [1]_, in the parameterization 'ntk'. It is that of ``'original'``, but

    - the inner product of two patches is the mean over their positions, and in the first layer over
      channels, too;
    - with the paddings ``'same'`` and ``'circular'`` patches stand where XLA puts them: there are
      ``ceil(n / stride)`` along an axis of ``n`` positions, and ``total``, the number of positions
      that they need in addition, is padded with ``total // 2`` of them ahead;
    - ``relu``, ``abrelu``, ``step`` and ``arccos2`` are expectations, without the factor 2;
    - windows of ``'average'`` end inside the map, as those of ``AvgPool``;
    - the readout ``'trace'`` is ``Flatten``: it is divided by the number of positions.

    References
    ----------
    .. [1] R. Novak, L. Xiao, J. Hron, J. Lee, A. A. Alemi, J. Sohl-Dickstein and S. S. Schoenholz,
       "Neural Tangents: Fast and Easy Infinite Neural Networks in Python", ICLR, 2020.

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

    __slots__ = ("_convention", "_dense", "_layers", "_readout")

    _layers: tuple[Layer, ...]
    _convention: str
    _readout: str
    _dense: Dense | None

    def __init__(
        self,
        layers: Iterable[Layer | Residual | Mapping[str, Any]],
        *,
        convention: str | None = None,
        readout: str | None = None,
        dense: Dense | Mapping[str, Any] | None = None,
    ) -> None:
        given = {"convention": convention, "readout": readout, "dense": dense}
        options = _spec.of_options({key: v for key, v in given.items() if v is not None})
        self._read(as_spec(layers) | options)

    def _read(self, spec: Mapping[str, Any]) -> None:
        """Check a spec, and set the fields of this model to its values."""
        resolved = _core.resolve_model(spec, False)
        self._layers = tuple(Layer(**layer) for layer in spec["layers"])
        self._convention, self._readout = resolved["convention"], resolved["readout"]
        dense = resolved.get("dense")
        self._dense = None if dense is None else Dense(**dense)

    @property
    def convention(self) -> str:
        """Those for patches and poolings: ``'original'``, ``'2019'`` or ``'neural_tangents'``."""
        return self._convention

    @property
    def readout(self) -> str:
        """The number that is read from the last map: ``'trace'`` or ``'mean'``."""
        return self._readout

    @property
    def dense(self) -> Dense | None:
        """The scales of the last, dense layer, if they are given."""
        return self._dense

    @classmethod
    def from_dicts(
        cls,
        dicts: Iterable[Mapping[str, Any]],
        *,
        convention: str | None = None,
        readout: str | None = None,
        dense: Dense | Mapping[str, Any] | None = None,
    ) -> Model:
        """The model of a list of dicts, as the original has it.

        Parameters
        ----------
        dicts : iterable of dict
            The keys of each layer.
        convention, readout, dense : optional
            As for :class:`Model`.

        Raises
        ------
        TypeError, ValueError
            As for :class:`Model`.

        Examples
        --------
        >>> Model.from_dicts([{"npatch": 3, "subsampling": 2}], readout="mean")
        Model([
            Layer(npatch=3, subsampling=2),
        ], readout='mean')
        """
        return cls(dicts, convention=convention, readout=readout, dense=dense)

    def to_dicts(self) -> list[dict[str, Any]]:
        """The layers as a list of dicts, as the original has it; a value of None is left out.

        Examples
        --------
        >>> Model([Layer(3, 2, kernel="relu")]).to_dicts()
        [{'npatch': 3, 'subsampling': 2, 'kernel': 'relu', 'sigma': 1.0, 'pooling': 'gaussian'}]
        """
        return [layer.to_dict() for layer in self._layers]

    @classmethod
    def from_json(cls, text: str) -> Model:
        """Read ``{"layers": [...]}``, or the list alone, with an object for each layer.

        Beside ``layers`` there may be ``convention``, ``readout``, and ``dense``, an object with
        ``weight_std`` and ``bias_std``.

        Parameters
        ----------
        text : str
            The content of a JSON file.

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
        return cls._of_spec(_spec.of_json(text))

    def to_json(self) -> str:
        """The model as ``{"layers": [...]}``, with its options if they are not the defaults."""
        options = _spec.of_options(self._options())
        return json.dumps({**options, "layers": self.to_dicts()}, indent=2) + "\n"

    @classmethod
    def from_toml(cls, text: str) -> Model:
        """Read a ``[[layers]]`` table for each layer, with the keys of the dicts.

        Above the tables there may be ``convention``, ``readout``, and a table ``[dense]`` with
        ``weight_std`` and ``bias_std``.

        Parameters
        ----------
        text : str
            The content of a TOML file.

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
        return cls._of_spec(_spec.of_toml(text))

    def to_toml(self) -> str:
        """The model as a ``[[layers]]`` table for each layer, with the keys of :meth:`to_json`."""
        return _core.model_to_toml(as_spec(self))

    @classmethod
    def _of_spec(cls, spec: Mapping[str, Any]) -> Model:
        model = cls.__new__(cls)
        model._read(spec)
        return model

    @classmethod
    def load(cls, path: str | Path) -> Model:
        """Read a ``.json`` or ``.toml`` file.

        Parameters
        ----------
        path : path
            The file. The end of its name tells the format.

        Raises
        ------
        ValueError, TypeError
            If the name has another ending, or the file does not hold a model.
        OSError
            If the file cannot be read.
        """
        read = cls.from_toml if _spec.is_toml(path) else cls.from_json
        return read(_spec.text_of(path))

    def save(self, path: str | Path) -> None:
        """Write a ``.json`` or ``.toml`` file.

        Parameters
        ----------
        path : path
            The file, which is replaced if it exists. The end of its name tells the format.

        Raises
        ------
        ValueError
            If the name has another ending.
        OSError
            If the file cannot be written.
        """
        text = self.to_toml() if _spec.is_toml(path) else self.to_json()
        Path(path).write_text(text, encoding="utf-8")

    def describe(self, shape: Sequence[int], ntk: bool = False) -> str:
        """A table of every layer's geometry for images of this shape.

        Parameters
        ----------
        shape : sequence of int
            ``(h, w, c)`` of an image. A length may be a whole float, such as 32.0.
        ntk : bool
            The NTK instead of the CKN. A layer that names no kernel has ``relu`` then, and
            ``exp`` otherwise.

        Returns
        -------
        str
            A line for each layer: the size of its input, its patch, the number of patches along
            rows and columns, its kernel and pooling, the size of its output, the number of
            positions at which a patch is needed (``sites``), and the number of the pooling's
            weights (``taps``) along one axis, or along rows and columns if these differ. A window
            that is wider than the map counts only the weights inside the map.

        Raises
        ------
        TypeError, ValueError
            If ``shape`` is not the shape of an image, ``ntk`` is not a flag, or a layer does not
            fit or leaves no positions.

        Examples
        --------
        >>> model = Model([Layer(3, 2, kernel="exp", sigma=0.6), Layer(3, 5, sigma=0.6)])
        >>> print(model.describe((32, 32, 3)))
        CKN of images 32x32x3
        layer  input  patch  patches  kernel          pooling     output  sites  taps
        0      32x32  3x3    32x32    exp, sigma 0.6  gaussian 2  15x15   32x32  5
        1      15x15  3x3    15x15    exp, sigma 0.6  gaussian 5  2x2     15x15  11
        """
        kind, lengths = as_kind(ntk), as_shape(shape)
        table = _describe.geometry_table(_core.Plan(as_spec(self), lengths, kind))
        head = f"{kind.upper()} of images {_describe.size(lengths)}"
        return ", ".join([head, *_describe.options(self._options())]) + f"\n{table}"

    def _options(self) -> dict[str, Any]:
        """The options that are not the default."""
        values = {"convention": self._convention, "readout": self._readout, "dense": self._dense}
        return {key: value for key, value in values.items() if value != DEFAULTS[key]}

    def __str__(self) -> str:
        return _describe.layers_table(self._layers, self._options())

    def _repr_html_(self) -> str:
        rows = _describe.layer_rows(self._layers)
        return html_table(rows, footer=", ".join(_describe.options(self._options())))

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
        return self._layers, self._convention, self._readout, self._dense

    def __reduce__(self) -> tuple[Callable[..., Model], tuple[tuple[Layer, ...]]]:
        return partial(Model, **self._options()), (self._layers,)


ModelLike: TypeAlias = (
    Model | Sequence[Layer | Residual | Mapping[str, Any]] | Sequence[Mapping[str, Any]]
)
"""The forms in which functions take a model."""


def as_spec(model: object) -> dict[str, Any]:
    """The spec of a model, which is the mapping that the core takes. The core checks its values.

    Raises
    ------
    TypeError
        If this is neither a Model nor a sequence of layers.
    """
    if isinstance(model, Model):
        return {"layers": model.to_dicts(), **_spec.of_options(model._options())}
    return _spec.of_layers(model)
