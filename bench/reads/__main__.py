"""`python -m bench.reads`: measure reads of segments over HTTP, into bench/RESULTS.md and bench/results.json."""

import argparse
import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from bench.reads.measuring import Plan, measure_reads
from bench.reporting.machine import describe_machine, stamp
from bench.reporting.recording import RESULTS, record
from cli.local.embedded import start_redis


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and put the figures beside those of the other benchmarks."""
    parser = argparse.ArgumentParser(prog="python -m bench.reads", description=__doc__)
    parser.add_argument("--rounds", type=int, default=Plan.rounds, help="rounds of API and bare endpoint in turn")
    parser.add_argument("--small", action="store_true", help="one short round; nothing is written")
    parser.add_argument("--results", type=Path, default=RESULTS, help="JSON file to merge into")
    options = parser.parse_args(arguments)
    errors = Console(stderr=True, highlight=False)
    plan = replace(Plan(), rounds=options.rounds)
    if options.small:
        plan = replace(plan, rounds=1, paced_s=1.0, fastest_s=1.0, customers=2_000)
    machine, measured = describe_machine(), stamp([], "bench.reads")
    with tempfile.TemporaryDirectory(prefix="shoal-reads-") as folder, start_redis(Path(folder) / "redis") as server:
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(server.pid, set(cores[1:] or cores))
        figures = measure_reads(server.url, Path(folder), plan, errors.print)
    errors.print(figures)
    if not options.small:
        record({"reads": figures}, machine, measured, options.results)


if __name__ == "__main__":
    main()
