"""When the first baseline is fitted again, because it went live in the middle of an import."""

from datetime import timedelta

import pytest

from batch.promotion.refit_after_import import REFIT_BY, ImportEnd
from tests.building import NOW, make_baseline

FIRST = make_baseline().model_copy(update={"customers": 2_881, "created_at": NOW})


class Import:
    """An import whose customers, backlog and clock a test sets."""

    def __init__(self):
        self.backlog, self.seconds = 0.0, 0.0
        self.end = ImportEnd(lambda: self.backlog, lambda: self.seconds)

    def due(self, customers, live=FIRST, known=(), after=timedelta(minutes=5)):
        return self.end.refit_is_due(live, list(known), customers, NOW + after)

    def quiet(self, customers, **options):
        """Ask before and after a quiet time."""
        self.due(customers, **options)
        self.seconds += 10.0
        return self.due(customers, **options)


def test_it_is_due_once_the_backlog_is_read_and_nobody_comes_in_any_more():
    importing = Import()
    for customers in (3_200, 3_900, 4_371):
        assert not importing.due(customers)
        importing.seconds += 10.0
    importing.backlog = 0.2
    assert not importing.due(4_371)
    importing.backlog = 0.0
    assert importing.due(4_371)


def test_a_shop_that_grows_by_little_counts_as_one_that_has_stopped():
    importing = Import()
    importing.due(4_371)
    importing.seconds += 10.0
    assert importing.due(4_371 + 40)


@pytest.mark.parametrize(
    ("changed", "options"),
    [
        ({"customers": 4_300}, {}),
        ({"follows": 1}, {}),
        ({"restores": 1}, {}),
        ({}, {"after": timedelta(hours=25)}),
        ({}, {"known": [make_baseline(2).model_copy(update={"proposed_by": REFIT_BY})]}),
    ],
    ids=["it knew nearly all", "a later baseline", "a rollback", "the shop has grown since", "it was done"],
)
def test_it_is_not_due(changed, options):
    assert not Import().quiet(4_371, live=FIRST.model_copy(update=changed), **options)
