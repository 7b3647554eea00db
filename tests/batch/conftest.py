"""Many small fits, on a machine that does other things too: one thread each, as in a re-baseline."""

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    with threadpool_limits(1):
        yield
