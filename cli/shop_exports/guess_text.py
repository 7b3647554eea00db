"""What was found out about an export, for people and as JSON."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from cli.shop_exports.shop_export import Part, ShopExport
from events.schema.inputs import Event

__all__ = ["as_json", "guess_document", "guess_lines", "outcome_document", "outcome_lines"]

_ORDER_NAMES: Final = {"dmy": "day first", "mdy": "month first", "ymd": "year first"}


def guess_document(export: ShopExport) -> list[dict[str, Any]]:
    """Return how each group of files with the same columns is read."""
    return [_part_document(export, part) for part in export.parts]


def _part_document(export: ShopExport, part: Part) -> dict[str, Any]:
    reading = part.reading
    used = set(reading.columns.values())
    document: dict[str, Any] = {
        "files": [table.name for table in part.tables],
        **part.tables[0].notes,
        "preset": export.mapping.preset,
        "columns": dict(reading.columns),
        "unused_columns": [column for column in part.tables[0].columns if column not in used],
        "decimal": reading.mark,
        "dates": sorted(set(reading.date_orders.values())) or ([reading.strptime] if reading.strptime else []),
        "zone": None if reading.zone is None else str(reading.zone),
        "currency": reading.currency or ("by sign" if reading.currency_by_sign else None),
        "statuses": dict(reading.meanings),
        "order_rows": reading.order_rows if export.kind == "orders" else None,
    }
    return {key: value for key, value in document.items() if value not in (None, {}, [])}


def guess_lines(export: ShopExport) -> list[str]:
    """Return how the files are read, a line for each thing."""
    lines = []
    for document in guess_document(export):
        files = document.pop("files")
        lines.append(", ".join(files[:3]) + (f" and {len(files) - 3} more" if len(files) > 3 else ""))
        for key, value in document.items():
            lines.append(f"  {key.replace('_', ' '):<15} {_told(key, value)}")
    return lines


def _told(key: str, value: Any) -> str:
    if key == "dates":
        return ", ".join(_ORDER_NAMES.get(each, each) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} = {each}" for name, each in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def outcome_document(export: ShopExport) -> dict[str, Any]:
    """Return what became of the rows."""
    summary, refusals = export.summary, export.refusals
    return {
        "rows": summary.rows,
        "rows_repeated": summary.repeated,
        "events": dict(summary.events),
        "no_sales": dict(summary.no_sales),
        "currencies": dict(summary.currencies),
        "rows_refused": refusals.rows,
        "refused": dict(refusals.counts.most_common()),
        "first_refused": [each._asdict() for each in refusals.first],
    }


def outcome_lines(export: ShopExport) -> list[str]:
    """Return what became of the rows, a line for each thing."""
    summary, refusals = export.summary, export.refusals
    made = ", ".join(f"{count:,} {kind}" for kind, count in summary.events.items()) or "no event"
    lines = [f"{summary.rows:,} rows: {made}"]
    if summary.no_sales:
        told = ", ".join(f"{count:,} {status}" for status, count in summary.no_sales.items())
        lines.append(f"not counted as sales, by their status: {told}")
    if summary.repeated:
        lines.append(f"{summary.repeated:,} rows that a further file tells again were left out")
    if len(summary.currencies) > 1:
        told = ", ".join(f"{count:,} {currency}" for currency, count in summary.currencies.items())
        lines.append(f"currencies: {told}; workers need SHOAL_CURRENCY and SHOAL_CURRENCY_RATES to add them up")
    if refusals.rows:
        lines.append(f"{refusals.rows:,} rows refused:")
        lines += [f"  {count:,}: {reason}" for reason, count in refusals.counts.most_common(10)]
        lines.append("the first of them:")
        lines += [f"  {each}" for each in refusals.first]
    return lines


def as_json(events: Sequence[Event]) -> list[Any]:
    """Return events as they are published."""
    return [msgspec.json.decode(event.to_json()) for event in events]
