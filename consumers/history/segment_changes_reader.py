"""Read the `segment-changes` topic from its beginning: every customer's current segment, and how it came about."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from confluent_kafka import OFFSET_BEGINNING

from consumers.broker.consumer_lag import end_offsets, reported_ends
from consumers.broker.internal_messages import OnSkipped, log_skipped, stored_message
from consumers.broker.message_coordinates import Offsets
from consumers.broker.topic_reader import TopicReader
from consumers.history.change_validation import read_published_changes
from consumers.history.customer_messages import messages_of_customer
from events.segment_changes import Change
from events.settings import KafkaSettings

__all__ = ["ChangeLog", "changes_of_customer", "newest_changes", "read_changes"]


_TOPIC = "segment-changes"
_CHUNK = 5_000
_FURTHER_BACK = 32


@dataclass
class ChangeLog:
    """Segment changes folded as a consumer should: repeats dropped, the largest change number counts."""

    latest: dict[str, Change] = field(default_factory=dict)
    causes: Counter[str] = field(default_factory=Counter)
    messages: int = 0
    _seen: set[str] = field(default_factory=set)

    def add(self, change: Change) -> None:
        """Fold one message in."""
        self.messages += 1
        if change.change_id in self._seen:
            return
        self._seen.add(change.change_id)
        self.causes[change.cause] += 1
        last = self.latest.get(change.customer_id)
        if last is None or change.change_number > last.change_number:
            self.latest[change.customer_id] = change


def read_changes(
    kafka: KafkaSettings, partitions: Iterable[int] | None = None, on_skipped: OnSkipped = log_skipped
) -> ChangeLog:
    """Return the fold of everything on `segment-changes` so far; of some partitions, up to the ends as reported.

    Raises KafkaUnreachable.
    """
    log = ChangeLog()
    ends = end_offsets(kafka, [_TOPIC]) if partitions is None else reported_ends(kafka, [_TOPIC], partitions)
    for _, change in _read(kafka, ends, dict.fromkeys(ends, OFFSET_BEGINNING), on_skipped):
        log.add(change)
    return log


def newest_changes(
    kafka: KafkaSettings,
    partitions: Iterable[int],
    is_wanted: Callable[[Change], bool] = lambda _: True,
    on_skipped: OnSkipped = log_skipped,
) -> list[tuple[int, Change]]:
    """Return the last wanted change, or the last few, of each partition that has one, with the partition.

    Further back is read only where the last messages cannot be read, or are not wanted. Raises KafkaUnreachable.
    """
    ends = {partition: end for partition, end in reported_ends(kafka, [_TOPIC], partitions).items() if end}
    found, count = list[tuple[int, Change]](), 1
    while ends:
        starts = {partition: max(0, end - count) for partition, end in ends.items()}
        latest = [each for each in _read(kafka, ends, starts, on_skipped) if is_wanted(each[1])]
        found += latest
        seen = {partition for partition, _ in latest}
        ends = {each: end for each, end in ends.items() if each[1] not in seen and starts[each] > 0}
        count *= _FURTHER_BACK
    return found


def changes_of_customer(
    kafka: KafkaSettings,
    ids: Sequence[str],
    most: int = 200_000,
    timeout_s: float = 10.0,
    on_skipped: OnSkipped = log_skipped,
) -> list[Change]:
    """Return the changes of a customer's ids among the last `most` messages of their partitions (half a second).

    Several ids are those that were merged into the customer, and its own. Raises KafkaUnreachable, where no broker
    answers within `timeout_s`.
    """
    messages = list(messages_of_customer(kafka, _TOPIC, ids, most, timeout_s))
    return [change for _, change in read_published_changes(messages, kafka.partitions, on_skipped)]


def _read(kafka: KafkaSettings, ends: Offsets, starts: Offsets, on_skipped: OnSkipped) -> Iterator[tuple[int, Change]]:
    with TopicReader(kafka, "change-log") as reader:
        messages = reader.read({partition: starts[partition] for partition, end in ends.items() if end}, ends)
        while chunk := [stored_message(message) for message in islice(messages, _CHUNK)]:
            for message, change in read_published_changes(chunk, kafka.partitions, on_skipped):
                yield message.partition, change
