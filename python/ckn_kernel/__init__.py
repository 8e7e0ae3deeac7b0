"""All of :mod:`ckn_rs` under the original's module name, so that scripts written for it run."""

from ckn_rs import *  # noqa: F403
from ckn_rs import __all__ as __all__, __version__ as __version__
