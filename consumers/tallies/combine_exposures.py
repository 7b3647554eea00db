"""Who was shown an experiment under two ids: the first exposure of either holds, and both were shown to one person."""

from typing import NamedTuple

import numpy as np

from consumers.inputs.deduplication import unseen
from consumers.tallies.first_exposures import ExposureUpdate
from events.arrays import Flags, Ints
from state.experiments.exposed_customers import MERGED, ExposedCustomers

__all__ = ["CombinedExposures", "combine_exposures"]


class CombinedExposures(NamedTuple):
    """n customers with the exposures of others; `theirs_first` (m,) says of which of these the first exposure holds."""

    update: ExposureUpdate
    theirs_first: Flags


def combine_exposures(mine: ExposedCustomers, theirs: ExposedCustomers, owners: Ints, window: int) -> CombinedExposures:
    """Combine the exposures of others (m,) into those of the customers at `owners` (m,), distinct.

    An exposure that both remember counts once, so what comes again changes nothing, up to the `window` exposures that
    are remembered. The segment at the first exposure comes along with it.
    """
    shown, held = theirs.rows, mine.rows[owners]
    sooner = shown["first_at"] < held["first_at"]
    sooner |= (shown["first_at"] == held["first_at"]) & (shown["first_event"] < held["first_event"])
    told = owners[theirs.remembered.owners]
    fresh = unseen(mine.remembered, told, theirs.recent) & (theirs.recent != mine.rows["first_event"][told])
    new = np.bincount(theirs.remembered.owners[fresh], minlength=len(owners))
    # Of exposures that they have forgotten nobody knows whether they are mine; where nothing else is new, they are.
    new += np.where(new > 0, shown["exposures"] - theirs.remembered.lengths, 0)
    new = np.maximum(new, sooner)
    rows = mine.rows.copy()
    rows["exposures"][owners] += new.astype(np.uint32)
    rows["variants"][owners] |= np.where(theirs.exposed, shown["variants"] | MERGED, np.uint32(0))
    for field in ("first_at", "first_event", "variant", "segment"):
        rows[field][owners[sooner]] = shown[field][sooner]
    touched = np.zeros(len(mine), np.bool_)
    touched[owners] = (new > 0) | (rows["variants"][owners] != held["variants"])
    recent = mine.remembered.appended(told[fresh], theirs.recent[fresh]).newest(window)
    after = ExposedCustomers(rows, mine.known, recent.values, recent.starts)
    return CombinedExposures(ExposureUpdate(after, np.zeros(len(mine), np.bool_), touched, {}), sooner)
