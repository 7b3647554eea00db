"""Who of a micro-batch's customers may change in which experiments: nobody else is read of these."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from consumers.inputs.columns import Columns
from consumers.runtime.partition_batch import DECISIONS, HANDOVERS
from consumers.runtime.protocols import LoadRequest
from consumers.tallies.definitions import Definitions, LiveExperiment
from consumers.tallies.departures import experiment_of_part
from consumers.tallies.inputs import ExposureColumns, LoggedColumns
from events.arrays import Ints
from state.experiments.tally_partitions import LoadedTallies

__all__ = ["LOGGED", "participants"]

LOGGED = ("orders", "conversions")
"""The topics whose events purchase logs hold."""
_NOBODY = np.zeros(0, np.int64)


class _Pairs(NamedTuple):
    """Customers (m,) by their positions, and of each the hash of an experiment (m,)."""

    owners: Ints
    hashes: npt.NDArray[np.uint64]


def participants(
    wanted: LoadRequest, opened: LoadedTallies, definitions: Definitions, log_retention_ms: int
) -> dict[str, Ints]:
    """Return by experiment the ascending positions of the customers for whom something may change in it.

    These are those who were exposed to it before and buy or convert now, those who are exposed to it now, and those
    whose conversions name it. Who is merged may change in every experiment. Of experiments that are over for good only
    what is handed over is counted.
    """
    live, batch = definitions.current(), wanted.batch
    pairs = [_enrolled(wanted, opened), *_named(wanted, definitions)]
    merging = np.concatenate([wanted.slots.get(name, _NOBODY) for name in (DECISIONS, HANDOVERS)])
    if len(merging):
        pairs += [_Pairs(merging, np.full(len(merging), each.hash, np.uint64)) for each in live.values()]
    brought = {experiment_of_part(part) for each in batch.merges.handovers for part in each.parts}
    watermark_ms = max(wanted.owned.watermark_ms, batch.latest_ms())

    def open_to_change(each: LiveExperiment) -> bool:
        return each.id in brought or not each.is_final(watermark_ms, log_retention_ms)

    by_hash = definitions.by_hash()
    grouped = _grouped(_Pairs(*(np.concatenate(part) for part in zip(*pairs, strict=True))))
    chosen = {by_hash[value]: members for value, members in grouped.items() if value in by_hash}
    return {each.id: members for each, members in chosen.items() if open_to_change(each)}


def _enrolled(wanted: LoadRequest, opened: LoadedTallies) -> _Pairs:
    """Return the experiments of those who buy or convert."""
    buys = np.zeros(len(wanted.ids), np.bool_)
    for topic in LOGGED:
        buys[wanted.slots.get(topic, _NOBODY)] = True
    lists = opened.enrolments.lists
    mine = buys[lists.owners]
    return _Pairs(lists.owners[mine], lists.values[mine])


def _named(wanted: LoadRequest, definitions: Definitions) -> list[_Pairs]:
    """Return the experiments that exposures and conversions name."""
    found = []
    columns: Mapping[str, Columns] = {topic: each.columns for topic, each in wanted.batch.events.items()}
    exposures, conversions = columns.get("exposures"), columns.get("conversions")
    if isinstance(exposures, ExposureColumns):
        found.append(_Pairs(wanted.slots["exposures"], definitions.hashes_of(exposures.experiments)))
    if isinstance(conversions, LoggedColumns):
        of = conversions.entries["of"]
        found.append(_Pairs(wanted.slots["conversions"][of != 0], of[of != 0]))
    return found


def _grouped(pairs: _Pairs) -> dict[int, Ints]:
    """Return by experiment its distinct customers in ascending order."""
    if not len(pairs.owners):
        return {}
    order = np.lexsort((pairs.owners, pairs.hashes))
    owners, hashes = pairs.owners[order], pairs.hashes[order]
    first = np.flatnonzero(np.concatenate([[True], (hashes[1:] != hashes[:-1]) | (owners[1:] != owners[:-1])]))
    owners, hashes = owners[first], hashes[first]
    starts = np.flatnonzero(np.concatenate([[True], hashes[1:] != hashes[:-1]]))
    return dict(zip(hashes[starts].tolist(), np.split(owners, starts[1:]), strict=True))
