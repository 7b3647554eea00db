"""Exports that tests write, and the events that they become."""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from cli.shop_exports.mapping import Mapping
from cli.shop_exports.open_export import open_export
from cli.shop_exports.shop_export import ShopExport
from cli.tables.file_sources import Spool
from cli.tables.open_tables import ReadingOptions, open_tables
from consumers.inputs.bounds import EventBounds
from events.schema.inputs import Event


@contextmanager
def opened(kind, *files: Path, preset=None, form=None, mapping_file=None, **said):
    with Spool() as spool:
        tables = open_tables([str(file) for file in files], spool, form or ReadingOptions())
        mapping = Mapping.model_validate(said)
        yield open_export(kind, tables, mapping, preset=preset, mapping_file=mapping_file, bounds=EventBounds())


def read(kind, *files: Path, **said) -> tuple[ShopExport, list[Event]]:
    with opened(kind, *files, **said) as export:
        return export, list(export)


def orders(folder: Path, content: str | bytes, name: str = "orders.csv", **said) -> tuple[ShopExport, list[Event]]:
    return read("orders", write(folder, content, name), **said)


def write(folder: Path, content: str | bytes, name: str = "orders.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def questions(kind, *files: Path, **said) -> dict[str, list[str]]:
    """By the option that settles it, what each open question offers."""
    with opened(kind, *files, **said) as export:
        found: dict[str, list[str]] = defaultdict(list)
        for each in export.questions:
            found[each.choices[0][0].split()[0]] += [f"{option}: {meaning}" for option, meaning in each.choices]
        return found


def net(events: Sequence[Event]) -> dict[str, Decimal]:
    """What is left of each customer's orders: an order is taken back once, and never more than was paid."""
    paid: dict[tuple[str, str], Decimal] = {}
    back: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for event in events:
        key = event.customer_id, event.order_id
        if event.order_id is None:
            sums[event.customer_id] -= event.amount
        elif event.type == "placed":
            paid[key] = event.amount
        elif event.type == "refunded":
            back[key] += event.amount
        else:
            back[key] = Decimal(10**12)
    for (customer, order), amount in paid.items():
        sums[customer] += amount - min(amount, back[customer, order])
    return dict(sums)
