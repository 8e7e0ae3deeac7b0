"""Named models: architectures of the papers, for images of CIFAR-10's size.

Examples
--------
>>> from ckn_rs import models
>>> print(models.named("relu-2").describe((32, 32, 3), ntk=True).splitlines()[0])
NTK of images 32x32x3
"""

from ckn_rs.layer import Layer
from ckn_rs.model import Model

_SIGMA = 0.6

NAMES: dict[str, tuple[str, Model]] = {
    "exp-2": (
        "two layers of exponential kernels, pooled by 2 and 5: the original's README",
        Model([Layer(3, s, kernel="exp", sigma=_SIGMA) for s in (2, 5)]),
    ),
    "exp-poly-2": (
        "the same with a polynomial of degree 2 on top: Bietti 2022",
        Model([Layer(3, 2, kernel="exp", sigma=_SIGMA), Layer(3, 5, kernel="poly2")]),
    ),
    "exp-3": (
        "three layers of exponential kernels, each pooled by 2: Bietti 2022",
        Model([Layer(3, 2, kernel="exp", sigma=_SIGMA)] * 3),
    ),
    "relu-2": (
        "two layers of ReLU kernels, pooled by 2 and 5, for the NTK: Bietti and Mairal 2019",
        Model([Layer(3, s, kernel="relu") for s in (2, 5)]),
    ),
}
"""What each is, by name."""


def named(name: str) -> Model:
    """The model of that name.

    Parameters
    ----------
    name : str
        One of :data:`NAMES`.

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    if name not in NAMES:
        raise ValueError(f"model must be one of {', '.join(NAMES)}, got {name!r}")
    return NAMES[name][1]
