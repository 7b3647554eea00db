"""Replay a purchase log through the running services: history at full speed, then day by day with a live table."""

import threading
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from cli.feeding.await_processing import wait_until_processed
from cli.feeding.live_segment_table import SegmentTicker
from cli.feeding.shop_export_events import export_events
from cli.formats.cdnow import read_cdnow, sample_path
from cli.formats.event_files import read_events
from cli.formats.file_invalid import FileInvalid
from cli.formats.online_retail import is_online_retail, read_online_retail
from cli.local.local_services import LocalServices
from events.schema.inputs import Order
from events.settings import KafkaSettings
from queries.operations.settling import Settling
from shoal_client.publisher import Publisher
from state.model.baselines import BaselineStore

__all__ = ["Replay", "read_orders"]

_HISTORY = 2 / 3
_BASELINE_S = 30.0
_SETTLE_S = 20.0


def read_orders(source: Path | None, mapping: Path | None = None) -> list[Order]:
    """Return the orders of a log or of a shop's export by time; without a source, of the CDNOW sample.

    `mapping` is the mapping file of an export. Raises ShoalError.
    """
    if source is None:
        return list(read_cdnow(sample_path()))
    if source.suffix == ".txt":
        return list(read_cdnow(source))
    if source.suffix == ".jsonl" and mapping is None:
        return sorted(read_events("orders", source), key=lambda order: order.occurred_at)
    if mapping is None and is_online_retail(source):
        return list(read_online_retail(source).orders)
    with export_events("orders", source, mapping) as export:
        orders = sorted((each for each in export if isinstance(each, Order)), key=lambda order: order.occurred_at)
        if not orders:
            raise FileInvalid(
                str(source), "", f"has no order that can be used; {export.refusals.rows:,} rows are refused"
            )
    return orders


class Replay:
    """One replay: what was published, and what the table shows."""

    def __init__(
        self, services: LocalServices, orders: Sequence[Order], console: Console, stop: threading.Event
    ) -> None:
        self._services, self._orders, self._console, self._stop = services, orders, console, stop
        self._kafka = KafkaSettings(kafka=services.addresses.kafka)
        self._ticker = SegmentTicker(services, console)
        self._client = self._ticker.client
        self._published = 0
        self._started = time.monotonic()

    def run(self, seconds: float) -> None:
        """Publish the history, wait for the first baseline, then publish the rest over `seconds`."""
        first, last = self._orders[0].occurred_at, self._orders[-1].occurred_at
        turn = first + (last - first) * _HISTORY
        history = [order for order in self._orders if order.occurred_at <= turn]
        rest = self._orders[len(history) :]
        with (
            Publisher(self._kafka.kafka, self._kafka.topic_prefix, security=self._kafka.security) as publisher,
            self._ticker,
        ):
            for order in history:
                self._publish(publisher, order)
            publisher.flush()
            self._until(turn, self._baseline_is_live, _BASELINE_S)
            started = time.monotonic()
            for order in rest:
                due = seconds * ((order.occurred_at - turn) / (last - turn))
                while (ahead := due - (time.monotonic() - started)) > 0 and not self._stop.is_set():
                    self._show(order.occurred_at)
                    time.sleep(min(ahead, 0.05))
                if self._stop.is_set():
                    return
                self._publish(publisher, order)
            publisher.flush()
            wait_until_processed(self._services.addresses.kafka, self._services.addresses.redis, 60.0)
            self._until(last, Settling(self._client, self._kafka.partitions).reached, _SETTLE_S)

    def summary(self) -> None:
        """Print what became of the events, the segments, and whether the change log agrees with Redis."""
        self._ticker.summary(f"{self._published:,} orders")
        self._console.print(f"{time.monotonic() - self._started:.0f} seconds in all.", highlight=False)

    def _publish(self, publisher: Publisher, order: Order) -> None:
        publisher.publish_json("orders", order.customer_id, order.model_dump_json(exclude_none=True).encode())
        self._published += 1

    def _baseline_is_live(self) -> bool:
        return BaselineStore(self._client).current() is not None

    def _until(self, at: datetime, done: Any, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while not done() and time.monotonic() < deadline and not self._stop.is_set():
            self._services.check()
            self._show(at)
            time.sleep(0.1)

    def _show(self, at: datetime) -> None:
        self._ticker.show(f"{at:%d %B %Y}   {self._published:,} of {len(self._orders):,} orders published")
