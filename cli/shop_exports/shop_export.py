"""A shop's export as the events it becomes: read once to learn how, and then again, a piece at a time."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from pydantic import ValidationError

from cli.shop_exports.cell_text.header_words import Kind
from cli.shop_exports.guesses.chosen_columns import Choice, choose_columns
from cli.shop_exports.guesses.export_facts import collect_facts, group_name, kept_rows, scattered_rows
from cli.shop_exports.guesses.questions import Question, QuestionsOpen
from cli.shop_exports.guesses.reading import Facts, Reading, settle
from cli.shop_exports.mapping import Mapping
from cli.shop_exports.row_events.cell_values import CellValues
from cli.shop_exports.row_events.customer_ids import CustomerIds
from cli.shop_exports.row_events.order_events import NoSale, OrderEvents
from cli.shop_exports.row_events.profile_events import ProfileEvents
from cli.shop_exports.row_events.refusals import CellRefused, Refusal, Refusals
from cli.shop_exports.row_events.row_groups import RowGroups
from cli.shop_exports.row_events.session_events import SessionEvents
from cli.tables.table import Table
from consumers.inputs.bounds import EventBounds
from events.codec.refusals import worded
from events.schema.inputs import Event

__all__ = ["TOPICS", "Part", "ShopExport", "Summary"]

TOPICS: Final[dict[Kind, str]] = {"orders": "orders", "customers": "customers", "sessions": "web-sessions"}
_GROUPED: Final[dict[Kind, str]] = {"orders": "order_id", "sessions": "session_id"}
"""By kind the field whose rows belong together."""


class EventMaker(Protocol):
    """Makes events of the rows of a kind of export."""

    def read(self, row: int, cells: dict[str, Any]) -> Any:
        """Return a row's values. Raises CellRefused."""

    def events(self, rows: Sequence[Any]) -> Iterator[Event | NoSale]:
        """Yield the events of rows that belong together. Raises CellRefused or ValidationError."""


@dataclass(frozen=True)
class Part:
    """Tables of the same columns, and how they are read."""

    tables: Sequence[Table]
    reading: Reading
    scattered: frozenset[str] = frozenset()


@dataclass
class Summary:
    """What became of the rows: events by type, orders that are no sales by status, and events by currency.

    `repeated` are rows that a further file tells again.
    """

    rows: int = 0
    repeated: int = 0
    events: Counter[str] = field(default_factory=Counter)
    no_sales: Counter[str] = field(default_factory=Counter)
    currencies: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class _Raw:
    table: Table
    row: int
    cells: dict[str, Any]


class ShopExport:
    """The events of an export, to be iterated once; rows that become none are told to `refusals`.

    Args:
        kind: orders, customers or sessions.
        tables: its files.
        mapping: what was said about it.
        bounds: those that a worker keeps.
        named: the fields whose columns a person named.
        seen: called while the columns are looked at, for a progress bar.

    Raises:
        QuestionsOpen: it can be read in several ways.
        FileInvalid: a file cannot be read, or a column that was named is not there.
    """

    def __init__(
        self,
        kind: Kind,
        tables: Sequence[Table],
        mapping: Mapping,
        bounds: EventBounds,
        *,
        named: Sequence[str] = (),
        seen: Callable[[Table], None] = lambda table: None,
    ) -> None:
        self.kind: Kind = kind
        self.mapping, self.tables = mapping, tables
        self._bounds, self._seen = bounds, seen
        self.summary = Summary()
        self.refusals = Refusals()
        self.questions: list[Question] = []
        self.parts = self._parts([(table, choose_columns(kind, table, mapping, named=named)) for table in tables])
        self._read_now: Table | None = None

    def require_answers(self) -> None:
        """Raise QuestionsOpen where the export can be read in several ways."""
        if self.questions:
            raise QuestionsOpen(self.questions)

    @property
    def share_read(self) -> float | None:
        """How much of the files has been read, from 0 to 1."""
        if self._read_now is None or self._read_now.share_read is None:
            return None
        return (self.tables.index(self._read_now) + self._read_now.share_read) / len(self.tables)

    def _parts(self, chosen: Sequence[tuple[Table, Choice]]) -> list[Part]:
        by_columns: dict[str, list[tuple[Table, Choice]]] = {}
        for table, choice in chosen:
            by_columns.setdefault(repr(sorted(choice.columns.items())), []).append((table, choice))
        return [self._part([table for table, _ in same], same[0][1]) for same in by_columns.values()]

    def _part(self, tables: list[Table], choice: Choice) -> Part:
        facts, group = Facts(), _GROUPED.get(self.kind)
        found: list[Question] = list(choice.questions)
        for table in tables:
            found += collect_facts(table, choice, self.mapping, facts, self._seen, group)
        self.summary.rows += facts.rows
        hashes = facts.order_rows.scattered()
        scattered: dict[str, list[_Raw]] = {}
        if len(hashes) and group is not None:
            column = choice.columns[group]
            for table, name, number, cells in scattered_rows(tables, column, self.mapping, hashes):
                kept = scattered.setdefault(name, [])
                if self.kind == "orders":  # what differs among the rows of a session decides nothing
                    kept.append(_Raw(table, number, cells))
            for name, rows in scattered.items() if self.kind == "orders" else ():
                facts.order_rows.judge(name, [_judged(row.cells, choice.columns) for row in _distinct(rows)])
        reading, questions = settle(choice.columns, self.mapping, facts)
        known = {str(each) for each in self.questions}
        self.questions += [each for each in (*found, *questions) if str(each) not in known]
        return Part(tables, reading, frozenset(scattered))

    def __iter__(self) -> Iterator[Event]:
        self.require_answers()
        for part in self.parts:
            single = self.kind == "customers" or (self.kind == "orders" and part.reading.order_rows == "each")
            groups = RowGroups[_Raw](part.scattered, single=single)
            maker = self._maker(part.reading)
            for group in groups(self._rows(part)):
                yield from self._events(maker, group)

    def _maker(self, reading: Reading) -> EventMaker:
        values = CellValues(reading)
        customers = CustomerIds(values, self._bounds.placeholders)
        makers: dict[Kind, Callable[[Reading, CellValues, CustomerIds], EventMaker]] = {
            "orders": OrderEvents,
            "customers": ProfileEvents,
            "sessions": SessionEvents,
        }
        return makers[self.kind](reading, values, customers)

    def _rows(self, part: Part) -> Iterator[tuple[str, _Raw]]:
        name = part.reading.columns.get(_GROUPED.get(self.kind, ""), "")
        for table in part.tables:
            self._read_now = table
            for chunk in table.chunks():
                for fault in chunk.faults:
                    self.refusals.add(Refusal(table.name, fault.row, "", fault.text, fault.reason))
                kept = kept_rows(chunk, self.mapping)
                names = kept.cells[name].tolist() if name else [None] * len(kept.rows)
                columns = list(kept.cells.columns)
                rows = zip(names, kept.rows.tolist(), kept.cells.to_numpy(object).tolist(), strict=True)
                for each, row, cells in rows:
                    yield group_name(each), _Raw(table, row, dict(zip(columns, cells, strict=True)))

    def _events(self, maker: EventMaker, group: Sequence[_Raw]) -> Iterator[Event]:
        read: list[Any] = []
        told, group = len(group), _distinct(group)
        self.summary.repeated += told - len(group)
        for raw in group:
            try:
                read.append(maker.read(raw.row, raw.cells))
            except CellRefused as error:
                self._refuse(group, raw, error)
                return
        for rows in _by_customer(read):
            try:
                found = list(maker.events(rows))
                for event in found:
                    self._check(event)
            except CellRefused as error:
                self._refuse([raw for raw in group if any(raw.row == row.row for row in rows)], group[0], error)
            except ValidationError as error:
                self._refuse(group, group[0], CellRefused("", "", worded(error)))
            else:
                yield from self._counted(found)

    def _check(self, event: Event | NoSale) -> None:
        refused = None if isinstance(event, NoSale) else self._bounds.refusal(event, time.time_ns() // 1_000_000)
        if refused:
            raise CellRefused("", "", refused)

    def _counted(self, found: Sequence[Event | NoSale]) -> Iterator[Event]:
        for event in found:
            if isinstance(event, NoSale):
                self.summary.no_sales[event.status] += 1
                continue
            self.summary.events[getattr(event, "type", self.kind)] += 1
            currency = getattr(event, "currency", None)
            if currency:
                self.summary.currencies[currency] += 1
            yield event

    def _refuse(self, group: Sequence[_Raw], blamed: _Raw, error: CellRefused) -> None:
        """Refuse rows that belong together, because of one of them."""
        for raw in group:
            value = str(error.value) if raw.row == blamed.row else f"see row {blamed.row}"
            self.refusals.add(Refusal(raw.table.name, raw.row, error.column, value, error.reason), raw.cells)


def _judged(cells: dict[str, Any], columns: dict[str, str]) -> tuple[Any, Any]:
    return cells.get(columns.get("amount", "")), cells.get(columns.get("occurred_at", ""))


def _distinct(rows: Sequence[_Raw]) -> Sequence[_Raw]:
    """Leave out what a further file tells again, as files do whose times overlap."""
    if all(row.table is rows[0].table for row in rows):
        return rows
    kept, taken = list[_Raw](), Counter[tuple[Any, ...]]()
    for table in dict.fromkeys(id(row.table) for row in rows):
        told = Counter[tuple[Any, ...]]()
        for row in rows:
            if id(row.table) == table:
                cells = tuple(map(str, row.cells.values()))
                told[cells] += 1
                if told[cells] > taken[cells]:
                    kept.append(row)
        taken |= told
    return kept


def _by_customer(rows: Sequence[Any]) -> list[list[Any]]:
    """Divide rows of one id by their customers; those that name none belong to the first."""
    first = next((row.customer_id for row in rows if row.customer_id is not None), None)
    groups: dict[str | None, list[Any]] = {}
    for row in rows:
        groups.setdefault(row.customer_id if row.customer_id is not None else first, []).append(row)
    return list(groups.values())
