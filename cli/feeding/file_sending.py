"""Send the events of a file to a topic: a part of them, in another order, some of them twice; with a progress bar."""

import random
import time
from collections.abc import Collection, Iterable, Iterator, Sized
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple, Self

import typer

from cli.formats.file_invalid import FileInvalid
from cli.local.service_addresses import KafkaOption
from cli.printing.output import JsonOption, errors

if TYPE_CHECKING:
    from events.schema.inputs import Event
    from events.settings import KafkaSettings

__all__ = ["Plan", "SendOptions", "Sender", "Sent", "send"]

_MAX_IN_FLIGHT: Final = 20_000
"""Events sent and not yet acknowledged, at most: the producer's own buffer has no bound."""
_PRODUCER: Final[dict[str, Any]] = {"batch_size": 1 << 17, "linger_ms": 100}
"""Few large batches: a third less time than the Publisher's own settings, which are for single events."""
_PROGRESS_EVERY: Final = 500
"""Events from one update of the progress bar to the next."""


class _Message(NamedTuple):
    customer_id: str
    value: bytes
    repeated: bool = False


class Sent(NamedTuple):
    """Events that Kafka acknowledged, how many of them were sent for the second time, and the seconds it took."""

    published: int
    duplicates: int
    seconds: float


@dataclass(frozen=True)
class Plan:
    """Which events are sent, and in which order: the first `limit`, some twice (`duplicate`), shuffled by a seed.

    An option group (`cli.printing.options_as_dataclass`).
    """

    limit: Annotated[int | None, typer.Option(help="Publish only the first N events.", metavar="N", min=0)] = None
    shuffle: Annotated[
        int | None,
        typer.Option(
            help="Publish in a random order, the same for the same seed; the file is read whole.", metavar="SEED"
        ),
    ] = None
    duplicate: Annotated[
        float,
        typer.Option(
            help="Publish about this share of the events twice, to try Shoal out.", metavar="SHARE", min=0, max=1
        ),
    ] = 0.0

    def messages(self, events: "Iterable[Event]") -> Iterable[_Message]:
        """Return what to send, as bytes; a list where it is shuffled."""
        messages = self._with_duplicates(self._encoded(islice(events, self.limit)))
        if self.shuffle is None:
            return messages
        shuffled = list(messages)
        random.Random(self.shuffle).shuffle(shuffled)  # noqa: S311 - not a secret
        return shuffled

    def expected(self, events: "Iterable[Event]") -> float | None:
        """Return about how many messages there will be, or None."""
        size = len(events) if isinstance(events, Sized) else self.limit
        if size is None:
            return None
        return min(size, size if self.limit is None else self.limit) * (1.0 + self.duplicate)

    def _encoded(self, events: "Iterable[Event]") -> Iterator[_Message]:
        for event in events:
            yield _Message(event.customer_id, event.to_json())

    def _with_duplicates(self, messages: Iterator[_Message]) -> Iterator[_Message]:
        chance = random.Random(self.shuffle or 0)  # noqa: S311 - not a secret
        for message in messages:
            yield message
            if self.duplicate and chance.random() < self.duplicate:
                yield message._replace(repeated=True)


@dataclass(frozen=True)
class SendOptions(Plan):
    """The options of every command that sends a file's events."""

    kafka: KafkaOption = None
    as_json: JsonOption = False


class Sender:
    """Publishes valid events, given as bytes, to topics that exist, with a bounded number of them not yet acknowledged.

    Raises KafkaUnreachable where no broker answers, TopicsMisconfigured where a topic is missing or has another number
    of partitions, PublishFailed where Kafka does not take an event.
    """

    def __init__(self, topics: Collection[str], settings: "KafkaSettings") -> None:
        from events.topics.permissions import Needs
        from events.topics.required_topics import require_topics
        from shoal_client.publisher import Publisher

        # A broker may create one by itself, with another number of partitions.
        require_topics(settings, topics, Needs(writes=tuple(topics)))
        self._publisher = Publisher(settings.kafka, settings.topic_prefix, security=settings.security, **_PRODUCER)
        self._count = 0

    def send(self, topic: str, customer_id: str, value: bytes) -> None:
        """Send one event."""
        self._publisher.publish_json(topic, customer_id, value)
        self._count += 1
        if self._count % _MAX_IN_FLIGHT == 0:
            self._publisher.flush()

    def flush(self) -> None:
        """Wait until Kafka has acknowledged everything."""
        self._publisher.flush()

    def close(self) -> None:
        """Flush, and close the connection."""
        self._publisher.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def send(topic: str, events: "Iterable[Event]", settings: "KafkaSettings", plan: Plan) -> Sent:
    """Publish events to a topic, and return when Kafka has acknowledged them.

    Raises:
        KafkaUnreachable: no broker answers.
        TopicsMisconfigured: there is no such topic, or it has another number of partitions.
        PublishFailed: Kafka did not take an event.
        FileInvalid: the file of the events is not valid; those before it are published.
    """
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    started = time.monotonic()
    count = duplicates = 0
    bar = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[done]:,}"), TimeElapsedColumn())
    with Progress(*bar, console=errors(), transient=True) as progress, Sender([topic], settings) as sender:
        task = progress.add_task(f"publishing {topic}", total=None, done=0)
        try:
            messages = plan.messages(events)
            expected = len(messages) if isinstance(messages, Sized) else plan.expected(events)
            for count, message in enumerate(messages, 1):
                sender.send(topic, message.customer_id, message.value)
                duplicates += message.repeated
                if count % _PROGRESS_EVERY == 0:
                    share = min(1.0, count / expected) if expected else getattr(events, "share_read", None)
                    progress.update(task, completed=share, total=share and 1.0, done=count)
        except FileInvalid as error:
            sender.flush()
            raise error.after(count) from error
        sender.flush()
    return Sent(count, duplicates, round(time.monotonic() - started, 3))
