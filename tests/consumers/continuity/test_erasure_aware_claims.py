"""Claims bring the tombstones of the topic, also where Redis is emptied in the middle of one."""

import pytest

from consumers.continuity.erasure_aware_claims import ErasureAwareClaims, SaltChanged
from state.entries.entry_writer import RedisEntryWriter
from state.erasures.erased_customers import ErasedCustomers, add_tombstones, was_erased
from state.partitions.partition_store import PartitionStore
from state.store import keys

SALT = bytes(range(16))
ANNA = ErasedCustomers(SALT).digest("anna")


class Topic:
    """The topic of erasures with one on it."""

    salt = SALT

    def read(self):
        pass

    def keep_to(self, salt):
        self.salt = salt

    def erased_in(self, partition):
        return {ANNA}

    def erased_anywhere(self):
        return {ANNA}


class Claims:
    """Claims of the store, before or after which Redis is emptied, so often."""

    def __init__(self, redis, before=0, after=0):
        self.redis, self.before, self.after = redis, before, after
        self.store = PartitionStore(redis, keys.SEGMENTS_GROUP)

    def claim(self, partition):
        if self.before:
            self.before -= 1
            self.redis.flushdb()
        owned = self.store.claim(partition)
        if self.after:
            self.after -= 1
            self.redis.flushdb()
            assert not was_erased(self.redis, partition, "anna"), "and somebody has made up another salt"
        return owned


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_redis_that_is_emptied_during_a_claim_gets_the_tombstones_at_the_next(redis, moment):
    claims = ErasureAwareClaims(Claims(redis, **{moment: 1}), Topic(), redis, 2, RedisEntryWriter(redis))
    with pytest.raises(SaltChanged):
        claims.claim(1)
    assert not redis.exists(keys.erased(1)), "a tombstone with another salt would stand for nobody"
    owned = claims.claim(1)
    assert "anna" in owned.erased
    assert was_erased(redis, 1, "anna")


def test_tombstones_are_added_with_their_salt_or_not_at_all(redis):
    assert not was_erased(redis, 1, "anna")  # Redis has made up a salt
    assert not add_tombstones(redis, 1, SALT, [ANNA])
    redis.hset(keys.FORMAT, "erasure_salt", SALT.hex())
    assert add_tombstones(redis, 1, SALT, [ANNA])
    assert was_erased(redis, 1, "anna")
