"""Which experiments there are, as the consumer needs them: read again from Redis at least every second."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from consumers.entries.entry_log import EntryLog
from events.arrays import Ints
from events.time_units import DAY_MS
from experiments.definition import Experiment
from state.experiments.definitions import ExperimentStore
from state.experiments.enrolments import experiment_hash

__all__ = ["Definitions", "LiveExperiment"]

log = logging.getLogger(__name__)

_FOREVER: Final = 1 << 60


@dataclass(frozen=True)
class LiveExperiment:
    """What decides how an event counts; times in ms since 1970 UTC, lengths in ms."""

    id: str
    variants: tuple[str, ...]
    start_ms: int
    end_ms: int
    window_ms: int
    retention_ms: int
    pre_period_ms: int
    by_conversions: bool
    hash: int
    """What purchase logs and enrolments hold for the experiment."""

    @classmethod
    def of(cls, definition: Experiment) -> "LiveExperiment":
        """Return what matters of a definition; the end is the planned or the actual one, whichever came first."""
        ends = [_ms(end) for end in (definition.stop, definition.stopped_at) if end is not None]
        return cls(
            definition.id,
            tuple(variant.name for variant in definition.variants),
            _ms(definition.start),
            min(ends, default=_FOREVER),
            definition.conversion_window // timedelta(milliseconds=1),
            definition.retention_days * DAY_MS,
            definition.pre_period_days * DAY_MS,
            definition.attribution == "conversions",
            experiment_hash(definition.id),
        )

    def is_final(self, watermark_ms: int, log_retention_ms: int) -> bool:
        """Return whether all windows ended so long ago that the purchase logs hold no event that could still count."""
        return self.end_ms + max(self.window_ms, self.retention_ms) + log_retention_ms < watermark_ms


class Definitions:
    """The experiments by id, as of at most `refresh_s` ago; safe to share between threads.

    An experiment keeps its `code` for as long as the process lives, whatever is created or removed meanwhile. Where
    Redis has lost what people entered, `entries` puts it back first.
    """

    def __init__(
        self,
        store: ExperimentStore,
        refresh_s: float = 0.5,
        *,
        entries: EntryLog | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._refresh_s, self._entries, self._clock = store, refresh_s, entries, clock
        self._lock = threading.Lock()
        self._read_at = float("-inf")
        self._live: dict[str, LiveExperiment] = {}
        self._texts: dict[str, str] = {}
        self._by_hash: dict[int, LiveExperiment] = {}
        self._codes: dict[str, int] = {}
        self._ids: list[str] = []
        self._hashes = np.zeros(0, np.uint64)

    def current(self) -> dict[str, LiveExperiment]:
        """Return the experiments by id. Raises redis.RedisError, KafkaUnreachable, SinkFailed."""
        if self._clock() - self._read_at >= self._refresh_s:
            self.refresh()
        return self._live

    def refresh(self) -> dict[str, LiveExperiment]:
        """Read the definitions now, and return them. Raises redis.RedisError, KafkaUnreachable, SinkFailed."""
        with self._lock:
            texts, read_at = self._read(), self._clock()
            changed = {name: text for name, text in texts.items() if self._texts.get(name) != text}
            live = {name: each for name, each in self._live.items() if name in texts and name not in changed}
            for name, text in changed.items():
                try:
                    live[name] = LiveExperiment.of(Experiment.model_validate_json(text))
                except ValidationError as error:
                    log.warning("the definition of experiment %s cannot be read and is left out: %s", name, error)
                    continue
                if name not in self._codes:
                    self._codes[name] = len(self._ids)
                    self._ids.append(name)
            if changed or len(live) != len(self._live):
                self._by_hash = {each.hash: each for each in live.values()}
                self._hashes = np.array(list(map(experiment_hash, self._ids)), np.uint64)
            self._texts, self._live, self._read_at = texts, live, read_at
            return live

    def _read(self) -> dict[str, str]:
        """Read the definitions from a Redis that has lost none: exposures of a lost one would be dead letters."""
        while True:
            texts = self._store.all()
            if self._entries is None or self._entries.is_current():
                return texts
            self._entries.follow()

    def code(self, experiment_id: str) -> int:
        """Return the number that columns of events hold for an experiment; -1 where it was never seen."""
        return self._codes.get(experiment_id, -1)

    def hashes_of(self, codes: Ints) -> npt.NDArray[np.uint64]:
        """Return the hashes of the ids of experiments (n,), given by their codes."""
        return self._hashes[codes]

    def by_hash(self) -> dict[int, LiveExperiment]:
        """Return the experiments as they were read last, by the hash of their ids."""
        return self._by_hash

    def id_of(self, code: int) -> str:
        """Return the id of an experiment's code."""
        return self._ids[code]


def _ms(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)
