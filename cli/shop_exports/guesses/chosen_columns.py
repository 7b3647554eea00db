"""Which column of a table is which field: as was said, or by the headers; where several fit, it is asked."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from cli.formats.file_invalid import FileInvalid
from cli.shop_exports.cell_text.header_words import Kind, guess_columns, plain_header
from cli.shop_exports.guesses.questions import Question
from cli.shop_exports.mapping import Mapping
from cli.tables.table import Table

__all__ = ["Choice", "choose_columns"]

_CUSTOMER: Final = ("customer_id", "email", "visitor_id")
_NEEDED: Final[dict[Kind, tuple[tuple[str, ...], ...]]] = {
    "orders": (("order_id",), _CUSTOMER, ("occurred_at",), ("amount", "price")),
    "customers": (_CUSTOMER,),
    "sessions": (("session_id",), _CUSTOMER, ("occurred_at", "started_at")),
}
"""By kind the fields that an export must have, each or one of several."""
_SHOWN: Final = 40


@dataclass
class Choice:
    """The column of each field; the fields for which several columns fit, to be compared; what is open."""

    columns: dict[str, str]
    several: dict[str, list[str]] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)


def choose_columns(kind: Kind, table: Table, mapping: Mapping, *, named: Sequence[str] = ()) -> Choice:
    """Return the column of each field of a table.

    The columns of the fields that are `named` by `--map` must be there; a preset's may be missing.

    Raises:
        FileInvalid: a column that was named is not there.
    """
    given = {}
    for name, wanted in mapping.columns.items():
        column = next((found for each in wanted if (found := _present(each, table.columns))), None)
        if column is not None:
            given[name] = column
        elif name in named:
            raise FileInvalid(
                table.name, "", f"has no column {wanted[0]!r} for {name}; it has {_listed(table.columns)}"
            )
    choice = Choice(dict(given))
    for name, hits in ({} if mapping.preset else guess_columns(kind, table.columns, given)).items():
        choice.columns[name] = hits[0]
        if len(hits) > 1 and plain_header(hits[0]) != plain_header(name):
            choice.several[name] = hits
    if "amount" in choice.columns and "amount" not in given and "price" in given:
        del choice.columns["amount"]
    for names in _needed(kind, mapping):
        if not any(name in choice.columns for name in names):
            choice.questions.append(_missing(names, table, mapping))
    if kind == "customers" and "occurred_at" not in choice.columns and mapping.as_of is None:
        about = f"{table.name}: no column says when a row was so, and a later profile goes before an earlier one."
        told = [
            ("--as-of 2026-01-31T12:00:00Z", "when the export was made"),
            ("--map occurred_at=COLUMN", "its column"),
        ]
        choice.questions.append(Question(about, told))
    return choice


def _needed(kind: Kind, mapping: Mapping) -> tuple[tuple[str, ...], ...]:
    unnamed = kind == "orders" and mapping.order_rows == "each"
    return tuple(names for names in _NEEDED[kind] if not (unnamed and names == ("order_id",)))


def _present(wanted: str, columns: Sequence[str]) -> str | None:
    if wanted in columns:
        return wanted
    same = [column for column in columns if plain_header(column) == plain_header(wanted)]
    return same[0] if len(same) == 1 else None


def _missing(names: tuple[str, ...], table: Table, mapping: Mapping) -> Question:
    preset = f" of {mapping.preset}" if mapping.preset else ""
    told = " or ".join(name.replace("_", " ") for name in names if name != "visitor_id")
    about = f"{table.name}: no column{preset} is known to be the {told}. The columns are {_listed(table.columns)}."
    choices = [(f"--map {name}=COLUMN", "its column") for name in names if name != "visitor_id"]
    if names == ("order_id",):
        choices.append(("--order-rows each", "there are no order ids: each row is an order of its own"))
    return Question(about, choices)


def _listed(columns: Sequence[str]) -> str:
    more = [f"and {len(columns) - _SHOWN} more"] if len(columns) > _SHOWN else []
    return ", ".join([*map(str, columns[:_SHOWN]), *more])
