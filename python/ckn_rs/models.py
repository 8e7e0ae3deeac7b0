"""Named models: the architectures of the papers, most under the names of the original's scripts.

The NTK of a model is computed with ``ntk=True``, so that the scripts' ``relu_pool_ntk`` is
``relu_pool`` here. ``myrtle5``, ``myrtle7`` and ``myrtle10`` are deep ReLU networks for 32x32
images; the number counts their convolutions and the last linear layer.

``fast_28``, ``faster_28`` and ``fastest_28`` are for large sets of grey images of 28x28, such as
Fashion-MNIST: no model of ``benches/frontier.py`` is right more often, beyond the error, in about
3, 1 and 0.5 microseconds a pair. Their images are not whitened; ``docs/large_sets.md`` has the
table.

References
----------
A. Bietti, *Approximation and Learning with Deep Convolutional Models: a Kernel Perspective*, ICLR
2022; A. Bietti and J. Mairal, *On the Inductive Bias of Neural Tangent Kernels*, NeurIPS 2019;
V. Shankar et al., *Neural Kernels Without Tangents*, ICML 2020 (``myrtle``).

Examples
--------
>>> from ckn_rs import models
>>> models.summary("relu_quad_pool")
'relu 3x3 gaussian 2, poly2 3x3 gaussian 5'
>>> len(models.named("exp_sigma_06_pool_2_2_2"))
3
"""

from __future__ import annotations

from difflib import get_close_matches

from ckn_rs.layer import Layer
from ckn_rs.model import Model

__all__ = ["NAMES", "named", "summary"]

_P235, _P222 = ((3, 2), (3, 5)), ((3, 2), (3, 2), (3, 2))


def _stack(
    kernels: str,
    *geometry: tuple[int, int],
    sigma: float = 0.6,
    pooling: str = "gaussian",
    every: bool = False,
) -> Model:
    """A model of these kernels, with ``npatch`` and the width of the pooling for each layer.

    The width is also the stride of the pooling, unless there is an output at ``every`` position.
    """
    layers = []
    for kernel, (npatch, width) in zip(kernels.split(), geometry, strict=True):
        stride, factor = (1, width) if every else (width, None)
        own = sigma if kernel == "exp" else 1
        layers.append(Layer(npatch, stride, factor, kernel=kernel, sigma=own, pooling=pooling))
    return Model(layers)


def _myrtle(*blocks: int) -> Model:
    """The network whose blocks have so many convolutions, each block with pooling after its last.

    The network ends with the mean over all positions, which is the model's readout.
    """
    layers = []
    for convolutions in blocks:
        layers += [Layer(3, 1, kernel="relu", pooling="none")] * (convolutions - 1)
        layers.append(Layer(3, 2, kernel="relu", pooling="average"))
    return Model(layers, readout="mean")


NAMES: dict[str, Model] = {
    "exp_pool": _stack("exp exp", *_P235, sigma=0.65),
    "exp_pool_nosub": _stack("exp exp", (3, 2), (6, 10), sigma=0.65, every=True),
    "exp_strided": _stack("exp exp", *_P235, sigma=0.65, pooling="strided"),
    "exp_sigma_06_pool": _stack("exp exp", *_P235),
    "exp_sigma_055_pool": _stack("exp exp", *_P235, sigma=0.55),
    "exp_sigma_05_pool": _stack("exp exp", *_P235, sigma=0.5),
    "exp_sigma_06_06_pool_nosub": _stack("exp exp", (3, 2), (6, 10), every=True),
    "exp_sigma_06_pool_2_2_2": _stack("exp exp exp", *_P222),
    "exp_sigma_06_pool_5": _stack("exp", (3, 5)),
    "exp_sigma_06_pool_5_nosub": _stack("exp", (3, 5), every=True),
    "exp_sigma_06_pool_10": _stack("exp", (3, 10)),
    "exp_sigma_06_conv_5_pool_2": _stack("exp", (5, 2)),
    "exp_sigma_06_conv_5_pool_2_nosub": _stack("exp", (5, 2), every=True),
    "exp_sigma_06_conv_5_pool_5": _stack("exp", (5, 5)),
    "exp_sigma_06_conv_5_pool_5_nosub": _stack("exp", (5, 5), every=True),
    "exp_sigma_06_conv_5_pool_8": _stack("exp", (5, 8)),
    "exp_sigma_06_conv_5_pool_8_nosub": _stack("exp", (5, 8), every=True),
    "exp_sigma_06_conv_6_pool_8": _stack("exp", (6, 8)),
    "relu_pool": _stack("relu relu", *_P235),
    "relu_pool_5": _stack("relu", (3, 5)),
    "relu_conv_5_pool_8": _stack("relu", (5, 8)),
    "relu_lin_pool": _stack("relu linear", *_P235),
    "relu_quad_pool": _stack("relu poly2", *_P235),
    "relu_lin_lin_pool_2_2_2": _stack("relu linear linear", *_P222),
    "relu_quad_quad_pool_2_2_2": _stack("relu poly2 poly2", *_P222),
    "exp_sigma_06_lin_pool_2_5": _stack("exp linear", *_P235),
    "exp_sigma_06_quad_pool_2_5": _stack("exp poly2", *_P235),
    "exp_sigma_06_square_pool_2_5": _stack("exp square", *_P235),
    "exp_sigma_06_poly3_pool_2_5": _stack("exp poly3", *_P235),
    "exp_sigma_06_poly4_pool_2_5": _stack("exp poly4", *_P235),
    "exp_sigma_06_quad_quad_pool_2_2_2": _stack("exp poly2 poly2", *_P222),
    "exp_sigma_06_square_square_pool_2_2_2": _stack("exp square square", *_P222),
    "exp_poly4_lin_pool_2_2_2": _stack("exp poly4 linear", *_P222),
    "exp_lin_poly4_pool_2_2_2": _stack("exp linear poly4", *_P222),
    "exp_lin_lin_pool_2_2_2": _stack("exp linear linear", *_P222),
    "quad_quad_pool_2_5": _stack("poly2 poly2", *_P235),
    "quad_quad_quad_pool_2_2_2": _stack("poly2 poly2 poly2", *_P222),
    "quad_exp_pool_2_5": _stack("poly2 exp", *_P235),
    "exp_quad_conv_3_1_pool_2_5": _stack("exp poly2", (3, 2), (1, 5)),
    "exp_quad_conv_3_5_pool_2_5": _stack("exp poly2", (3, 2), (5, 5)),
    "exp_quad_conv_3_7_pool_2_5": _stack("exp poly2", (3, 2), (7, 5)),
    "exp_poly3_conv_3_5_pool_2_5": _stack("exp poly3", (3, 2), (5, 5)),
    "exp_poly4_conv_3_5_pool_2_5": _stack("exp poly4", (3, 2), (5, 5)),
    "exp_poly4_conv_3_5_pool_2s_5": Model(
        [
            Layer(3, 2, kernel="exp", sigma=0.6, pooling="strided"),
            Layer(5, 5, kernel="poly4"),
        ]
    ),
    "exp_exp_conv_3_5_pool_2_5": _stack("exp exp", (3, 2), (5, 5)),
    "exp_exp_conv_5_3_pool_2_5": _stack("exp exp", (5, 2), (3, 5)),
    "exp_exp_conv_5_5_pool_2_5": _stack("exp exp", (5, 2), (5, 5)),
    "exp_exp_exp_conv_3_5_5_pool_2_2_2": _stack("exp exp exp", (3, 2), (5, 2), (5, 2)),
    "white6_exp_conv_6_pool_2": _stack("exp", (6, 2)),
    "white6_exp_conv_6_pool_4": _stack("exp", (6, 4)),
    "white6_exp_conv_6_pool_6": _stack("exp", (6, 6)),
    "white6_exp_conv_6_pool_8": _stack("exp", (6, 8)),
    "white6_exp_conv_6_pool_10": _stack("exp", (6, 10)),
    "white5_exp_exp_conv_5_3_pool_2_5": _stack("exp exp", (5, 2), (3, 5)),
    "myrtle5": _myrtle(2, 1, 1),
    "myrtle7": _myrtle(2, 2, 2),
    "myrtle10": _myrtle(3, 3, 3),
    "fast_28": Model(
        [
            Layer(5, stride=2, kernel="exp", sigma=0.65, pooling="none"),
            Layer(3, 2, kernel="exp", sigma=0.65, pooling="average"),
        ]
    ),
    "faster_28": Model([Layer(7, 2, stride=3, kernel="exp", sigma=0.65, pooling="average")]),
    "fastest_28": Model([Layer(7, 2, stride=4, kernel="exp", sigma=0.65, pooling="average")]),
}
"""The models by their names.

Names that begin with ``white5`` and ``white6`` are of models for images whitened by 5x5 and 6x6
patches. The other models of the original's scripts are for images whitened by 3x3 patches.
"""


def named(name: str) -> Model:
    """The model of that name.

    Parameters
    ----------
    name : str
        One of :data:`NAMES`.

    Raises
    ------
    ValueError
        If there is no model of that name. The message lists names with a similar spelling.
    """
    if name not in NAMES:
        alike = get_close_matches(name, NAMES, n=3)
        hint = f"; did you mean {' or '.join(alike)}?" if alike else ""
        raise ValueError(f"there is no model called {name!r}{hint}")
    return NAMES[name]


def summary(name: str) -> str:
    """The layers of a named model in one line: kernel, patch, its stride, and pooling of each.

    Parameters
    ----------
    name : str
        One of :data:`NAMES`.

    Raises
    ------
    ValueError
        If there is no model of that name.

    Examples
    --------
    >>> from ckn_rs import models
    >>> models.summary("exp_strided")
    'exp(0.65) 3x3 strided 2, exp(0.65) 3x3 strided 5'
    >>> models.summary("fastest_28")
    'exp(0.65) 7x7/4 average 2'
    """
    return ", ".join(_summary(layer) for layer in named(name))


def _summary(layer: Layer) -> str:
    sigma = f"({layer.sigma})" if layer.kernel == "exp" else ""
    if layer.pooling == "none":
        pool = "none"
    elif layer.poolfactor is None:
        pool = f"{layer.pooling} {layer.subsampling}"
    else:
        pool = f"{layer.pooling} {layer.poolfactor} at every position"
    stride = "" if layer.stride == 1 else f"/{layer.stride}"
    return f"{layer.kernel}{sigma} {layer.npatch}x{layer.npatch}{stride} {pool}"
