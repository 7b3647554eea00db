"""What a micro-batch adds to the sums of a cell."""

import numpy as np

from consumers.tallies.tally_differences import changed_sums
from experiments.tally import Tally
from state.experiments.exposed_customers import CONTAMINATED_OUT, EXPOSED
from state.experiments.tally_store import TallyReading


def exposed(**fields):
    row = np.zeros(1, EXPOSED)
    for name, value in {"version": CONTAMINATED_OUT, "variants": 1, "exposures": 1, **fields}.items():
        row[name] = value
    return row


def test_a_cell_of_an_earlier_release_with_fewer_sums_is_continued():
    stored = TallyReading({("A", "none"): (10, 4)}, {})
    now = exposed(orders=2, revenue=5_000, exposures=3)
    (cell,) = changed_sums(np.zeros(0, EXPOSED), now, ("A",), stored).values()
    assert Tally(*cell) == Tally(exposed=10, converted=4) + Tally.of_customer(
        revenue=5_000, orders=2, converted=True, repeated=2
    )


def test_who_was_shown_two_variants_is_out_of_the_sums_and_counted():
    alone = exposed(orders=2, revenue=5_000, pre_revenue=700, retention_orders=2)
    both = exposed(orders=2, revenue=5_000, pre_revenue=700, retention_orders=2, variants=0b11, exposures=2)
    stored = TallyReading({("A", "none"): Tally.of_customer(revenue=1_000, orders=1, converted=True).values()}, {})
    kept = Tally(*stored.cells["A", "none"])
    with_her = changed_sums(np.zeros(0, EXPOSED), alone, ("A", "B"), stored)
    assert Tally(*with_her["A", "none"]) == kept + Tally.of_customer(
        revenue=5_000, orders=2, pre_revenue=700, converted=True, retained=True
    )
    (without,) = changed_sums(alone, both, ("A", "B"), TallyReading(with_her, {})).values()
    assert Tally(*without) == kept + Tally.of_customer(contaminated=True, repeated=1)


def test_whom_an_earlier_release_compared_is_taken_out_as_she_was_counted():
    before = exposed(version=1, orders=1, revenue=5_000, variants=0b11, exposures=2)
    counted = Tally.of_customer(revenue=5_000, orders=1, converted=True) + Tally(contaminated=1, repeated=1)
    stored = TallyReading({("A", "none"): counted.values()}, {})
    now = exposed(orders=2, revenue=9_000, variants=0b11, exposures=2)
    (cell,) = changed_sums(before, now, ("A", "B"), stored).values()
    assert Tally(*cell) == Tally(contaminated=1, repeated=1)
