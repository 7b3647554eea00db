"""Run the simulated shop through the running services: its past at once, its last weeks fast, then live."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
from rich.console import Console

from cli.feeding.await_processing import wait_until_processed
from cli.feeding.event_sinks import TopicSink
from cli.feeding.live_segment_table import SegmentTicker
from cli.feeding.pacing import Pace, paced
from cli.feeding.sample_webhook import SampleWebhook
from cli.local.local_services import LocalServices
from consumers.entries.entry_log import EntryLog
from events.settings import KafkaSettings
from events.time_units import DAY_MS, DAY_S
from experiments import Experiment
from simulation.event_merging import Batch
from simulation.scenarios.demo_shop import EXPERIMENT, PAST_DAYS, RECENT_DAYS, live_scenario
from simulation.shop import Shop
from state.campaigns.triggers import Trigger, TriggerStore
from state.experiments.definitions import ExperimentStore
from state.model.baselines import BaselineStore

__all__ = ["SHOP_SETTINGS", "LiveShop"]

_LIVE_DAYS: Final = 400
"""Days that the live part can last before the shop's time has reached the wall clock."""
_RECENT_S: Final = 15.0
_SECONDS_A_DAY: Final = 10.0
"""Seconds that a day of the live shop takes."""
_CAMPAIGN: Final = "winback"
_BASELINE_S: Final = 90.0
_PROCESSED_S: Final = 120.0

SHOP_SETTINGS: Final = {
    "SHOAL_CLOCK": "event",
    "SHOAL_SWEEP_S": "1",
    "SHOAL_MODEL_S": "0.25",
    "SHOAL_LOOKS_S": "1",
    "SHOAL_FIRST_HISTORY_DAYS": str(PAST_DAYS - 3),
}
"""Settings of the services: time is the shop's own, and the first baseline is fitted when its past is in."""


class LiveShop:
    """One run of the simulated shop, which begins so long ago that its live part may last for hours."""

    def __init__(
        self,
        services: LocalServices,
        webhook: SampleWebhook,
        console: Console,
        stop: threading.Event,
        customers: int,
    ) -> None:
        self._services, self._webhook, self._console, self._stop = services, webhook, console, stop
        self._kafka = KafkaSettings(kafka=services.addresses.kafka)
        self._ticker = SegmentTicker(services, console)
        self._entries = EntryLog(self._kafka, self._ticker.client)
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        start = today - timedelta(days=PAST_DAYS + RECENT_DAYS + _LIVE_DAYS)
        self._shop = Shop(live_scenario(), customers, 1, start)
        self._stream = _Stream(self._shop.batches(PAST_DAYS + RECENT_DAYS + _LIVE_DAYS))
        self._events = 0

    def run(self, seconds: float | None) -> None:
        """Publish the past, wait for the first baseline, then the recent weeks, then live for so long.

        None is until stopped, or until the shop's time has reached the wall clock.
        """
        with self._ticker, TopicSink(self._kafka) as sink:
            self._define_experiment()
            for part in self._stream.before(self._day_ms(PAST_DAYS)):
                if self._stop.is_set():
                    return
                self._publish(sink, part)
            sink.flush()
            self._await_baseline()
            self._add_trigger()
            self._publish_paced(sink, PAST_DAYS, RECENT_DAYS, RECENT_DAYS * DAY_S / _RECENT_S)
            wait_until_processed(self._services.addresses.kafka, self._services.addresses.redis, _PROCESSED_S)
            if self._stop.is_set():
                return
            self._services.spawn_once("rebaseline", "rebaseline")
            days = _LIVE_DAYS if seconds is None else min(_LIVE_DAYS, seconds / _SECONDS_A_DAY)
            self._publish_paced(sink, PAST_DAYS + RECENT_DAYS, days, DAY_S / _SECONDS_A_DAY)
            sink.flush()
            if seconds is not None and not self._stop.is_set():
                wait_until_processed(self._services.addresses.kafka, self._services.addresses.redis, _PROCESSED_S)

    def summary(self) -> None:
        """Print the segments, what became of the events, and whether the change log agrees with Redis."""
        self._ticker.summary(f"{self._events:,} events")
        self._console.print(
            f"The trigger {_CAMPAIGN} called its webhook for {self._webhook.taken:,} moves of customers who did "
            f"nothing; {self._webhook.refused:,} calls had no valid signature.",
            highlight=False,
            soft_wrap=True,
        )

    def _define_experiment(self) -> None:
        """Define the experiment whose exposures the shop publishes."""
        simulated = self._shop.scenario.experiment
        assert simulated is not None  # noqa: S101 - the live scenario has one
        definition = Experiment.model_validate(
            {
                "id": EXPERIMENT,
                "description": "Does free shipping make more customers buy? The simulated shop tries it out, and knows "
                "the answer: it helps in every group but the fading one.",
                "variants": [{"name": name, "weight": weight} for name, weight in simulated.variants.items()],
                "control": simulated.control,
                "start": self._shop.start + timedelta(days=simulated.from_day),
                "attribution": "conversions",
                "minimum_effect": 0.25,
                "conversion_window": timedelta(days=14),
                "expected_customers": max(100, self._shop.customers // 2),
            }
        )
        ExperimentStore(self._ticker.client, self._entries).create(definition.id, definition.model_dump_json())

    def _add_trigger(self) -> None:
        """Add a trigger for whoever moves by silence; its webhook is this process's own."""
        trigger = Trigger(
            trigger=_CAMPAIGN,
            url=self._webhook.url,
            secret=self._webhook.secret,
            causes=["time"],
            cap=3,
            created_at=datetime.now(UTC),
        )
        TriggerStore(self._ticker.client, self._entries).add(trigger)

    def _await_baseline(self) -> None:
        deadline = time.monotonic() + _BASELINE_S
        baselines = BaselineStore(self._ticker.client)
        while baselines.current() is None and time.monotonic() < deadline and not self._stop.is_set():
            self._show(self._day_ms(PAST_DAYS))
            time.sleep(0.1)

    def _publish_paced(self, sink: TopicSink, first_day: float, days: float, speed: float) -> None:
        start, end = self._day_ms(first_day), self._day_ms(first_day + days)
        for part in paced(self._stream.before(end), Pace(start, speed=speed), self._stop):
            self._publish(sink, part)

    def _publish(self, sink: TopicSink, part: Batch) -> None:
        sink.write(part)
        self._events += part.events
        self._show(int(part.times[-1]))

    def _day_ms(self, day: float) -> int:
        return round(self._shop.start.timestamp() * 1000 + day * DAY_MS)

    def _show(self, at_ms: int) -> None:
        at = datetime.fromtimestamp(at_ms / 1000, UTC)
        self._ticker.show(f"{at:%d %B %Y, %H:00} in the shop   {self._events:,} events published")


@dataclass
class _Stream:
    """Batches in order of time, taken up to one moment after another."""

    batches: Iterator[Batch]
    rest: Batch | None = None

    def before(self, end_ms: int) -> Iterator[Batch]:
        """Yield what lies before a time and was not yielded yet."""
        while (batch := self.rest or next(self.batches, None)) is not None:
            due = int(np.searchsorted(batch.times, end_ms))
            self.rest = batch[due:] if due < len(batch) else None
            if due:
                yield batch[:due]
            if self.rest is not None:
                return
