"""The table of segments that a demo shows while events come in, and what it says at its end."""

import time
from types import TracebackType
from typing import Any, Final, Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from cli.local.inspector_connection import inspector
from cli.local.local_services import LocalServices
from cli.printing.segment_tables import segments_table
from consumers.history.segment_changes_reader import ChangeLog, read_changes
from events.settings import KafkaSettings
from state.partitions.watermarks_and_outcomes import read_outcome_counts
from state.store.connection import connect
from stream.model.baseline_zero import SEGMENT_NAMES

__all__ = ["SegmentTicker"]

_FRAME_S: Final = 0.5
_LINE_S: Final = 5.0
_SETTLED_S: Final = 10.0


class SegmentTicker:
    """Shows the segments twice a second on a terminal, and a line of them every five seconds elsewhere."""

    def __init__(self, services: LocalServices, console: Console) -> None:
        self._services, self._console = services, console
        self._kafka = KafkaSettings(kafka=services.addresses.kafka)
        self.client = connect(services.addresses.redis)
        self.inspector = inspector(services.addresses.redis, self.client)
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._shown = 0.0

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, head: str) -> None:
        """Show the segments under a line of text, if it is time. Raises ServiceFailed where a service has ended."""
        terminal = self._console.is_terminal
        if time.monotonic() - self._shown < (_FRAME_S if terminal else _LINE_S):
            return
        self._shown = time.monotonic()
        self._services.check()
        document = _in_fixed_order(self.inspector.segments())
        if terminal:
            self._live.update(Group(Text(head, style="bold"), segments_table(document)), refresh=True)
            return
        sizes = ", ".join(f"{each['segment']} {each['customers']:,}" for each in document["segments"])
        self._console.print(f"{head}: {sizes or 'no customers yet'}", highlight=False, soft_wrap=True)

    def summary(self, published: str) -> None:
        """Print the segments, what became of the events, and whether the change log agrees with Redis."""
        document, log, agreeing = self._compared()
        outcome_counts = read_outcome_counts(self.client, self._kafka.partitions, "segments")
        self._console.print(segments_table(document))
        outcomes = ", ".join(
            f"{count:,} {name.replace('orders:', '').replace('_', '-')}" for name, count in outcome_counts.items()
        )
        causes = ", ".join(f"{count:,} by {cause}" for cause, count in log.causes.most_common())
        self._console.print(
            f"{published} published: {outcomes}.\n"
            f"{log.messages:,} segment changes published: {causes}.\n"
            f"The change log, folded, gives the segment that Redis holds for {agreeing:,} of "
            f"{document['customers']:,} customers.",
            highlight=False,
            soft_wrap=True,
        )

    def _compared(self) -> tuple[dict[str, Any], ChangeLog, int]:
        """Return the segments, the change log folded, and for how many customers it gives what Redis holds.

        A sweep may move a customer while both are read: they are read again then, for some seconds.
        """
        deadline = time.monotonic() + _SETTLED_S
        while True:
            document, log = self.inspector.segments(), read_changes(self._kafka)
            latest = [change for change in log.latest.values() if change.merged_into is None]
            agreeing = sum(self._holds(change.customer_id, change.segment_id) for change in latest)
            if agreeing == document["customers"] or time.monotonic() > deadline:
                return document, log, agreeing
            time.sleep(_FRAME_S)

    def _holds(self, customer_id: str, segment_id: str | None) -> bool:
        view = self.inspector.view(customer_id)
        return view is not None and view.segment_id == segment_id


def _in_fixed_order(document: dict[str, Any]) -> dict[str, Any]:
    """Return the segments in the fixed order of their names, so that rows of a live table keep their places."""
    order = {name: place for place, name in enumerate(SEGMENT_NAMES)}
    ranked = sorted(document["segments"], key=lambda each: order.get(each["segment"], len(order)))
    return {**document, "segments": ranked}
