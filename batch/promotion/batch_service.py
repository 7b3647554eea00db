"""The batch service: the first baseline, then proposals by schedule or on a drift alarm."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import redis

from batch.fit_options import FitOptions
from batch.promotion.approval_guard import guard_violations
from batch.promotion.batch_lock import BatchBusy, BatchLock
from batch.promotion.decisions import Decision, Promotion
from batch.promotion.first_baseline import FirstBaseline
from batch.promotion.refit_after_import import REFIT_BY, ImportEnd
from batch.rebaseline import Rebaseliner
from batch.settings import BatchSettings
from events.base_error import ShoalError
from events.schema.outputs import Baseline
from state.model.baselines import BaselineStore, ModelStore
from state.model.drift_alarm import DriftAlarm, DriftAlarms
from state.partitions.watermarks_and_outcomes import read_outcome_counts
from state.store import keys

__all__ = ["BatchService"]

log = logging.getLogger(__name__)


class BatchService:
    """Does one step at a time; of several services on one Redis, the holder of the lock works and the others wait.

    `rebaseliner` makes a Rebaseliner when one is needed.
    """

    def __init__(
        self,
        client: redis.Redis,
        first: FirstBaseline,
        promotion: Promotion,
        settings: BatchSettings,
        *,
        every: timedelta,
        partitions: int,
        rebaseliner: Callable[[], Rebaseliner],
        import_end: ImportEnd | None = None,
    ) -> None:
        self._client, self._first, self._promotion, self._settings = client, first, promotion, settings
        self._every, self._partitions, self._rebaseliner = every, partitions, rebaseliner
        self._store, self._alarms = BaselineStore(client), DriftAlarms(client)
        self._newest_at: datetime | None = None
        self._import_end = import_end

    def step(self, now: datetime) -> tuple[bool, str]:
        """Do what is due; return whether a baseline is live, and a message.

        Raises redis.RedisError, SinkFailed.
        """
        lock = BatchLock(self._client, self._settings.batch_lock_s)
        try:
            with lock:
                live, readiness = self._first.run_once()
                if live is None:
                    return False, readiness.reason
                return True, self._proposed(live, lock, now) or readiness.reason
        except BatchBusy as error:
            return True, str(error)

    def _proposed(self, live: Baseline, lock: BatchLock, now: datetime) -> str:
        """Propose where it is due, and return what came of it; "" where nothing is due."""
        if self._missed_customers(live, now):
            return self._propose(REFIT_BY, lock, now, automatic=True, guarded=False)
        alarm = self._alarms.current()
        if alarm is None and self._newest_at is not None and now - self._newest_at < self._every:
            return ""
        known = self._store.all()
        self._newest_at = max(each.created_at for each in [live, *known])
        if alarm is not None and (by := self._answer(alarm, live, known)):
            said = self._propose(by, lock, now, automatic=False)
            self._alarms.clear(alarm)
            return said
        newest = max([live, *known], key=lambda each: each.created_at)
        if now - newest.created_at < self._every or newest.metrics.get("events") == self._events():
            return ""
        return self._propose("schedule", lock, now, automatic=self._settings.auto_approve)

    def _missed_customers(self, live: Baseline, now: datetime) -> bool:
        """Return whether the first baseline went live in the middle of an import that has ended now."""
        if self._import_end is None or live.follows:
            return False
        customers = sum(ModelStore(self._client).customers(self._partitions))
        return self._import_end.refit_is_due(live, self._store.all(), customers, now)

    def _answer(self, alarm: DriftAlarm, live: Baseline, known: list[Baseline]) -> str:
        """Return who asks for a proposal, "" where the alarm is about another baseline or has been answered."""
        answered = any(
            each.status == "proposed" and each.follows == live.baseline and each.proposed_by.startswith("drift")
            for each in known
        )
        if alarm.baseline == live.baseline and not answered:
            return f"drift: {alarm.reason}"
        self._alarms.clear(alarm)
        return ""

    def _events(self) -> float:
        """Return how many events have been processed: without new ones there is nothing new to fit."""
        return float(sum(read_outcome_counts(self._client, self._partitions, keys.SEGMENTS_GROUP).values()))

    def _propose(self, by: str, lock: BatchLock, now: datetime, *, automatic: bool, guarded: bool = True) -> str:
        options = FitOptions(features=tuple(self._settings.features), lifecycle=self._settings.lifecycle)
        if not guarded:  # in the place of the first baseline, fitted as that one was
            options = replace(options, k=self._settings.k, algorithms=("k-means",))
        try:
            proposal = self._rebaseliner().propose(options, by=by, now=now, check=lock.check, events=self._events())
        except ShoalError as error:
            log.warning("no baseline was proposed (%s); the live one stays", error)
            return f"no baseline was proposed: {error}"
        baseline = proposal.baseline
        self._promotion.supersede(baseline, now)
        against = guard_violations(baseline, self._settings) if guarded else []
        if automatic and not against:
            why = "the guard holds" if guarded else "the first baseline knew only a part of the import's customers"
            self._promotion.approve(baseline.baseline, Decision("shoal", now, f"approved automatically: {why}"))
            return f"baseline {baseline.baseline} is live"
        because = f" ({'; '.join(against)})" if automatic else ""
        return f"baseline {baseline.baseline} is proposed and waits for `shoal baselines approve`{because}"
