"""The audit log says who read what about whom, and holds no customer_id."""

import asyncio

import pytest
from redis.asyncio import Redis

from api.access.customer_access_log import STREAM, AuditLog, audit_salt, read_audit
from api.access.scopes import Principal, Scope
from tests.api.conftest import EVIL

WHO = Principal("k1", "shop", frozenset({Scope.ADMIN}))


def test_reading_a_customer_is_on_record_by_a_pseudonym(shop):
    shop.get("/v1/customers/c001", Scope.CUSTOMERS_READ)
    shop.get("/v1/customers/c002", Scope.SEGMENTS_READ)
    entries = list(read_audit(shop.redis))
    assert [(each.action, each.detail) for each in entries] == [
        ("customer.read", "in full"), ("customer.read", "segment only"),
    ]  # fmt: skip
    assert [each.at for each in read_audit(shop.redis, "c001")] == [entries[0].at]
    assert list(read_audit(shop.redis, EVIL)) == []
    assert b"c001" not in repr(shop.redis.xrange(STREAM)).encode()


def test_reads_of_a_segment_are_counted(shop):
    audit = shop.client.app.state.services.audit
    for _ in range(3):
        shop.get("/v1/customers/c001/segment", Scope.SEGMENTS_READ)
    shop.post("/v1/segments:lookup", {"customer_ids": ["c001", "c002"]}, Scope.SEGMENTS_READ)
    assert list(read_audit(shop.redis)) == []
    shop.client.portal.call(audit.flush)
    (entry,) = read_audit(shop.redis)
    assert (entry.action, entry.times, entry.customer) == ("segment.read", 5, None)


def test_what_cannot_be_put_on_record_is_not_answered(shop):
    shop.redis.set(STREAM, "not a stream")
    answer = shop.get("/v1/customers/c001")
    assert answer.status_code == 503
    assert "c001" not in answer.text


def test_entries_are_kept_for_so_many_days(redis_database_url, redis):
    salt, days = audit_salt(redis), 10

    async def write(at: float) -> None:
        client = Redis.from_url(redis_database_url)
        await AuditLog(client, salt, days, lambda: at).record(WHO, "customer.read", "c1")
        await client.aclose()

    # Redis trims whole nodes of a stream, 100 entries by default.
    redis.config_set("stream-node-max-entries", 1)
    try:
        old = "1000-0"
        redis.xadd(STREAM, {"key": "k", "name": "n", "action": "customer.read"}, id=old)
        asyncio.run(write(1 + days * 86_400 - 1))
        assert redis.xlen(STREAM) == 2
        asyncio.run(write(1 + days * 86_400 + 1))
        assert redis.xlen(STREAM) == 2
    finally:
        redis.config_set("stream-node-max-entries", 100)


@pytest.mark.parametrize("customer_id", ["c1", EVIL])
def test_the_salt_stays(redis, customer_id):
    assert audit_salt(redis) == audit_salt(redis)
    assert len(audit_salt(redis)) == 32
