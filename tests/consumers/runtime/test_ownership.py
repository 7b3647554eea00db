"""What a worker compares with Redis between its saves."""

import pytest
import redis

from consumers.runtime.ownership import Ownership
from state.partitions.partition_fence import OwnedPartition


class Claims:
    """Claims whatever is asked for, and notes what it is asked to compare."""

    def __init__(self):
        self.compared = []

    def claim(self, partition):
        return OwnedPartition(partition, 1, {})

    def verify(self, owned):
        self.compared.append(sorted(each.partition for each in owned))


class Nothing:
    """There is nothing published, and nothing to send."""

    def rolled_back(self, owned):
        return set()

    def resend_outbox(self, owned):
        return 0


def owning(claims, **arguments):
    """Ownership that gets its partitions from nobody, and publishes nothing."""
    times = {"retry_s": 60.0, "fence_s": 1.0, **arguments}
    return Ownership(None, claims, Nothing(), Nothing(), lambda owned: None, **times)


def test_what_is_being_saved_is_compared_by_that_and_the_others_once_a_second():
    clock, claims = iter([10.0, 10.5, 11.0, 12.5]), Claims()
    ownership = owning(claims, clock=lambda: next(clock))
    ownership.assigned([0, 1, 2])
    for in_flight in ({1}, {0}, {0, 1, 2}, ()):
        ownership.verify(in_flight)
    assert claims.compared == [[0, 2], [], [0, 1, 2]]


class Away(Claims):
    """A Redis that is away for the first tries."""

    def __init__(self, tries):
        super().__init__()
        self.tries = tries

    def claim(self, partition):
        self.tries -= 1
        if self.tries >= 0:
            raise redis.ConnectionError("away")
        return super().claim(partition)


@pytest.mark.parametrize(("gives_up", "tries", "claimed"), [(False, 3, [0]), (True, 1, [])])
def test_a_claim_is_tried_again_until_the_one_who_waits_gives_up(gives_up, tries, claimed):
    waits = []
    ownership = owning(Away(tries), sleep=lambda s: waits.append(s) or gives_up)
    if gives_up:
        with pytest.raises(redis.ConnectionError, match="away"):
            ownership.assigned([0])
    else:
        ownership.assigned([0])
    assert list(ownership.owned) == claimed
    assert len(waits) == tries
