"""How an export is read: settled by what was said about it, and by what its columns prove."""

import re
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from cli.formats.file_invalid import FileInvalid
from cli.shop_exports.cell_text.amounts import DecimalMark
from cli.shop_exports.cell_text.instants import date_order_of, written_date
from cli.shop_exports.cell_text.status_words import MEANINGS, Meaning, meaning_of, plain_status
from cli.shop_exports.guesses.column_facts import AmountFacts, InstantFacts, ShapeFacts, TextFacts
from cli.shop_exports.guesses.currency import settle_currency
from cli.shop_exports.guesses.order_row_facts import OrderRowFacts
from cli.shop_exports.guesses.questions import Question
from cli.shop_exports.mapping import Mapping, OrderRows

__all__ = ["Facts", "Reading", "settle", "zone_of"]

_ORDER_NAMES: Final = {"dmy": "day first", "mdy": "month first", "ymd": "year first"}


@dataclass
class Facts:
    """What was found in the columns of an export."""

    amounts: AmountFacts = field(default_factory=AmountFacts)
    instants: InstantFacts = field(default_factory=InstantFacts)
    statuses: TextFacts = field(default_factory=TextFacts)
    ids: dict[str, TextFacts] = field(default_factory=dict)
    order_rows: OrderRowFacts = field(default_factory=OrderRowFacts)
    blank_currencies: int = 0
    rows: int = 0


@dataclass(frozen=True)
class Reading:
    """How each cell is read. `columns` has the column of each field that the export has."""

    columns: Dictionary[str, str]
    mapping: Mapping
    mark: DecimalMark | None = None
    date_orders: Dictionary[str, str] = field(default_factory=dict)
    strptime: str | None = None
    zone: tzinfo | None = None
    currency: str | None = None
    currency_by_sign: bool = False
    meanings: Dictionary[str, Meaning] = field(default_factory=dict)
    order_rows: OrderRows = "first"
    scattered: npt.NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, np.uint64))
    fractions: frozenset[str] = frozenset()


def zone_of(name: str) -> tzinfo:
    """Return a time zone by its name in the IANA database, or by its offset. Raises FileInvalid for another.

    >>> zone_of("+01:00"), zone_of("Europe/Berlin")
    (datetime.timezone(datetime.timedelta(seconds=3600)), zoneinfo.ZoneInfo(key='Europe/Berlin'))
    """
    if name.upper() in ("UTC", "Z", "GMT"):
        return UTC
    offset = re.fullmatch(r"([+-])(\d{2}):?(\d{2})", name)
    if offset:
        return timezone((-1 if offset[1] == "-" else 1) * timedelta(hours=int(offset[2]), minutes=int(offset[3])))
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise FileInvalid("--zone", "", f"should be such as Europe/Berlin, UTC or +01:00, found {name!r}") from None


def settle(columns: Dictionary[str, str], mapping: Mapping, facts: Facts) -> tuple[Reading, list[Question]]:
    """Return how the export is read, and what is open; where something is, the reading is not to be used."""
    questions: list[Question] = []
    orders, strptime = _date_orders(mapping, facts.instants, questions)
    zone = zone_of(mapping.zone) if mapping.zone else None
    if zone is None and facts.instants.without_zone is not None:
        questions.append(_zone_question(*facts.instants.without_zone, orders))
    currency, by_sign = (
        settle_currency(columns, mapping, facts.amounts.units, facts.blank_currencies, questions)
        if "amount" in columns or "price" in columns
        else (None, False)
    )
    reading = Reading(
        columns,
        mapping,
        _mark(mapping, facts.amounts, questions),
        orders,
        strptime,
        zone,
        currency,
        by_sign,
        _meanings(mapping, facts.statuses, questions),
        _order_rows(columns, mapping, facts.order_rows, questions),
        facts.order_rows.scattered(),
        frozenset(name for name, each in facts.ids.items() if each.written_as_fractions),
    )
    return reading, questions


def _mark(mapping: Mapping, facts: AmountFacts, questions: list[Question]) -> DecimalMark | None:
    if mapping.decimal is not None:
        return mapping.decimal
    if len(facts.proofs) == 2:
        (point_row, point), (comma_row, comma) = facts.proofs["."], facts.proofs[","]
        about = (
            f"Amounts have decimal points (row {point_row}: {point!r}) and decimal commas (row {comma_row}: {comma!r})."
        )
        questions.append(
            Question(
                about, [("--decimal .", f"refuses such as {comma!r}"), ("--decimal ,", f"refuses such as {point!r}")]
            )
        )
        return None
    if facts.proofs:
        return "." if "." in facts.proofs else ","
    if facts.ambiguous is not None:
        row, text = facts.ambiguous
        digits = re.sub(r"[^\d.,]", "", text)
        before, after = re.split("[.,]", digits)
        point, comma = (
            (f"{before}.{after}", f"{before}{after}") if "." in digits else (f"{before}{after}", f"{before}.{after}")
        )
        about = f"Amounts can be read in two ways (row {row}: {text!r})."
        questions.append(Question(about, [("--decimal .", f"it is {point}"), ("--decimal ,", f"it is {comma}")]))
    return None


def _date_orders(mapping: Mapping, facts: InstantFacts, questions: list[Question]) -> tuple[dict[str, str], str | None]:
    """Return the order of day, month and year by the form of the dates, and a format for strptime."""
    if mapping.date_format:
        order = date_order_of(mapping.date_format)
        if order is None and "%" not in mapping.date_format:
            raise FileInvalid(
                "--date-format", "", f"should be dmy, mdy, ymd or such as %d/%m/%Y %H:%M, found {mapping.date_format!r}"
            )
        return ({}, mapping.date_format) if order is None else (dict.fromkeys(facts.shapes, order), None)
    orders: dict[str, str] = {}
    for shape, found in facts.shapes.items():
        possible = sorted(found.orders or ())
        if len(possible) == 1 or (possible and not found.telling):
            orders[shape] = possible[0]
        else:
            questions.append(_order_question(possible, found))
    return orders, None


def _order_question(possible: list[str], facts: ShapeFacts) -> Question:
    if not possible:
        told = "; ".join(
            f"row {row}, {text!r}, is not {_ORDER_NAMES[order]}"
            for order, (row, text) in sorted(facts.excluded.items())
        )
        return Question(
            f"No order of day and month reads all dates: {told}.",
            [
                (f"--date-format {order}", f"refuses such as {facts.excluded[order][1]!r}")
                for order in sorted(facts.excluded)
            ],
        )
    row, _ = facts.telling[0]
    choices = []
    for order in possible:
        shown = [
            f"{text!r} is {_plain(written_date(text).readings[order])}"
            for _, text in facts.telling
            if order in written_date(text).readings
        ]
        choices.append((f"--date-format {order}", f"{_ORDER_NAMES[order]}: {', '.join(shown)}"))
    return Question(
        f"Dates can be read in {'two' if len(possible) == 2 else 'several'} ways (from row {row} on).", choices
    )


def _plain(at: datetime) -> str:
    return f"{at.day} {at:%B %Y}"


def _zone_question(row: int, found: Any, orders: Dictionary[str, str]) -> Question:
    at = found
    if isinstance(found, str):
        shape, readings = written_date(found)
        at = (
            readings[orders.get(shape, next(iter(readings)))]
            if orders.get(shape, "") in readings or "" in readings
            else next(iter(readings.values()))
        )
    local = at if isinstance(at, datetime) else datetime(at.year, at.month, at.day)
    choices = [
        (f"--zone {name}", f"it is {local.replace(tzinfo=zone_of(name)).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")
        for name in ("UTC", "Europe/Berlin", "America/New_York")
    ]
    return Question(f"Times have no zone (row {row}: {str(found)!r}). Whose clock is it? For example:", choices)


def _meanings(mapping: Mapping, facts: TextFacts, questions: list[Question]) -> dict[str, Meaning]:
    meanings: dict[str, Meaning] = {}
    open_words: list[tuple[str, int]] = []
    for word, count in facts.words.most_common():
        meaning = meaning_of(word, mapping.statuses)
        if meaning is None:
            open_words.append((word, count))
        else:
            meanings[plain_status(word)] = meaning
    for word, count in open_words[:10]:
        plural = "order has" if count == 1 else "rows have"
        about = f"{count:,} {plural} the status {word!r}. What does it mean? {', '.join(MEANINGS)}; for example:"
        questions.append(
            Question(
                about,
                [
                    (f"--status {_quoted(word + '=sale')}", "they count"),
                    (f"--status {_quoted(word + '=no_sale')}", "they are left out"),
                ],
            )
        )
    return meanings


def _quoted(text: str) -> str:
    return f"'{text}'" if re.search(r"[^\w=-]", text) else text


def _order_rows(
    columns: Dictionary[str, str], mapping: Mapping, facts: OrderRowFacts, questions: list[Question]
) -> OrderRows:
    if mapping.order_rows is not None:
        return mapping.order_rows
    if "event_id" in columns:
        return "each"
    if not facts.several:
        return "first"
    if "amount" not in columns:
        return "sum"
    if facts.blank_after_first == facts.several:
        return "first"
    if facts.differing and not facts.other_times and not facts.blank_after_first:
        return "sum"  # an amount that is repeated would be the same in every row of an order
    order, amounts = facts.same or facts.other_times or facts.differing or ("", [])
    shown = " and ".join(str(amount) for amount in amounts[:3])
    about = f"{facts.several:,} orders have several rows, such as {order!r} with {shown}."
    second = (
        ("--order-rows same", "each row repeats the order's amount")
        if facts.same
        else ("--order-rows each", "the row of the latest time counts")
    )
    questions.append(
        Question(about, [("--order-rows sum", "the rows are lines of the order, and their amounts add up"), second])
    )
    return "first"
