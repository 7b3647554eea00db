"""Read the events of several files into one table of customers, without Kafka and Redis."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cli.formats.file_invalid import FileInvalid
from events.topics.specs import SEGMENT_INPUTS

if TYPE_CHECKING:
    from batch.data.customer_table import CustomerTable

__all__ = ["read_customers", "topic_of"]

_CHUNK: Final = 10_000


def topic_of(path: Path) -> str:
    """Return the input topic whose events a file holds, by the beginning of its name; orders where it says nothing.

    >>> topic_of(Path("logs/web-sessions-2026.parquet")), topic_of(Path("march.csv"))
    ('web-sessions', 'orders')
    """
    name = path.name.lower().replace("_", "-")
    return next((topic for topic in SEGMENT_INPUTS if name.startswith(topic)), "orders")


def read_customers(files: Sequence[Path], half_life_ms: float, features: Sequence[str]) -> "CustomerTable":
    """Return the customers of files of events, at the time of the newest event.

    A file's name tells its topic (`topic_of`); `features` that are not built in are numeric profile attributes.
    Raises FileInvalid.
    """
    from batch.data.table_from_event_files import CustomerTableBuilder
    from cli.formats.event_files import read_events
    from consumers.inputs.bounds import EventBounds
    from consumers.settings import ConsumerSettings
    from stream.customers.features import FEATURES

    own = [name for name in features if name not in FEATURES]
    settings = ConsumerSettings()
    log = CustomerTableBuilder(
        half_life_ms=half_life_ms,
        attributes=own,
        currency=settings.currency,
        rates=settings.currency_rates,
        bounds=EventBounds.from_settings(settings),
    )
    for path in files:
        topic = topic_of(path)
        values = (event.to_json() for event in read_events(topic, path))
        for chunk in _chunks(values):
            for refused in log.add(topic, chunk)[:1]:
                raise FileInvalid(str(path), "", refused.reason)
    return log.table()


def _chunks(values: Iterator[bytes]) -> Iterator[list[bytes]]:
    while chunk := list(islice(values, _CHUNK)):
        yield chunk
