"""What a micro-batch adds to the sums of a cell."""

import numpy as np

from consumers.tallies.tally_differences import changed_sums, left_out_difference
from experiments.tally import Tally
from state.experiments.exposed_customers import EXPOSED, MERGED
from state.experiments.tally_store import TallyReading


def exposed(**fields):
    row = np.zeros(1, EXPOSED)
    for name, value in {"variants": 1, "exposures": 1, **fields}.items():
        row[name] = value
    return row


def test_a_cell_of_an_earlier_release_with_fewer_sums_is_continued():
    stored = TallyReading({("A", "none"): (10, 4)}, {})
    now = exposed(orders=2, revenue=5_000, exposures=3)
    (cell,) = changed_sums(np.zeros(0, EXPOSED), now, ("A",), stored).values()
    assert Tally(*cell) == Tally(exposed=10, converted=4) + Tally.of_customer(
        revenue=5_000, orders=2, converted=True, repeated=2
    )


def test_who_was_shown_two_variants_counts_for_the_first_and_under_merged_ids_for_none():
    one_id = exposed(orders=2, revenue=5_000, pre_revenue=700, retention_orders=2, variants=0b11, exposures=2)
    two_ids = one_id.copy()
    two_ids["variants"] |= MERGED
    compared = Tally.of_customer(
        revenue=5_000, orders=2, pre_revenue=700, converted=True, retained=True, contaminated=True, repeated=1
    )
    with_her = changed_sums(np.zeros(0, EXPOSED), one_id, ("A", "B"), TallyReading({}, {}))
    assert Tally(*with_her["A", "none"]) == compared
    (without,) = changed_sums(one_id, two_ids, ("A", "B"), TallyReading(with_her, {})).values()
    assert Tally(*without) == Tally(contaminated=1, repeated=1)
    assert left_out_difference(one_id, two_ids)["merged_contaminated"] == 1
    assert left_out_difference(two_ids, two_ids[:0])["merged_contaminated"] == -1


def test_one_variant_under_merged_ids_counts():
    row = exposed(variants=MERGED | 1, exposures=2)
    (cell,) = changed_sums(np.zeros(0, EXPOSED), row, ("A", "B"), TallyReading({}, {})).values()
    assert Tally(*cell) == Tally.of_customer(repeated=1)
