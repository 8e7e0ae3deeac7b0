"""Settings of the whole test run."""

import os
import signal
import sys
from collections.abc import Iterator

import pytest

# A shell starts commands in the background with SIGINT ignored, and all processes that tests start
# would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

os.environ["MPLBACKEND"] = "agg"  # pictures need no screen


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    """Close the figures of a test, since pyplot keeps them."""
    yield
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close("all")


@pytest.fixture(autouse=True, scope="module")
def _one_blas_thread() -> Iterator[None]:
    """One thread for NumPy: small matrices take far longer on several, on a busy machine.

    Where scikit-learn is not installed, threadpoolctl is not either, and there are few such tests.
    """
    try:
        from threadpoolctl import threadpool_limits
    except ModuleNotFoundError:
        yield
        return
    with threadpool_limits(1):
        yield
