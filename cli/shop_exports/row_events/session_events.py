"""The rows of a visit as one web session: a row for each visit, or one for each page and click."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from cli.shop_exports.cell_text.status_words import plain_status
from cli.shop_exports.guesses.reading import Reading
from cli.shop_exports.row_events.cell_values import CellValues
from cli.shop_exports.row_events.customer_ids import CustomerIds
from cli.shop_exports.row_events.order_events import event_name
from cli.shop_exports.row_events.refusals import CellRefused
from events.schema.inputs import WebSession

__all__ = ["SessionEvents", "SessionRow"]

_PAGES: Final = frozenset({"view", "page view", "pageview", "page", "screen view", "product view", "view item"})
_CARTS: Final = frozenset({"cart", "add to cart", "addtocart", "cart add", "product added"})
_MAX_SECONDS: Final = 604_800.0
_MAX_LABEL: Final = 256


@dataclass(frozen=True)
class SessionRow:
    """A row of an export of visits, read."""

    row: int
    session_id: str | None
    customer_id: str | None
    at: datetime | None
    started_at: datetime | None
    pages: int | None
    cart_adds: int | None
    duration_s: float | None
    source: str | None
    device: str | None
    action: str | None
    event_id: str | None


class SessionEvents:
    """Reads rows, and makes a session of the rows with one session id and customer.

    Rows are pages and clicks where the export says what each is (`action`), or says no number of pages.
    """

    def __init__(self, reading: Reading, values: CellValues, customers: CustomerIds) -> None:
        self._values, self._customers = values, customers
        self._of_hits = "pages" not in reading.columns
        self._visitor = "visitor_id" in reading.columns

    def read(self, row: int, cells: dict[str, Any]) -> SessionRow:
        """Return a row's values. Raises CellRefused for the first cell that cannot be read."""
        values = self._values
        action = values.text(cells, "action")
        return SessionRow(
            row,
            self._session_id(cells),
            self._customers.of(cells),
            values.instant(cells, "occurred_at"),
            values.instant(cells, "started_at"),
            values.count(cells, "pages"),
            values.count(cells, "cart_adds"),
            values.seconds(cells, "duration_s"),
            (values.text(cells, "source") or "")[:_MAX_LABEL] or None,
            (values.text(cells, "device") or "")[:_MAX_LABEL] or None,
            None if action is None else plain_status(action),
            values.identifier(cells, "event_id"),
        )

    def _session_id(self, cells: dict[str, Any]) -> str | None:
        """Return the id of a session; where visitors number their own (Google Analytics), with the visitor's."""
        name = self._values.identifier(cells, "session_id")
        visitor = self._values.identifier(cells, "visitor_id") if self._visitor else None
        return f"{visitor}.{name}" if visitor and name else name

    def events(self, rows: Sequence[SessionRow]) -> Iterator[WebSession]:
        """Yield the session of some rows. Raises CellRefused or ValidationError."""
        by_session: dict[str | None, list[SessionRow]] = {}
        for row in rows:
            by_session.setdefault(row.session_id, []).append(row)
        for own in by_session.values():
            yield self._session(own)

    def _session(self, rows: Sequence[SessionRow]) -> WebSession:
        first = rows[0]
        if first.customer_id is None:
            raise self._customers.missing()
        if first.session_id is None:
            raise CellRefused(self._values.column("session_id"), "", "session_id is missing")
        started, ended = self._span(rows)
        duration = sum(row.duration_s for row in rows if row.duration_s is not None) if not self._of_hits else None
        return WebSession.model_validate(
            {
                "event_id": first.event_id or event_name("session", first.session_id, f"{ended:%Y%m%dT%H%M%S}"),
                "customer_id": first.customer_id,
                "occurred_at": ended,
                "session_id": first.session_id,
                "started_at": started,
                "pages": self._pages(rows),
                "cart_adds": self._carts(rows),
                "duration_s": min(duration, _MAX_SECONDS) if duration else None,
                "source": next((row.source for row in rows if row.source), None),
                "device": next((row.device for row in rows if row.device), None),
            }
        )

    def _span(self, rows: Sequence[SessionRow]) -> tuple[datetime, datetime]:
        """Return when a session began and ended; a lone time is its beginning, if it says how long it took."""
        times = [at for row in rows for at in (row.at, row.started_at) if at is not None]
        if not times:
            raise CellRefused(self._values.column("occurred_at"), "", "occurred_at is missing")
        started, ended = min(times), max(times)
        seconds = sum(row.duration_s or 0.0 for row in rows)
        if started == ended and seconds and not self._of_hits:
            lone_end = all(row.started_at is None for row in rows)
            moved = timedelta(seconds=min(seconds, _MAX_SECONDS))
            return (ended - moved, ended) if lone_end else (started, started + moved)
        return started, ended

    def _pages(self, rows: Sequence[SessionRow]) -> int:
        if not self._of_hits:
            return sum(row.pages or 0 for row in rows)
        if all(row.action is None for row in rows):
            return len(rows)
        return sum(row.action in _PAGES for row in rows)

    def _carts(self, rows: Sequence[SessionRow]) -> int | None:
        told = [row.cart_adds for row in rows if row.cart_adds is not None]
        if told:
            return sum(told)
        return sum(row.action in _CARTS for row in rows) if any(row.action for row in rows) else None
