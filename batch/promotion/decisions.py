"""Decide on baselines: approve, reject, roll back, rename; what is live is in Redis first, then on Kafka."""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from batch.identity.move_preview import moved_share
from consumers.broker.kafka_sink import KafkaSink
from events.base_error import ShoalError
from events.schema.outputs import Baseline
from state.model.baselines import BaselineConflict, BaselineStore

__all__ = ["Decision", "DecisionNotAllowed", "Promotion", "SegmentUnknown"]

log = logging.getLogger(__name__)

_LONGEST_NAME = 60


class DecisionNotAllowed(ShoalError):
    """A baseline's status does not allow what was asked."""


class SegmentUnknown(ShoalError):
    """A baseline has no such segment."""


@dataclass(frozen=True)
class Decision:
    """Who decided, when (with a zone), and why."""

    by: str
    at: datetime
    why: str = ""

    def fields(self, status: str) -> dict[str, Any]:
        """Return what a decided baseline says of it."""
        return {"status": status, "decided_by": self.by, "decided_at": self.at, "decision": self.why}


class Promotion:
    """Carries out decisions. Numbers only grow: a worker that has seen a baseline never goes back to a smaller one."""

    def __init__(self, store: BaselineStore, sink: KafkaSink) -> None:
        self._store, self._sink = store, sink

    def approve(self, number: int, decision: Decision) -> Baseline:
        """Put a proposed baseline live; approving the live one again publishes it again.

        Raises BaselineUnknown, DecisionNotAllowed, BaselineConflict, SinkFailed (it is live in Redis then:
        approve it again).
        """
        baseline, live = self._store.get(number), self._store.current()
        if live is not None and live.baseline == number:
            self.announce(live)
            return live
        if baseline.status != "proposed":
            raise DecisionNotAllowed(
                f"baseline {number} is {baseline.status}; only a proposed one can be approved. "
                f"`shoal baselines rollback --to {number}` brings an earlier one back"
            )
        if baseline.follows != (live.baseline if live else 0):
            raise DecisionNotAllowed(
                f"baseline {number} was compared with baseline {baseline.follows}, but {live.baseline if live else 0} "
                "is live now, so its ids and its preview no longer hold; run `shoal rebaseline` again"
            )
        approved = baseline.model_copy(update=decision.fields("approved"))
        self._go_live(approved)
        return approved

    def reject(self, number: int, decision: Decision) -> Baseline:
        """Reject a proposed baseline. Raises BaselineUnknown, DecisionNotAllowed, BaselineConflict."""
        baseline = self._store.get(number)
        if baseline.status != "proposed":
            raise DecisionNotAllowed(f"baseline {number} is {baseline.status}; only a proposed one can be rejected")
        rejected = baseline.model_copy(update=decision.fields("rejected"))
        self._store.replace(baseline, rejected)
        return rejected

    def supersede(self, by: Baseline, at: datetime) -> list[int]:
        """Reject the older proposals that nobody has decided on; return their numbers."""
        older = [each for each in self._store.all() if each.status == "proposed" and each.baseline < by.baseline]
        decision = Decision("shoal", at, f"superseded by baseline {by.baseline}")
        for each in older:
            self._store.replace(each, each.model_copy(update=decision.fields("rejected")))
        return [each.baseline for each in older]

    def rollback(self, decision: Decision, to: int | None = None) -> Baseline:
        """Bring an earlier baseline back under a new number: the one before the live one, unless `to` names it.

        Rolling back twice goes two baselines back.
        Raises BaselineUnknown, DecisionNotAllowed, BaselineConflict, SinkFailed.
        """
        live = self._store.current()
        if live is None:
            raise DecisionNotAllowed("there is no live baseline to roll back from")
        wanted = self._before(live) if to is None else to
        if wanted < 1:
            raise DecisionNotAllowed(f"there is no baseline before baseline {live.baseline}")
        earlier = self._store.get(wanted)
        if earlier.status != "retired":
            raise DecisionNotAllowed(f"baseline {wanted} is {earlier.status}; only a retired one can be restored")
        restored = restored_baseline(earlier, live, self._store.next_number(), decision)
        self._go_live(restored)
        return restored

    def _before(self, live: Baseline) -> int:
        """Return the number of the baseline whose place the live one's content took."""
        first = live
        while first.restores is not None:
            first = self._store.get(first.restores)
        before = first.follows
        while before and (earlier := self._store.get(before)).restores is not None:
            before = earlier.restores
        return before

    def rename(self, number: int, segment_id: str, name: str, by: Decision) -> Baseline:
        """Give a segment of a proposed or of the live baseline a name, which later baselines keep.

        Raises BaselineUnknown, SegmentUnknown, DecisionNotAllowed, BaselineConflict, SinkFailed.
        """
        baseline, live = self._store.get(number), self._store.current()
        name = " ".join(name.split())
        _check_name(baseline, segment_id, name)
        segments = [
            each.model_copy(update={"segment": name, "renamed": True}) if each.segment_id == segment_id else each
            for each in baseline.segments
        ]
        lineage = [
            each.model_copy(update={"segment": name})
            if each.segment_id == segment_id and each.kind != "retired"
            else each
            for each in baseline.lineage
        ]
        changed = {"segments": segments, "lineage": lineage, "revision": baseline.revision + 1}
        renamed = baseline.model_copy(update=changed)
        if live is not None and live.baseline == number:
            self._go_live(renamed)
        elif baseline.status == "proposed":
            self._store.replace(baseline, renamed)
        else:
            raise DecisionNotAllowed(
                f"baseline {number} is {baseline.status}; only a proposed or the live one can be renamed"
            )
        log.info("%s named segment %s of baseline %d %r", by.by, segment_id, number, name)
        return renamed

    def _go_live(self, baseline: Baseline) -> None:
        if not self._store.approve(baseline):
            raise BaselineConflict(
                f"another baseline went live at the same moment, {baseline.baseline} did not; look with "
                "`shoal baselines list`"
            )
        self.announce(baseline)
        log.info("baseline %d is live: k = %d", baseline.baseline, baseline.k)

    def announce(self, baseline: Baseline) -> None:
        """Publish it to the running workers. Raises SinkFailed."""
        self._sink.send("baselines", str(baseline.baseline).encode(), baseline.model_dump_json().encode())
        self._sink.flush()


def restored_baseline(earlier: Baseline, live: Baseline, number: int, decision: Decision) -> Baseline:
    """Return an earlier baseline under a new number, with its segments' ids, names and centroids as they were."""
    ids = {each.segment_id for each in earlier.segments}
    before = {each.segment_id for each in live.segments}
    lineage: list[dict[str, Any]] = [
        {"kind": "kept" if each.segment_id in before else "born", "segment_id": each.segment_id,
         "segment": each.segment, "related": [each.segment_id] * (each.segment_id in before),
         "customers": each.customers}
        for each in earlier.segments
    ]  # fmt: skip
    lineage += [
        {"kind": "retired", "segment_id": each.segment_id, "segment": each.segment, "related": [],
         "customers": each.customers}
        for each in live.segments
        if each.segment_id not in ids
    ]  # fmt: skip
    changed = {
        **earlier.model_dump(),
        **decision.fields("approved"),
        "baseline": number,
        "created_at": decision.at,
        "follows": live.baseline,
        "restores": earlier.baseline,
        "revision": 0,
        "last_segment": max(earlier.last_segment, live.last_segment),
        "lineage": lineage,
        "moves": [],
        "proposed_by": decision.by,
    }
    return Baseline.model_validate(changed)


def _check_name(baseline: Baseline, segment_id: str, name: str) -> None:
    if segment_id not in {each.segment_id for each in baseline.segments}:
        known = ", ".join(f"{each.segment_id} ({each.segment})" for each in baseline.segments)
        raise SegmentUnknown(f"baseline {baseline.baseline} has no segment {segment_id!r}; it has {known}")
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        raise DecisionNotAllowed(f"a name has 1 to {_LONGEST_NAME} printable characters, found {name[:80]!r}")
    if any(each.segment == name for each in baseline.segments if each.segment_id != segment_id):
        raise DecisionNotAllowed(f"another segment of baseline {baseline.baseline} is named {name!r} already")


def summary(baseline: Baseline) -> dict[str, Any]:
    """Return a baseline in a few fields, as JSON values, for lists."""
    return {
        "baseline": baseline.baseline,
        "status": baseline.status,
        "k": baseline.k,
        "algorithm": baseline.algorithm,
        "features": baseline.features,
        "silhouette": baseline.silhouette,
        "customers": baseline.customers,
        "moved_share": round(moved_share(baseline.moves), 4) if baseline.moves else None,
        "created_at": baseline.created_at.isoformat(),
        "proposed_by": baseline.proposed_by,
        "decided_by": baseline.decided_by,
        "decided_at": baseline.decided_at.isoformat() if baseline.decided_at else None,
        "decision": baseline.decision,
        "follows": baseline.follows,
        "restores": baseline.restores,
    }
