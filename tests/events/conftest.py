"""Fixtures of the tests of what crosses the wire."""

import gc
import logging
import warnings
from collections.abc import Iterator

import pytest


@pytest.fixture
def refused_connections(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Lets connections be refused: kafka-python does not close their sockets, which would be an error later on.

    They are collected here, and there are no log records to hold them.
    """
    caplog.set_level(logging.CRITICAL, "kafka")
    warnings.filterwarnings("ignore", "unclosed <socket", ResourceWarning)  # until the test is over
    yield
    gc.collect()
