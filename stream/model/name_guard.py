"""The leader renames segments whose names no longer hold, and raises an alarm."""

import logging
import time

import redis

from consumers.broker.kafka_sink import KafkaSink
from events.schema.outputs import Baseline
from state.model.baselines import BaselineStore
from state.model.drift_alarm import DriftAlarm, DriftAlarms
from state.partitions.worker_heartbeats import WorkerRegistry
from stream.model.name_truth import LEAST, NameCounts, add_counts, name_share, truest_name

__all__ = ["NameGuard", "renamed"]

log = logging.getLogger(__name__)


class NameGuard:
    """Compares the names of the live baseline with what the last sweeps of all partitions counted."""

    def __init__(self, client: redis.Redis, sink: KafkaSink, partitions: int) -> None:
        self._baselines, self._registry = BaselineStore(client), WorkerRegistry(client)
        self._alarms, self._sink, self._partitions = DriftAlarms(client), sink, partitions

    def check(self) -> list[str]:
        """Rename what has to be, publish the names, and return why.

        Raises redis.RedisError, SinkFailed (the names are live in Redis then, for workers that start).
        """
        baseline = self._baselines.current()
        if baseline is None:
            return []
        now_ms = time.time_ns() // 1_000_000
        beats = [each for each in self._registry.alive(now_ms) if each.baseline == baseline.baseline and each.names]
        if len({partition for each in beats for partition in each.partitions}) < self._partitions:
            return []  # some members are not counted yet
        after, reasons = renamed(baseline, add_counts(each.names for each in beats))
        if after is None or not self._baselines.approve(after):
            return []
        self._sink.send("baselines", str(after.baseline).encode(), after.model_dump_json().encode())
        self._sink.flush()
        for reason in reasons:
            log.warning("baseline %d: %s", baseline.baseline, reason)
        self._alarms.raise_alarm(DriftAlarm(reasons[0], now_ms, baseline.baseline))
        return reasons


def renamed(baseline: Baseline, counts: NameCounts) -> tuple[Baseline | None, list[str]]:
    """Return a revision of a baseline with names that hold, and why; None where all do."""
    segments, reasons = [], []
    for each in baseline.segments:
        mine = counts.get(each.segment_id, [])
        name, share = truest_name(each, mine), name_share(each, mine)
        if name != each.segment and share is not None:
            holds = f"its name holds for {share:.1%} of its {mine[0]:,} members"
            why = f"{holds}, {LEAST:.0%} are needed" if share < LEAST else "a better name holds again"
            reasons.append(f"segment {each.segment} ({each.segment_id}) is called {name} from now on: {why}")
        segments.append(each.model_copy(update={"segment": name}))
    if not reasons:
        return None, []
    names = {each.segment_id: each.segment for each in segments}
    lineage = [
        each.model_copy(update={"segment": names[each.segment_id]})
        if each.kind != "retired" and each.segment_id in names
        else each
        for each in baseline.lineage
    ]
    changed = {"segments": segments, "lineage": lineage, "revision": baseline.revision + 1}
    return baseline.model_copy(update=changed), reasons
