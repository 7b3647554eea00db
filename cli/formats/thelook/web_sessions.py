"""events.csv as web sessions: the events of one session and user, read in pieces."""

from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from cli.formats.thelook.csv_tables import NEVER, Faults, ids, instant, milliseconds, read_chunks, sift, texts
from events.schema.inputs import WebSession

__all__ = ["Visit", "Visits", "read_visits", "web_session"]

_REQUIRED: Final = ("user_id", "session_id", "created_at", "event_type")
_OPTIONAL: Final = ("traffic_source",)
_CHUNK: Final = 200_000
_LONGEST_S: Final = 604_800
_MOST: Final = 1_000_000
_FAULTS: Final[Faults] = {
    "no_user": lambda events: events["customer_id"] == "",
    "no_session": lambda events: events["session_id"] == "",
    "no_time": lambda events: events["start"] == NEVER,
}


class Visit(NamedTuple):
    """One session of one user; times in ms since 1970."""

    session_id: str
    customer_id: str
    start: int
    end: int
    pages: int
    cart_adds: int
    source: str


class Visits(NamedTuple):
    """The sessions by time of their end, the rows read, and those left out by reason."""

    visits: list[Visit]
    rows: int
    skipped: dict[str, int]


def read_visits(path: Path, chunk: int = _CHUNK) -> Visits:
    """Return the sessions of events.csv; memory grows with the sessions of users, not with the rows.

    Every event is a page; one of type cart also puts something into the cart. The source is that of the first event.

    Args:
        path: events.csv.
        chunk: rows that are read at once.

    Raises:
        FileInvalid: the file cannot be read, or a column is missing.
    """
    visits: pd.DataFrame | None = None
    rows, skipped = 0, dict.fromkeys(_FAULTS, 0)
    for table in read_chunks(path, _REQUIRED, _OPTIONAL, chunk):
        events, left_out = sift(_events(table), _FAULTS)
        rows += len(table)
        skipped = {reason: count + left_out[reason] for reason, count in skipped.items()}
        visits = _summed(events if visits is None else pd.concat([visits, events], ignore_index=True))
    found = [] if visits is None else [Visit(*row) for row in visits.itertuples(index=False)]
    return Visits(sorted(found, key=lambda visit: visit.end), rows, skipped)


def web_session(visit: Visit) -> WebSession:
    """Return the event of a session; one longer than Shoal accepts is cut to that length."""
    return WebSession(
        event_id=f"thelook-{visit.session_id}-{visit.customer_id}",
        customer_id=visit.customer_id,
        occurred_at=instant(visit.end),
        session_id=visit.session_id,
        started_at=instant(visit.start),
        pages=min(visit.pages, _MOST),
        duration_s=min((visit.end - visit.start) / 1000, _LONGEST_S),
        cart_adds=min(visit.cart_adds, _MOST),
        source=visit.source or None,
    )


def _events(table: pd.DataFrame) -> pd.DataFrame:
    """Return each event as a session of its own."""
    at = milliseconds(table["created_at"])
    cart = texts(table["event_type"]).str.lower() == "cart"
    return pd.DataFrame(
        {
            "session_id": ids(table["session_id"]),
            "customer_id": ids(table["user_id"]),
            "start": at,
            "end": at,
            "pages": np.ones(len(table), np.int64),
            "cart_adds": cart.astype("int64"),
            "source": texts(table["traffic_source"]),
        }
    )


def _summed(visits: pd.DataFrame) -> pd.DataFrame:
    """Put the parts of each session together; parts of parts come to the same."""
    groups = visits.sort_values("start", kind="stable").groupby(["session_id", "customer_id"], sort=False)
    kinds = {"start": "min", "end": "max", "pages": "sum", "cart_adds": "sum", "source": "first"}
    return groups.agg(kinds).reset_index()
