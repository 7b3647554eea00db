"""Read the events of several files into one table of customers, without Kafka and Redis."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cli.formats.file_invalid import FileInvalid
from events.topics.specs import SEGMENT_INPUTS

if TYPE_CHECKING:
    from batch.data.customer_table import CustomerTable
    from events.schema.inputs import Event

__all__ = ["read_customers", "topic_of"]

_CHUNK: Final = 10_000


def topic_of(path: Path) -> str:
    """Return the input topic whose events a file holds, by the beginning of its name; orders where it says nothing.

    >>> topic_of(Path("logs/web-sessions-2026.parquet")), topic_of(Path("march.csv"))
    ('web-sessions', 'orders')
    """
    name = path.name.lower().replace("_", "-")
    return next((topic for topic in SEGMENT_INPUTS if name.startswith(topic)), "orders")


def read_customers(
    files: Sequence[Path], half_life_ms: float, features: Sequence[str], mapping: Path | None = None
) -> "CustomerTable":
    """Return the customers of files of events, at the time of the newest event.

    A file's name tells its topic (`topic_of`). A file that holds no events is read as a shop's export, by the mapping
    file `mapping` if there is one; its rows that cannot be used are left out. `features` that are not built in are
    numeric profile attributes. Raises FileInvalid.
    """
    from batch.data.table_from_event_files import CustomerTableBuilder
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
        with _events(topic, path, mapping) as events:
            for chunk in _chunks(event.to_json() for event in events):
                for refused in log.add(topic, chunk)[:1]:
                    raise FileInvalid(str(path), "", refused.reason)
    return log.table()


@contextmanager
def _events(topic: str, path: Path, mapping: Path | None) -> "Iterator[Iterable[Event]]":
    from cli.feeding.shop_export_events import KINDS, export_events, is_event_file
    from cli.formats.event_files import read_events

    if mapping is None and (topic not in KINDS or is_event_file(path)):
        yield read_events(topic, path)
        return
    with export_events(topic, path, mapping) as export:
        yield export


def _chunks(values: Iterator[bytes]) -> Iterator[list[bytes]]:
    while chunk := list(islice(values, _CHUNK)):
        yield chunk
