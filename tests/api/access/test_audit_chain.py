"""A missing, changed or added entry of the audit log shows."""

import time

import pytest

from api.access.audit_chain import CHAIN, STREAM, check_chain
from api.access.customer_access_log import read_audit, record_now
from api.access.scopes import Principal

CALLER = Principal("k", "Zoë: 3", frozenset())


@pytest.fixture
def entries(redis):
    for number in range(6):
        record_now(
            redis, CALLER, "customer.read", [f"customer-{number}"], f"detail {number}", days=9, now_s=time.time()
        )
    assert check_chain(redis) == (6, [])
    return redis.xrange(STREAM)


def test_who_did_what_is_read_as_before(redis, entries):
    (entry,) = read_audit(redis, "customer-3")
    assert (entry.name, entry.action, entry.detail) == ("Zoë: 3", "customer.read", "detail 3")
    assert b"customer-3" not in repr(entries).encode()


@pytest.mark.parametrize(("place", "said"), [(1, "between entries 1 and 3"), (4, "between entries 4 and 6"),
                                             (5, "the last entry is number 5, and number 6 was written")])  # fmt: skip
def test_a_missing_entry_shows(redis, entries, place, said):
    redis.xdel(STREAM, entries[place][0])
    (problem,) = check_chain(redis).problems
    assert problem.startswith(said)


@pytest.mark.parametrize("field", [b"name", b"action", b"customer", b"detail", b"number"])
def test_a_changed_entry_shows(redis, entries, field):
    redis.delete(STREAM)
    for place, (name, fields) in enumerate(entries):
        redis.xadd(STREAM, fields | ({field: b"7"} if place == 2 else {}), id=name)
    assert check_chain(redis).problems


def test_an_entry_without_a_link_shows_but_for_those_of_earlier_releases(redis):
    redis.xadd(STREAM, {"key": "k", "name": "n", "action": "old"})
    record_now(redis, CALLER, "new", days=9, now_s=time.time())
    assert check_chain(redis) == (1, [])
    redis.xadd(STREAM, {"key": "k", "name": "n", "action": "forged"})
    assert len(check_chain(redis).problems) == 1


def test_a_log_that_is_gone_shows(redis, entries):
    redis.delete(STREAM)
    assert check_chain(redis).problems == ["the last entry is number 0, and number 6 was written"]
    redis.delete(CHAIN)
    assert check_chain(redis) == (0, [])


def test_what_is_dropped_for_its_age_is_not_missing(redis, entries):
    redis.xtrim(STREAM, maxlen=3, approximate=False)
    assert check_chain(redis) == (3, [])
