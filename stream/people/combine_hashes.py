"""The hashes that two customers remember who are one person."""

import numpy as np

from consumers.inputs.deduplication import unseen
from state.customers.ragged import Ragged

__all__ = ["combine_hashes"]


def combine_hashes(mine: Ragged, theirs: Ragged) -> Ragged:
    """Return the hashes of n customers with those of the others in front, as the older ones, each hash once."""
    fresh = np.flatnonzero(unseen(theirs, mine.owners, np.ascontiguousarray(mine.values)))
    return theirs.appended(mine.owners[fresh], mine.values[fresh])
