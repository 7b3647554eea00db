"""One partition's part of a micro-batch, and what a handler makes of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from consumers.broker.fetched import TopicSlice
from consumers.inputs.columns import Columns
from consumers.merges.messages import Merges
from events.arrays import Ints
from events.segment_changes import Change
from state.customers.merged_customers import Departure
from state.customers.records import CustomerBatch
from state.partitions.model_sums import ModelSums

try:
    from consumers.inputs.text_matching import grouped as _compiled
except ImportError:
    _compiled = None  # type: ignore[assignment]

__all__ = ["DECISIONS", "HANDOVERS", "PartitionBatch", "SegmentResult", "TopicEvents"]

DECISIONS, HANDOVERS = "decisions of merges", "handovers of merges"
"""Under these names the customers of merges stand beside those of the topics."""


@dataclass(frozen=True)
class TopicEvents:
    """The valid events of one topic: columns, the messages they came from, and where in `messages` each stands."""

    columns: Columns
    messages: TopicSlice
    positions: Ints

    def take(self, positions: Ints) -> "TopicEvents":
        """Return the events at these positions."""
        return TopicEvents(self.columns.take(positions), self.messages, self.positions[positions])

    def and_also(self, more: "TopicEvents") -> "TopicEvents":
        """Return these events and more of the topic."""
        messages = TopicSlice.joined(self.messages, more.messages)
        columns = type(self.columns).joined([self.columns, more.columns])
        return TopicEvents(
            columns, messages, np.concatenate([self.positions, more.positions + len(self.messages.offsets)])
        )


@dataclass
class PartitionBatch:
    """Events of one partition by topic (name without prefix); `offsets` are the next ones to read, by full name.

    `identities` are merges to decide on, which only partition 0 has, `merges` those that concern this partition.
    `outcome_counts` counts, by `<topic>:<outcome>`, the events whose outcome is known before the records are read.
    """

    partition: int
    events: dict[str, TopicEvents] = field(default_factory=dict)
    offsets: dict[str, int] = field(default_factory=dict)
    outcome_counts: dict[str, int] = field(default_factory=dict)
    identities: TopicEvents | None = None
    merges: Merges = field(default_factory=Merges)

    def add(self, topic: str, events: TopicEvents) -> None:
        """Add events of a topic."""
        self.events[topic] = self.events[topic].and_also(events) if topic in self.events else events

    def customer_ids(self) -> tuple[list[str], dict[str, Ints]]:
        """Return the distinct customers of all topics, and for each topic the position of each event's customer.

        Customers of merges are among them, with their positions under `DECISIONS` and `HANDOVERS`.
        """
        columns = [part.columns.customer_ids for part in self.events.values()]
        names = [column if isinstance(column, list) else np.asarray(column, object).tolist() for column in columns]
        sizes = {topic: len(part.columns) for topic, part in self.events.items()}
        if self.merges:
            names.append([each.previous_id for each in self.merges.decisions])
            names.append([each.customer_id for each in self.merges.handovers])
            sizes |= {DECISIONS: len(names[-2]), HANDOVERS: len(names[-1])}
        distinct, codes = _grouped(names[0] if len(names) == 1 else [name for column in names for name in column])
        slots, start = {}, 0
        for topic, size in sizes.items():
            slots[topic] = codes[start : start + size]
            start += size
        return distinct, slots

    def customers_of(self, topic: str) -> list[str]:
        """Return the distinct customers of a topic's events."""
        return list(dict.fromkeys(self.events[topic].columns.customer_ids)) if topic in self.events else []

    def profiled_customers(self) -> list[str]:
        """Return the customers whose profiles this batch changes, or hands over."""
        merging = [each.previous_id for each in self.merges.decisions]
        merging += [each.customer_id for each in self.merges.handovers]
        return list(dict.fromkeys([*self.customers_of("customers"), *merging]))

    def count(self, topic: str, event_outcome: str, events: int) -> None:
        """Add events to the count of an outcome."""
        if events:
            name = f"{topic}:{event_outcome}"
            self.outcome_counts[name] = self.outcome_counts.get(name, 0) + events

    @property
    def event_count(self) -> int:
        """How many events there are, of all topics."""
        return sum(len(part.columns) for part in self.events.values())

    def latest_ms(self) -> int:
        """Return the largest event time, 0 where there is none."""
        return max((int(part.columns.times.max()) for part in self.events.values() if len(part.columns)), default=0)


@dataclass(frozen=True)
class SegmentResult:
    """What a handler wants saved and sent; `outcome_counts` has, by topic, events that were not applied, and why.

    `swept_baseline` is the baseline that every customer of the partition is now under, None where that did not change.
    `departures` are customers who were merged into others, `absorbed` by customer the ids that went up in it.
    """

    customers: CustomerBatch
    profiles: dict[str, bytes]
    baseline: int
    sums: ModelSums
    changes: Sequence[Change]
    outcome_counts: dict[str, dict[str, int]]
    swept_baseline: int | None = None
    departures: Sequence[Departure] = ()
    absorbed: Mapping[str, Collection[str]] = field(default_factory=dict)


def _grouped(texts: list[str]) -> tuple[list[str], Ints]:
    """Return the distinct texts in the order of their first, and which of them each text is (n,)."""
    if _compiled is not None:
        return _compiled(texts)
    places: dict[str, int] = {}
    codes = np.fromiter((places.setdefault(text, len(places)) for text in texts), np.int64, len(texts))
    return list(places), codes
