"""Erasures over HTTP: asked for, waited for, finished by the API once a worker has done its part."""

import pytest

from api.access.customer_access_log import STREAM, read_audit
from api.access.scopes import Scope
from consumers.entries.entry_log import EntryLog
from state.campaigns.suppressions import ALL, SuppressionStore
from state.erasures.erased_customers import OpenErasures, read_erased_customers
from state.store import keys
from stream.erasure.erase_everywhere import ErasureRequests
from tests.api.conftest import EVIL, PARTITIONS
from tests.waiting import until


class NoLetters:
    """Stands for a Kafka that holds no dead letters."""

    def __init__(self, *_):
        pass

    def erase_customer(self, customer_id, sink):
        return 0


@pytest.fixture
def erasures(shop, monkeypatch):
    monkeypatch.setattr("stream.erasure.erase_everywhere.DeadLetterLog", NoLetters)
    return ErasureRequests(shop.redis, shop.settings.kafka, lambda: None, EntryLog(shop.settings.kafka, shop.redis))


def erased_by_a_worker(redis, customer_id):
    """Do what the worker of the customer's partition does, as far as it matters here."""
    for partition in range(PARTITIONS):
        if redis.srem(keys.erasing(partition), customer_id):
            redis.sadd(keys.erased(partition), read_erased_customers(redis, partition).digest(customer_id))


@pytest.mark.parametrize("customer_id", ["c001", "a/b", EVIL])
def test_from_asking_to_the_end(shop, erasures, customer_id):
    SuppressionStore(shop.redis).add(ALL, [customer_id])
    path = f"/v1/erasures/{customer_id.replace('/', '%2F')}"
    assert shop.get(path).status_code == 404
    asked = shop.post("/v1/erasures", {"customer_id": customer_id}, Scope.ADMIN)
    assert asked.status_code == 202, asked.text
    assert asked.json()["status"] == "waiting for a worker"
    assert shop.get(path).json() == asked.json()
    assert erasures.finish_open() == 0, "the worker has not done its part"
    erased_by_a_worker(shop.redis, customer_id)
    # The API of this test may be quicker.
    until(lambda: erasures.finish_open() == 1 or shop.get(path).json()["status"] == "erased", what="it is finished")
    assert shop.get(path).json() == {
        "customer_id": customer_id,
        "customer_ids": [customer_id],
        "status": "erased",
        "requested_at": None,
    }
    assert SuppressionStore(shop.redis).scopes_of(customer_id) == []
    assert OpenErasures(shop.redis).all() == {}


def test_who_asked_is_on_record_without_the_id(shop):
    shop.post("/v1/erasures", {"customer_id": "c001"}, Scope.ADMIN)
    assert [each.action for each in read_audit(shop.redis, "c001")] == ["customer.erase"]
    assert b"c001" not in repr(shop.redis.xrange(STREAM)).encode()


def test_what_cannot_be_put_on_record_is_not_asked_for(shop):
    shop.redis.set(STREAM, "not a stream")
    assert shop.post("/v1/erasures", {"customer_id": "c001"}, Scope.ADMIN).status_code == 503
    assert OpenErasures(shop.redis).all() == {}


def test_the_api_finishes_by_itself(shop, erasures):
    shop.post("/v1/erasures", {"customer_id": "c001"}, Scope.ADMIN)
    erased_by_a_worker(shop.redis, "c001")
    until(lambda: not OpenErasures(shop.redis).all(), what="it is finished")
    assert shop.get("/v1/erasures/c001").json()["status"] == "erased"


def test_an_erasure_that_cannot_be_finished_stays_open(shop, erasures, monkeypatch):
    def away(*_):
        raise ConnectionError("no Kafka")

    monkeypatch.setattr(NoLetters, "erase_customer", away)
    shop.redis.set(keys.ERASURE_LOCK, 1)  # so that the API of this test leaves it alone
    erasures.request("c001", 5)
    erased_by_a_worker(shop.redis, "c001")
    with pytest.raises(ConnectionError):
        erasures.finish("c001")
    assert erasures.status("c001").status == "finishing"
    assert shop.get("/v1/erasures/c001").json()["requested_at"] == "1970-01-01T00:00:00.005Z"
