"""The ids of the segments of a first baseline."""

import itertools
from collections.abc import Sequence

from stream.model.baseline_zero import SEGMENT_NAMES

__all__ = ["first_segment_ids"]


def first_segment_ids(names: Sequence[str]) -> list[str]:
    """Return an id for each segment of a first baseline, all different.

    The tiers and the first baseline share names, so a customer keeps its segment where the name is the same; other
    names get the ids after those of the tiers.

    >>> first_segment_ids(["Inactive", "High income, low spending", "Frequent Buyers"])
    ['s6', 's9', 's2']
    """
    fresh = itertools.count(len(SEGMENT_NAMES) + 1)
    return [f"s{SEGMENT_NAMES.index(name) + 1 if name in SEGMENT_NAMES else next(fresh)}" for name in names]
