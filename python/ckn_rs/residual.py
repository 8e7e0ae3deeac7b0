"""Blocks of layers with a shortcut around them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ckn_rs.layer import Layer


@dataclass(frozen=True)
class Residual:
    """A block of layers with a shortcut: the map before it is added to its own.

    With ``f`` the block, the map ``K`` becomes ``K + f(K)``, and the NTK's map ``T`` becomes
    ``T + f(T)``. This is the kernel of a network that adds two branches which are independent and
    have mean 0, such as the outputs of convolutions. In a residual network, as in [1]_, a layer
    with the kernel ``'linear'`` comes before each block and ends it, since it is a convolution
    without an activation. After other kernels, features do not have mean 0, and the sum of two maps
    is the kernel of the channels of both, side by side: a dense connection, as in [2]_.

    A model takes a block in the place of a layer. It has the block's layers, and the last of them
    has their number as ``shortcut``. A block begins after a model's first layer. Its maps have one
    size: ``padding`` is ``'same'`` or ``'circular'``, and there are neither strides nor poolings.
    With ``'circular'``, patches of the block's first layer must reach as far around as those of the
    layer after the block.

    Parameters
    ----------
    layers : iterable of Layer
        At least one layer.

    Raises
    ------
    TypeError, ValueError
        If there is no layer, or something else than a layer.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren and J. Sun, "Identity Mappings in Deep Residual Networks", ECCV,
       2016.
    .. [2] G. Huang, Z. Liu, L. van der Maaten and K. Q. Weinberger, "Densely Connected
       Convolutional Networks", CVPR, 2017.

    Examples
    --------
    A residual network: a convolution, and a block of activation, convolution, activation,
    convolution. The activation that begins it has a patch of one position, the weights of a
    convolution of one.

    >>> from ckn_rs import Layer, Model, Residual
    >>> def layer(npatch, kernel):
    ...     return Layer(npatch, kernel=kernel, pooling="none")
    >>> block = Residual([layer(1, "relu"), layer(3, "relu"), layer(3, "linear")])
    >>> model = Model([layer(3, "linear"), block, layer(1, "relu")], readout="mean")
    >>> model[3]
    Layer(npatch=3, kernel='linear', pooling='none', shortcut=3)
    """

    layers: tuple[Layer, ...]

    def __init__(self, layers: Iterable[Layer]) -> None:
        one = isinstance(layers, Layer) or not isinstance(layers, Iterable)
        given = (layers,) if one else tuple(layers)
        for layer in given:
            if isinstance(layer, Residual):
                raise TypeError(
                    "layers of a block must be Layers, got Residual: write *Residual(...) for the "
                    "layers of a block inside"
                )
            if not isinstance(layer, Layer):
                raise TypeError(f"layers of a block must be Layers, got {type(layer).__name__}")
        if not given:
            raise ValueError("a block must have at least one layer")
        object.__setattr__(self, "layers", given)

    def __iter__(self) -> Iterator[Layer]:
        """The layers, the last one with the shortcut."""
        *inner, last = self.layers
        if last.shortcut:
            raise ValueError("the last layer of a block has a shortcut already")
        yield from inner
        yield replace(last, shortcut=len(self.layers))
