"""A worker in front of a Redis that does not answer holds a bounded part of the log in memory, and loses nothing."""

import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.deployment import Message
from tests.service import Service, running
from tests.shop import order

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="reads a process's memory in /proc"),
]

EVENTS = 60_000
EVENT_BYTES = 2_048
ALLOWED_MB = 60
"""Half of what lies in the topics. Held are 4 MB ahead and three micro-batches of 4 MB, besides what they decode to."""


@pytest.fixture
def stopped_redis(own_redis):
    """A Redis that the test may stop and let go on; it is let go on before it is ended."""
    server = own_redis()
    yield server
    os.kill(server.pid, signal.SIGCONT)


def orders(first: int, count: int) -> list[Message]:
    """Orders of two kilobytes: JSON may have any blanks after its end."""
    made = (
        order(f"c{i % 500}", f"2026-01-{1 + i % 28:02}T10:00:00Z", event_id=f"o{i}", order_id=f"o{i}")
        for i in range(first, first + count)
    )
    return [message._replace(value=message.value.ljust(EVENT_BYTES)) for message in made]


def resident_mb(pid: int, figure: str) -> float:
    """Return VmRSS, the resident memory now, or VmHWM, the largest that it ever was."""
    found = re.search(rf"{figure}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024


@pytest.mark.long
def test_memory_stays_bounded_while_redis_does_not_answer(kafka, stopped_redis, topic_prefix, tmp_path):
    with running(Service(kafka, stopped_redis.url, topic_prefix, tmp_path)) as service:
        worker = service.worker(SHOAL_PREFETCH_MB="4", SHOAL_BATCH_EVENTS="2000")
        service.until_owned()
        service.publish(orders(0, 8_000))
        service.until_processed()
        before = resident_mb(worker.pid, "VmRSS")

        os.kill(stopped_redis.pid, signal.SIGSTOP)
        service.publish(orders(8_000, EVENTS))
        deadline = time.monotonic() + 4.0  # a worker that fetched without bounds would have all of it by then
        while time.monotonic() < deadline:
            assert resident_mb(worker.pid, "VmRSS") - before < ALLOWED_MB
            time.sleep(0.1)
        os.kill(stopped_redis.pid, signal.SIGCONT)

        service.until_processed()
        assert resident_mb(worker.pid, "VmHWM") - before < ALLOWED_MB
        assert service.outcome_counts() == {"orders:applied": 8_000 + EVENTS}
