"""Deployments on brokers of a test's own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.service import Service, running


@pytest.fixture
def service_on(kafka: str, topic_prefix: str, tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Makes a deployment on another Redis or another Kafka: `service_on(redis_url=…, kafka_at=…)`."""
    with ExitStack() as stack:

        def make(redis_url: str, kafka_at: str = kafka) -> Service:
            return stack.enter_context(running(Service(kafka_at, redis_url, topic_prefix, tmp_path)))

        yield make
