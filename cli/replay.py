"""Replay a purchase log through the running services: history at full speed, then day by day with a live table."""

import threading
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from cli.formats.cdnow import read_cdnow, sample_path
from cli.formats.event_files import read_events
from cli.formats.online_retail import read_online_retail
from cli.inspection import inspector
from cli.segments import segments_table
from cli.services import LocalServices
from cli.wait import wait_until_processed
from consumers.change_log import read_changes
from events.inputs import Order
from events.settings import KafkaSettings
from shoal_client.publisher import Publisher
from state.baselines import BaselineStore, ModelStore
from state.connection import connect
from state.watermarks import read_fates
from stream.tiers import SEGMENT_NAMES

__all__ = ["Replay", "read_orders"]

_HISTORY = 2 / 3
_BASELINE_S = 30.0
_FRAME_S = 0.5
_SETTLE_S = 20.0
_QUIET_S = 2.5


def read_orders(source: Path | None) -> list[Order]:
    """Return the orders of a log by time; without a source, of the CDNOW sample. Raises ShoalError."""
    if source is None:
        return list(read_cdnow(sample_path()))
    if source.suffix == ".txt":
        return list(read_cdnow(source))
    if source.suffix == ".jsonl":
        return sorted(read_events("orders", source), key=lambda order: order.occurred_at)
    return list(read_online_retail(source).orders)


class Replay:
    """One replay: what was published, and what the table shows."""

    def __init__(
        self, services: LocalServices, orders: Sequence[Order], console: Console, stop: threading.Event
    ) -> None:
        self._services, self._orders, self._console, self._stop = services, orders, console, stop
        self._kafka = KafkaSettings(kafka=services.addresses.kafka)
        self._client = connect(services.addresses.redis)
        self._inspector = inspector(services.addresses.redis, self._client)
        self._published = 0
        self._started = time.monotonic()
        self._shown = 0.0
        self._last_seen: tuple[int, int] = (-1, -1)
        self._last_moved = 0.0

    def run(self, seconds: float) -> None:
        """Publish the history, wait for the first baseline, then publish the rest over `seconds`."""
        first, last = self._orders[0].occurred_at, self._orders[-1].occurred_at
        turn = first + (last - first) * _HISTORY
        history = [order for order in self._orders if order.occurred_at <= turn]
        rest = self._orders[len(history) :]
        with Publisher(self._kafka.kafka, self._kafka.topic_prefix) as publisher, self._live() as live:
            for order in history:
                self._publish(publisher, order)
            publisher.flush()
            self._until(live, turn, self._baseline_is_live, _BASELINE_S)
            started = time.monotonic()
            for order in rest:
                due = seconds * ((order.occurred_at - turn) / (last - turn))
                while (ahead := due - (time.monotonic() - started)) > 0 and not self._stop.is_set():
                    self._show(live, order.occurred_at)
                    time.sleep(min(ahead, 0.05))
                if self._stop.is_set():
                    return
                self._publish(publisher, order)
            publisher.flush()
            wait_until_processed(self._services.addresses.kafka, self._services.addresses.redis, 60.0)
            self._until(live, last, self._is_quiet, _SETTLE_S)

    def summary(self) -> None:
        """Print what became of the events, the segments, and whether the change log agrees with Redis."""
        document = self._inspector.segments()
        fates = read_fates(self._client, self._kafka.partitions, "segments")
        log = read_changes(self._kafka)
        agreeing = sum(self._holds(change.customer_id, change.segment_id) for change in log.latest.values())
        elapsed = time.monotonic() - self._started
        self._console.print(segments_table(document))
        told = ", ".join(f"{count:,} {name.replace('orders:', '').replace('_', '-')}" for name, count in fates.items())
        causes = ", ".join(f"{count:,} by {cause}" for cause, count in log.causes.most_common())
        self._console.print(
            f"{self._published:,} orders published: {told}.\n"
            f"{log.messages:,} segment changes published: {causes}.\n"
            f"The change log, folded, gives the segment that Redis holds for {agreeing:,} of "
            f"{document['customers']:,} customers.\n"
            f"{elapsed:.0f} seconds in all.",
            highlight=False,
            soft_wrap=True,
        )

    def _holds(self, customer_id: str, segment_id: str) -> bool:
        view = self._inspector.view(customer_id)
        return view is not None and view.segment_id == segment_id

    def _publish(self, publisher: Publisher, order: Order) -> None:
        publisher.publish_json("orders", order.customer_id, order.model_dump_json(exclude_none=True).encode())
        self._published += 1

    def _baseline_is_live(self) -> bool:
        return BaselineStore(self._client).current() is not None

    def _is_quiet(self) -> bool:
        """Return whether nobody has moved and the model has stayed for a while: sweep and model follow each other."""
        model = ModelStore(self._client).current()
        seen = (self._inspector.moves(), model.version if model else 0)
        if seen != self._last_seen:
            self._last_seen, self._last_moved = seen, time.monotonic()
        return time.monotonic() - self._last_moved > _QUIET_S

    def _until(self, live: Live, at: datetime, done: Any, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while not done() and time.monotonic() < deadline and not self._stop.is_set():
            self._services.check()
            self._show(live, at)
            time.sleep(0.1)

    def _live(self) -> Live:
        return Live(console=self._console, auto_refresh=False, transient=True)

    def _show(self, live: Live, at: datetime) -> None:
        """Refresh the table, twice a second on a terminal, every five seconds elsewhere."""
        terminal = self._console.is_terminal
        if time.monotonic() - self._shown < (_FRAME_S if terminal else 10 * _FRAME_S):
            return
        self._shown = time.monotonic()
        self._services.check()
        document = self._inspector.segments()
        head = f"{at:%d %B %Y}   {self._published:,} of {len(self._orders):,} orders published"
        if terminal:
            live.update(Group(Text(head, style="bold"), segments_table(_in_fixed_order(document))), refresh=True)
            return
        sizes = ", ".join(f"{each['segment']} {each['customers']:,}" for each in _in_fixed_order(document)["segments"])
        self._console.print(f"{head}: {sizes or 'no customers yet'}", highlight=False, soft_wrap=True)


def _in_fixed_order(document: dict[str, Any]) -> dict[str, Any]:
    """Return the segments in the order of their names' list, so that the rows of a live table stay where they are."""
    order = {name: place for place, name in enumerate(SEGMENT_NAMES)}
    ranked = sorted(document["segments"], key=lambda each: order.get(each["segment"], len(order)))
    return {**document, "segments": ranked}
