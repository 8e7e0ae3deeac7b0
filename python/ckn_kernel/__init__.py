"""The original's module name: everything of :mod:`ckn_rs`, for scripts that import this."""

from ckn_rs import *  # noqa: F403
from ckn_rs import __all__ as __all__, __version__ as __version__
