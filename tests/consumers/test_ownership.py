"""What a worker compares with Redis between its saves."""

from types import SimpleNamespace

import pytest

from consumers import ownership
from consumers.ownership import Ownership
from state.owned import Owned


class Claims:
    """Claims whatever is asked for, and notes what it is asked to compare."""

    def __init__(self):
        self.compared = []

    def claim(self, partition):
        return Owned(partition, 1, {})

    def verify(self, owned):
        self.compared.append(sorted(each.partition for each in owned))


class Nothing:
    """There is nothing published, and nothing to send."""

    def ahead_of(self, owned):
        return set()

    def drain(self, owned):
        return 0


@pytest.fixture
def owning():
    """Ownership of partitions 0 to 2, and the claims behind it."""
    claims = Claims()
    owning = Ownership(claims, Nothing(), Nothing(), lambda owned: None, lambda s: True, patience_s=1.0, fence_s=1.0)
    owning.assigned([0, 1, 2])
    return owning, claims


def test_what_is_being_saved_is_compared_by_that_and_the_others_once_a_second(owning, monkeypatch):
    owning, claims = owning
    clock = iter([10.0, 10.0, 10.5, 11.0, 11.0, 12.5, 12.5])
    monkeypatch.setattr(ownership, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    for moving in ({1}, {0}, {0, 1, 2}, ()):
        owning.look(moving)
    assert claims.compared == [[0, 2], [], [0, 1, 2]]
