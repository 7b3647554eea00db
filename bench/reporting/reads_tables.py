"""Reads of segments over HTTP as a table."""

from collections.abc import Mapping
from typing import Any

from bench.reporting.table import ResultTable, commit_of

__all__ = ["reads_tables"]


def reads_tables(part: Mapping[str, Any]) -> list[ResultTable]:
    """Return the table of the reads."""
    paced, api, bare = part["paced"], part["api"], part["bare"]
    rows = [
        ("reads/s asked for and answered", f"{part['rate']:,.0f} and {paced['per_s']:,.0f}"),
        ("p50, ms", _with_spread(paced, "p50_ms")),
        ("p99, ms", _with_spread(paced, "p99_ms")),
        ("longest, ms", _with_spread(paced, "max_ms")),
        ("sent behind the pace, p99, ms", _with_spread(paced, "late_p99_ms")),
        ("CPU of the API by read at that pace, µs", f"{part['cpu_us']:.0f}"),
        ("reads/s at most, the API", _with_spread(api, "per_s")),
        ("reads/s at most, bare Starlette with one GET", _with_spread(bare, "per_s")),
        (
            "the API's maximum, of the bare one's",
            "{:.2f} ({:.2f} to {:.2f})".format(part["ratio"], *part["ratio_spread"]),
        ),
        ("not answered with 200", f"{part['refused']:,}"),
    ]
    note = (
        "`make bench-reads`: GET /v1/customers/{id}/segment with a key, "
        f"{part['customers']:,} customers by turns, 32 connections that stay open, one server process on a core of its "
        "own; Redis and the load share the others. Latency counts from the time at which an exact pace would have sent "
        "the request. The maxima, with four requests on their way on each connection, were measured in turn. The API "
        "checks key, scope and rate, counts for metrics and audit log, and sends security headers; the bare endpoint "
        "does none of that, but reads Redis once for each request, where the API gathers those of a millisecond."
    )
    return [ResultTable("Reads over HTTP", note, ("figure", "value"), rows, commit_of(part))]


def _with_spread(part: Mapping[str, Any], name: str) -> str:
    low, high = part["spread"][name]
    return f"{part[name]:,.1f} ({low:,.1f} to {high:,.1f})"
