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
