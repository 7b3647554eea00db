"""A baseline as tables on the terminal."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from events.schema.outputs import Baseline

__all__ = ["baseline_tables"]


def baseline_tables(baseline: "Baseline", status: str) -> Iterator[Any]:
    """Yield the table of the segments, the sentence of the choice, and the table of the moves."""
    yield _segments(baseline, status)
    if baseline.reason:
        yield _text(baseline.reason)
    moving = [each for each in baseline.moves if each.source is not None and each.source != each.target]
    if moving:
        yield _moves(baseline, sorted(moving, key=lambda each: -each.customers))
    elif baseline.moves and baseline.follows:
        yield _text("nobody would move")


def _text(text: str) -> Any:
    from rich.text import Text

    return Text(text)


def _segments(baseline: "Baseline", status: str) -> Any:
    from rich.markup import escape
    from rich.table import Table

    silhouette = "–" if baseline.silhouette is None else f"{baseline.silhouette:.3f}"
    number = "not stored" if status == "fitted" else f"baseline {baseline.baseline}"
    words = "live" if status == "approved" else status
    table = Table(title=f"{number}, {words}: {baseline.algorithm}, k = {baseline.k}, silhouette {silhouette}")
    lineage = {each.segment_id: each for each in baseline.lineage if each.kind != "retired"}
    total = max(1, sum(each.customers for each in baseline.segments))
    for heading in ("id", "segment", "from", "customers", "share", *baseline.features):
        table.add_column(heading, justify="left" if heading in ("id", "segment", "from") else "right")
    for each in baseline.segments:
        line = lineage.get(each.segment_id)
        others = [one for one in line.related if one != each.segment_id] if line else []
        table.add_row(
            each.segment_id,
            escape(each.segment),
            " ".join([line.kind, *others]) if line else "–",
            f"{each.customers:,}",
            f"{each.customers / total:.1%}",
            *(_figure(each.profile.get(name)) for name in baseline.features),
        )
    for gone in (each for each in baseline.lineage if each.kind == "retired" and baseline.follows):
        table.add_row(gone.segment_id, escape(gone.segment), " ".join(["retired into", *gone.related]), "", "")
    return table


def _moves(baseline: "Baseline", moving: list[Any]) -> Any:
    from rich.markup import escape
    from rich.table import Table

    names = {each.segment_id: each.segment for each in baseline.lineage}
    names |= {each.segment_id: each.segment for each in baseline.segments}
    had = sum(each.customers for each in baseline.moves if each.source is not None)
    count = sum(each.customers for each in moving)
    table = Table(title=f"{count:,} of {had:,} customers move ({count / had:.1%})")
    table.add_column("from")
    table.add_column("to")
    table.add_column("customers", justify="right")
    for each in moving:
        table.add_row(escape(_label(each.source, names)), escape(_label(each.target, names)), f"{each.customers:,}")
    return table


def _label(segment_id: str, names: dict[str, str]) -> str:
    return f"{names[segment_id]} ({segment_id})" if segment_id in names else segment_id


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:,.1f}"
