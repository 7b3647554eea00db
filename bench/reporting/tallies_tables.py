"""The experiment consumer's figures as a table."""

from collections.abc import Mapping
from typing import Any

from bench.reporting.table import ResultTable, commit_of

__all__ = ["tallies_tables"]


def tallies_tables(part: Mapping[str, Any]) -> list[ResultTable]:
    """Return the table of exactness, throughput and delay."""
    exact, flow, delay = part["exactness"], part["throughput"], part["delay"]
    equal = "all sums equal" if exact["exact"] else "sums differ"
    rows = [
        (f"against pandas: {exact['events']:,} shuffled events of {exact['customers']:,} customers", equal),
        ("events/s, one consumer, all that there is", f"{flow['events_per_s']:,.0f}"),
        ("CPU-seconds of the consumer per million events", f"{flow['cpu_s_per_million']:.1f}"),
        ("peak memory, MB", f"{flow['peak_mb']:.0f}"),
        ("asked for, events/s", f"{delay['events_per_s']:,.0f}"),
        ("share of a core at that", f"{delay['cpu_share']:.2f}"),
        ("from the event to its tally, ms, p50, p99, longest", _delays(delay)),
        ("the same in the first seconds of a new broker", _delays(delay["warming_up"])),
    ]
    note = (
        "`make bench-tallies`: exposures, conversions and orders; a tenth of the events twice, five SIGKILLs and a "
        "rebalance in the run that is compared with pandas. One run."
    )
    return [ResultTable("Tallies of experiments", note, ("figure", "value"), rows, commit_of(part))]


def _delays(part: Mapping[str, Any]) -> str:
    return ", ".join(f"{part[f'{name}_ms']:.0f}" for name in ("p50", "p99", "max"))
