"""Kernel objects and estimators for scikit-learn.

Needs ``pip install ckn-rs[sklearn]``.
"""

from ckn_rs._support.extras import import_extra

# Before the modules that import it themselves, so that the error names the extra.
import_extra("sklearn", "sklearn", "ckn_rs.sklearn")

from ckn_rs.sklearn._estimators import KernelRidgeClassifierCV, KernelRidgeCV  # noqa: E402
from ckn_rs.sklearn._kernel import ConvolutionalKernel  # noqa: E402
from ckn_rs.sklearn._nystroem import Nystroem  # noqa: E402

__all__ = ["ConvolutionalKernel", "KernelRidgeCV", "KernelRidgeClassifierCV", "Nystroem"]
