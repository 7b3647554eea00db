"""The demo's own webhook: it takes what is signed as agreed, once, and refuses everything else."""

import time
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from cli.feeding.sample_webhook import SampleWebhook
from stream.campaigns.webhook_request import headers_of, new_secret

BODY = b'{"type":"segment.changed"}'


@pytest.fixture
def webhook():
    with SampleWebhook() as found:
        yield found


def call(webhook, secret, message_id="msg_1", body=BODY):
    return post(webhook, body, headers_of(secret, message_id, int(time.time()), BODY))


def post(webhook, body, headers):
    address = urlsplit(webhook.url)
    connection = HTTPConnection(address.hostname, address.port, timeout=30)
    connection.request("POST", address.path, body, headers)
    status = connection.getresponse().status
    connection.close()
    return status


def test_what_is_signed_is_taken_and_counts_once(webhook):
    assert [call(webhook, webhook.secret, name) for name in ("msg_1", "msg_2", "msg_1")] == [204, 204, 204]
    assert (webhook.taken, webhook.refused) == (2, 0)


def test_another_secret_another_body_and_no_signature_are_refused(webhook):
    assert call(webhook, new_secret()) == 401
    assert call(webhook, webhook.secret, body=b"{}") == 401
    assert post(webhook, BODY, {}) == 401
    assert (webhook.taken, webhook.refused) == (0, 3)
