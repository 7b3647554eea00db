"""Invariant 11: receivers of `segment-changes` are told of an erasure, by a hash that they can find the customer by."""

import hashlib
import json

import pytest
from typer.testing import CliRunner

from cli.main import app
from consumers.history.change_validation import is_erasure_notice
from events.schema.outputs import ErasureNotice
from stream.campaigns.webhook_request import new_secret
from tests.shop import order, purchases
from tests.stream.campaigns.receiver import Receiver

ANNA = "anna-notice-25"


@pytest.fixture(autouse=True)
def environment(service, monkeypatch):
    for name, value in service.environment.items():
        monkeypatch.setenv(name, value)


def shoal(*arguments):
    ran = CliRunner().invoke(app, [*arguments, "--json"])
    assert ran.exit_code == 0, (arguments, ran.output, ran.exception)
    return json.loads(ran.stdout)


def digest_of(customer_id, salt):
    """As docs/privacy.md shows it to receivers."""
    return hashlib.blake2b(customer_id.encode(), digest_size=16, key=bytes.fromhex(salt)).hexdigest()


@pytest.mark.parametrize("told", ["hash", "id", "off"])
def test_who_follows_segment_changes_learns_of_an_erasure_and_nobody_stumbles_over_it(service, told):
    with Receiver(new_secret()) as receiver:
        shoal("trigger", "add", "all", "--url", receiver.url, "--secret", receiver.secret)
        service.spawn("triggers")
        worker = service.worker(SHOAL_ERASED_NOTICES=told)
        service.publish([*purchases()[:100], order(ANNA, "1998-01-01T00:00:00Z")])
        service.until_processed()
        service.until_quiet()
        shoal("erase", ANNA)
        messages = service.read_with_keys("segment-changes")
        found = [(key, value) for key, value in messages if is_erasure_notice(value)]
        assert len(found) == (told != "off")
        for key, value in found:
            notice = ErasureNotice.model_validate_json(value)
            assert notice.digest == key.decode() == digest_of(ANNA, notice.salt)
            assert notice.customer_id == (ANNA if told == "id" else None)
            assert (ANNA.encode() in value) == (told == "id")
        worker.kill()  # the next owner reads the newest messages of the topic
        service.worker(SHOAL_ERASED_NOTICES=told)
        taken = len(receiver.taken)
        service.publish([order("bert", "1998-01-03T00:00:00Z")])
        service.until_processed()
        service.until(lambda: len(receiver.taken) > taken, what="triggers read on")
        service.assert_model_is_sum_of_customers()
        assert ANNA not in service.records()
        assert service.changes().latest.keys() >= {"bert"}
        assert shoal("health")["skipped_messages"]["count"] == 0
