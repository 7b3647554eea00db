"""`make bench-quick`: throughput and latency of this working copy, in under two minutes, without peers."""

import argparse
import json
import platform
import statistics
import sys
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.latency import measure_latency
from bench.stage import stage
from bench.throughput import measure_throughput


def main() -> None:
    """Measure, print a table, and with --json one document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="throughput runs after one that warms up")
    parser.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    options = parser.parse_args()
    with stage() as brokers:
        measure_throughput(brokers)
        runs = [measure_throughput(brokers) for _ in range(options.runs)]
        latencies = [measure_latency(brokers, rate) for rate in (1_000, 10_000)]
    document: dict[str, Any] = {
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "throughput": {
            name: {"median": statistics.median(figures), "min": min(figures), "max": max(figures)}
            for name, figures in ((field, [getattr(run, field) for run in runs]) for field in runs[0]._fields)
        },
        "latency": {str(each.rate): each._asdict() for each in latencies},
    }
    if options.json:
        json.dump(document, sys.stdout, indent=2)
        return
    table = Table("figure", "median", "min", "max")
    for name, figures in document["throughput"].items():
        table.add_row(name, *(f"{figures[part]:,.2f}" for part in ("median", "min", "max")))
    for each in latencies:
        row = (f"p50 {each.p50_ms:.1f}", f"p99 {each.p99_ms:.1f}", f"p99.9 {each.p999_ms:.1f}")
        table.add_row(f"latency at {each.rate:,}/s, ms", *row)
    Console().print(table)


if __name__ == "__main__":
    main()
