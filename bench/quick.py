"""`make bench-quick`: throughput and latency of this working copy, in under two minutes, without peers."""

import argparse
import json
import sys

from rich.console import Console
from rich.table import Table

from bench.job.servers import start_servers
from bench.reporting.result_tables import number
from bench.reporting.run_statistics import summary
from bench.speed.latency import measure_latency, warm_up
from bench.speed.throughput import fixed_job, measure_throughput


def main() -> None:
    """Measure, print a table, or with --json one document."""
    parser = argparse.ArgumentParser(prog="python -m bench.quick", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="throughput runs after one that warms up")
    parser.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    options = parser.parse_args()
    with start_servers() as brokers:
        measure_throughput(brokers, fixed_job(100_000))
        throughput = summary([measure_throughput(brokers)._asdict() for _ in range(options.runs)])
        warm_up(brokers)
        latency = {str(rate): measure_latency(brokers, rate, 6.0)._asdict() for rate in (1_000, 10_000)}
    if options.json:
        json.dump({"throughput": throughput, "latency": latency}, sys.stdout, indent=2)
        return
    table = Table("figure", "median", "min", "max")
    for name, (low, high) in throughput["spread"].items():
        table.add_row(name, *map(number, (throughput[name], low, high)))
    for rate, each in latency.items():
        for what, prefix in (("change read", ""), ("view readable", "view_")):
            row = (f"{part} {each[f'{prefix}{field}_ms']:.1f}" for part, field in _PERCENTILES)
            table.add_row(f"{what} at {int(rate):,}/s, ms", *row)
    Console().print(table)
    for line in brokers.logged_problems:
        Console(stderr=True).print(f"a worker logged: {line}", markup=False)


_PERCENTILES = (("p50", "p50"), ("p99", "p99"), ("p99.9", "p999"))


if __name__ == "__main__":
    main()
