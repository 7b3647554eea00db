"""The segments, and the moves between them, as tables on the terminal."""

from collections.abc import Sequence
from typing import Any

__all__ = ["flows_table", "segments_table"]


def segments_table(document: dict[str, Any]) -> Any:
    """Return the table of the segments."""
    from rich.table import Table

    source = f"baseline {document['baseline']}" if document["baseline"] else "RFM tiers, before the first baseline"
    table = Table(title=f"{document['customers']:,} customers ({source})")
    table.add_column("segment", no_wrap=True)
    for heading in ("customers", "share", "days since last order", "orders", "net spend", "name holds"):
        table.add_column(heading, justify="right")
    for cells in _cells_of(document):
        table.add_row(*cells)
    return table


def flows_table(document: dict[str, Any]) -> Any:
    """Return the table of the flows."""
    from rich.table import Table

    table = Table(title=f"{document['moves']:,} moves from {document['since']} to {document['until']} (UTC)")
    for heading in ("from", "to", "cause"):
        table.add_column(heading)
    table.add_column("moves", justify="right")
    for each in document["flows"]:
        table.add_row(
            each["from_segment"] or "(new)",
            each["to_segment"] or "(merged into another)",
            each["cause"],
            f"{each['moves']:,}",
        )
    return table


def _cells_of(document: dict[str, Any]) -> Sequence[Sequence[str]]:
    """Return the cells of the table of segments."""
    return [
        (
            each["segment"],
            f"{each['customers']:,}",
            f"{each['share']:.1%}",
            *(_cell(each["profile"][name]) for name in ("recency_days", "frequency", "monetary")),
            "–" if each["holds"] is None else f"{each['holds']:.0%}",
        )
        for each in document["segments"]
    ]


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:,.1f}"
