"""The check that docs/triggers.md gives to receivers accepts what is sent, and nothing else."""

import re
import time
from pathlib import Path

import pytest

from stream.campaigns.webhook_request import backoff_s, headers_of, new_secret

GUIDE = Path(__file__).parents[3] / "docs" / "triggers.md"
SECRET = new_secret()
BODY = '{"name":"ünï"}'.encode()


@pytest.fixture(scope="module")
def genuine():
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    names = {}
    exec(code, names)  # noqa: S102 - our own page
    return names["genuine"]


def test_what_is_sent_is_genuine(genuine):
    assert genuine(SECRET, headers_of(SECRET, "msg_1", int(time.time()), BODY), BODY)


def test_anything_else_is_not(genuine):
    now_s = int(time.time())
    sent = headers_of(SECRET, "msg_1", now_s, BODY)
    assert not genuine(SECRET, sent, BODY + b" ")
    assert not genuine(new_secret(), sent, BODY)
    assert not genuine(SECRET, sent | {"webhook-id": "msg_2"}, BODY)
    assert not genuine(SECRET, sent | {"webhook-timestamp": str(now_s + 1)}, BODY)
    assert not genuine(SECRET, headers_of(SECRET, "msg_1", now_s - 301, BODY), BODY)


def test_waits_double_up_to_the_longest_and_respect_the_receiver():
    assert [backoff_s(attempt, 5.0, 100.0, 1.0) for attempt in range(1, 8)] == [5, 10, 20, 40, 80, 100, 100]
    assert [backoff_s(attempt, 5.0, 100.0, 0.0) for attempt in range(1, 4)] == [2.5, 5, 10]
    assert backoff_s(1, 5.0, 100.0, 0.5, retry_after_s=60.0) == 60.0
    assert backoff_s(10_000, 5.0, 100.0, 1.0) == 100.0
