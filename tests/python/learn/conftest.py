"""Settings of the tests of this room."""

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """One thread for NumPy: small matrices take far longer on several, on a busy machine.

    Where scikit-learn is not installed, threadpoolctl is not either, and there are few tests.
    """
    try:
        from threadpoolctl import threadpool_limits
    except ModuleNotFoundError:
        yield
        return
    with threadpool_limits(1):
        yield
