"""`make bench`: the whole suite, or parts of it, into a table, bench/RESULTS.md and bench/results.json."""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.job.servers import start_servers
from bench.parts import PART_OF, Plan, Session
from bench.reporting.machine import describe_machine, stamp
from bench.reporting.recording import RESULTS, record
from bench.reporting.result_tables import print_tables
from bench.reporting.results_file import PARTS, merge, read_results

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure part by part; the results are written after each, so that a break loses one part only."""
    options = _options(arguments)
    console, errors = Console(), Console(stderr=True, highlight=False)
    plan = Plan(runs=options.runs, backlog=options.backlog, peers=tuple(options.peers))
    plan = plan.small() if options.small else plan
    machine, measured = describe_machine(), stamp(sys.argv[1:] if arguments is None else arguments)
    document: dict[str, Any] | None = read_results(options.results)
    session = Session(plan, errors.print, _known_maximum(document, machine, measured))
    failed = []
    for name in options.only:
        errors.rule(name)
        began = time.monotonic()
        try:
            figures = _measure(session, name, errors)
        except Exception:  # the other parts are measured all the same
            errors.print_exception()
            failed.append(name)
            continue
        if options.small:
            document = merge(document, machine, measured, {name: figures})
        else:
            document = record({name: figures}, machine, measured, options.results)
        errors.print(f"{name} took {time.monotonic() - began:.0f} s")
    if document:
        print_tables(document, console)
    if failed:
        raise SystemExit(f"without figures: {', '.join(failed)}")


def _measure(session: Session, name: str, errors: Console) -> dict[str, Any]:
    """Measure one part on brokers of its own."""
    with start_servers() as brokers:
        figures = PART_OF[name](session, brokers)
    for line in brokers.logged_problems[:20]:
        errors.print(f"a worker logged: {line}", markup=False)
    return figures if name == "peers" else {**figures, "worker_complaints": len(brokers.logged_problems)}


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.main", description=__doc__)
    parser.add_argument("--only", type=_names(PARTS), default=list(PARTS), help=f"some of {','.join(PARTS)}")
    parser.add_argument("--peers", type=_names(), default=[], help="peers by name, separated by commas; default all")
    parser.add_argument("--runs", type=int, default=Plan.runs, help="runs of each measurement")
    parser.add_argument("--backlog", type=int, default=Plan.backlog, help="events of the catch-up")
    parser.add_argument("--small", action="store_true", help="little of everything, once; nothing is written")
    parser.add_argument("--results", type=Path, default=RESULTS, help="JSON file to merge into")
    options = parser.parse_args(arguments)
    if options.runs < 1:
        parser.error("--runs must be 1 or more")
    return options


def _names(known: Sequence[str] = ()) -> Callable[[str], list[str]]:
    """Return what reads names separated by commas, each one of those that there are."""

    def read(text: str) -> list[str]:
        names = [name.strip() for name in text.split(",") if name.strip()]
        unknown = [name for name in names if known and name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"there is no {unknown[0]!r}; there are {', '.join(known)}")
        return names

    return read


def _known_maximum(document: dict[str, Any] | None, machine: dict[str, Any], measured: dict[str, str]) -> float:
    """Return the throughput that was measured on this very commit and machine, 0 where there is none."""
    alone = merge(document, machine, measured, {}).get("throughput", {})
    same = alone.get("measured", {}).get("commit") == measured["commit"] and not measured["commit"].endswith("+")
    return float(alone["events_per_s"]) if same else 0.0


if __name__ == "__main__":
    main()
