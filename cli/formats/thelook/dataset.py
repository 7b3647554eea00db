"""The folder of tables, as the events of three topics."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from cli.formats.file_invalid import FileInvalid
from cli.formats.log_in_memory import EventLog
from cli.formats.thelook.orders import Purchase, order, read_purchases
from cli.formats.thelook.users import Person, profile, read_people
from cli.formats.thelook.web_sessions import Visit, Visits, read_visits, web_session
from events.schema.inputs import CustomerProfile, Order, WebSession

__all__ = ["Summary", "TheLook", "read_thelook"]

_NEEDED = ("users.csv", "orders.csv", "order_items.csv")


@dataclass(frozen=True)
class Summary:
    """What became of the rows, by table: those that `skipped` does not count by reason are in the events.

    `cells_skipped` counts, by field, what a profile cannot hold.
    """

    rows: dict[str, int]
    skipped: dict[str, dict[str, int]]
    cells_skipped: dict[str, int]
    orders: int
    cancellations: int
    refunds: int
    sessions: int
    profiles: int


@dataclass(frozen=True)
class TheLook:
    """The events, each kind sorted by time, and the summary."""

    orders: EventLog[Purchase, Order]
    sessions: EventLog[Visit, WebSession]
    profiles: EventLog[Person, CustomerProfile]
    summary: Summary


def read_thelook(folder: Path) -> TheLook:
    """Return the events of BigQuery's public data set thelook_ecommerce, exported as one CSV file a table.

    users.csv gives profiles; orders.csv, order_items.csv and products.csv, where there is one, give orders; events.csv,
    where there is one, gives web sessions. Event ids are made from the ids in the tables, so that reading the folder
    again gives the same events. Another day's export is another invented shop that has the same ids.

    Raises:
        FileInvalid: a table or a column is missing, or a table is not CSV.
    """
    missing = [name for name in _NEEDED if not (folder / name).is_file()]
    if missing:
        raise FileInvalid(
            str(folder), "", f"has no {', '.join(missing)}; it should hold the tables of thelook_ecommerce as CSV files"
        )
    people = read_people(folder / "users.csv")
    bought = read_purchases(folder / "orders.csv", folder / "order_items.csv", _present(folder / "products.csv"))
    events = _present(folder / "events.csv")
    visited = read_visits(events) if events else Visits([], 0, {})
    kinds = Counter(purchase.kind for purchase in bought.purchases)
    summary = Summary(
        rows={"users": people.rows, **bought.rows} | ({"events": visited.rows} if events else {}),
        skipped={"users": people.skipped, **bought.skipped} | ({"events": visited.skipped} if events else {}),
        cells_skipped=people.cells_skipped,
        orders=kinds["placed"],
        cancellations=kinds["cancelled"],
        refunds=kinds["refunded"],
        sessions=len(visited.visits),
        profiles=len(people.people),
    )
    return TheLook(
        EventLog(bought.purchases, order),
        EventLog(visited.visits, web_session),
        EventLog(people.people, profile),
        summary,
    )


def _present(path: Path) -> Path | None:
    return path if path.is_file() else None
