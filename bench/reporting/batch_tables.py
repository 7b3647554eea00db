"""Re-baselines as tables: how long one takes, and what a worker beside it notices."""

from collections.abc import Mapping
from typing import Any

from bench.reporting.table import ResultTable, commit_of

__all__ = ["latency_tables", "rebaseline_tables"]

Document = Mapping[str, Any]


def rebaseline_tables(part: Document) -> list[ResultTable]:
    """Return the table of a whole re-baseline."""
    rows = [
        ("customers read and assigned", f"{part['assigned']:,} of {part['customers']:,}"),
        ("customers fitted on", f"{part['fitted']:,}"),
        ("seconds, the whole process", f"{part['wall_s']:.1f}"),
        ("of them reading, fitting, assigning", ", ".join(f"{part[f'{name}_s']:.1f}" for name in _STEPS)),
        ("largest resident memory, MB", f"{part['peak_mb']:,}"),
    ]
    note = "`make bench-rebaseline`: `shoal rebaseline` without publishing, one run."
    return [ResultTable("Re-baseline", note, ("figure", "value"), rows, commit_of(part))]


def latency_tables(part: Document) -> list[ResultTable]:
    """Return the table of a worker's latency beside a re-baseline."""
    runs = {name: each for name, each in part.items() if name != "measured"}
    rows = [
        (
            name,
            *(f"{each[f'{figure}_ms']:.1f}" for figure in ("p50", "p99", "p999")),
            f"{each['changes']:,}",
            f"{each['rebaseline_s']:.0f}" if each["rebaseline_s"] else "-",
        )
        for name, each in runs.items()
    ]
    first = next(iter(runs.values()))
    note = (
        f"`make bench-beside`: milliseconds from an order to its change being read, at {first['rate']:,.0f} orders/s, "
        f"while `shoal rebaseline` works on {first['customers']:,} customers on the same two cores. One run each."
    )
    columns = ("worker", "p50", "p99", "p99.9", "changes", "re-baseline, s")
    return [ResultTable("A worker beside a re-baseline", note, columns, rows, commit_of(part))]


_STEPS = ("read", "fit", "assign")
