"""The first way through an export: what its columns prove, and which columns say the same."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cli.shop_exports.cell_text.header_words import AMOUNTS, INSTANTS
from cli.shop_exports.guesses.chosen_columns import Choice
from cli.shop_exports.guesses.column_facts import is_absent, number_text
from cli.shop_exports.guesses.order_row_facts import id_hashes
from cli.shop_exports.guesses.questions import Question
from cli.shop_exports.guesses.reading import Facts
from cli.shop_exports.mapping import Mapping
from cli.tables.table import Chunk, Table

__all__ = ["collect_facts", "group_name", "kept_rows", "scattered_rows"]

_IDS: Final = ("order_id", "customer_id", "session_id")
_COUNTS: Final = (*AMOUNTS, "quantity")


def collect_facts(
    table: Table, choice: Choice, mapping: Mapping, facts: Facts, seen: Callable[[Table], None], group: str | None
) -> list[Question]:
    """Add what a table proves to the facts; return which of several columns are to be chosen from.

    `seen` is called after each chunk, for a progress bar. `group` is the field whose rows belong together, if any.
    """
    columns = choice.columns
    rivals = {name: dict.fromkeys(hits[1:], True) for name, hits in choice.several.items()}
    examples: dict[str, tuple[int, list[Any]]] = {}
    for chunk in table.chunks():
        kept = kept_rows(chunk, mapping)
        cells = {name: kept.cells[column].tolist() for name, column in columns.items()}
        _compare(kept, choice, rivals, examples)
        _add_columns(facts, cells, kept, columns)
        if group is not None and group in cells:
            amounts = cells.get("amount") or [None] * len(kept.rows)
            facts.order_rows.add(list(map(group_name, cells[group])), amounts, cells.get("occurred_at", amounts))
        facts.rows += len(chunk.rows) + len(chunk.faults)
        seen(table)
    facts.order_rows.close()
    return [
        _several(name, [choice.columns[name], *others], examples.get(name)) for name, others in _left(rivals).items()
    ]


def _left(rivals: dict[str, dict[str, bool]]) -> dict[str, list[str]]:
    """Return the columns that say something else than the first."""
    left = {name: [column for column, same in others.items() if not same] for name, others in rivals.items()}
    return {name: columns for name, columns in left.items() if columns}


def _compare(
    chunk: Chunk, choice: Choice, rivals: dict[str, dict[str, bool]], examples: dict[str, tuple[int, list[Any]]]
) -> None:
    for name, others in rivals.items():
        first = chunk.cells[choice.columns[name]]
        for column in others:
            differs = np.flatnonzero((first != chunk.cells[column]) & ~(first.isna() & chunk.cells[column].isna()))
            if len(differs):
                others[column] = False
                place = int(differs[0])
                shown = [chunk.cells[each].iloc[place] for each in (choice.columns[name], *others)]
                examples.setdefault(name, (int(chunk.rows[place]), shown))


def _several(name: str, columns: list[str], example: tuple[int, list[Any]] | None) -> Question:
    row, shown = example or (0, [])
    values = dict(zip(columns, shown, strict=False))
    return Question(
        f"Several columns may be the {name.replace('_', ' ')} (row {row} tells them apart).",
        [(f"--map {name}={_quoted(column)}", f"it is {values.get(column)!r} there") for column in columns],
    )


def _quoted(column: str) -> str:
    return f"'{column}'" if " " in column or "#" in column else column


def _add_columns(facts: Facts, cells: dict[str, list[Any]], chunk: Chunk, columns: dict[str, str]) -> None:
    rows = chunk.rows.tolist()
    for name, values in cells.items():
        if name in _COUNTS:
            facts.amounts.add(values, rows)
        elif name in INSTANTS:
            facts.instants.add(values, rows)
        elif name == "status":
            facts.statuses.add(values, count=True)
        elif name in _IDS:
            facts.ids.setdefault(name, type(facts.statuses)()).add(values, count=False)
    if "currency" in columns and ("amount" in columns or "price" in columns):
        amounts = cells["amount" if "amount" in columns else "price"]
        names = cells.get("order_id", amounts)  # a row of totals below the orders names none
        rows_of = zip(cells["currency"], amounts, names, strict=True)
        facts.blank_currencies += sum(
            is_absent(code) and not is_absent(amount) and not is_absent(name) for code, amount, name in rows_of
        )


def group_name(cell: Any) -> str:
    """Return the id by which rows belong together, "" where there is none."""
    return "" if cell is None else number_text(cell).strip()


def kept_rows(chunk: Chunk, mapping: Mapping) -> Chunk:
    """Return the rows that the mapping keeps (`only`)."""
    keep = np.ones(len(chunk.rows), bool)
    for column, values in mapping.only.items():
        if column in chunk.cells.columns:
            keep &= chunk.cells[column].astype(str).isin(values).to_numpy(bool)
    return chunk if keep.all() else Chunk(chunk.cells[keep], chunk.rows[keep], chunk.faults)


def scattered_rows(
    tables: Iterable[Table], column: str, mapping: Mapping, hashes: npt.NDArray[np.uint64]
) -> Iterator[tuple[Table, str, int, dict[str, Any]]]:
    """Yield the rows whose id has a hash among `hashes` (n,), reading the tables again.

    Each comes with its table, its id, its number and its cells by column.
    """
    for table in tables:
        for chunk in table.chunks():
            kept = kept_rows(chunk, mapping)
            names = list(map(group_name, kept.cells[column].tolist()))
            places = np.flatnonzero(np.isin(id_hashes(names), hashes))
            cells = kept.cells.iloc[places].to_dict("records")
            for place, row in zip(places.tolist(), cells, strict=True):
                yield table, names[place], int(kept.rows[place]), {str(name): cell for name, cell in row.items()}
