"""What a micro-batch adds to the sums of a cell."""

import numpy as np

from consumers.tallies.tally_differences import changed_sums
from experiments.tally import Tally
from state.experiments.exposed_customers import EXPOSED
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
