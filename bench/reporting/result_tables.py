"""The results as tables: the same for the terminal and for RESULTS.md."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.reporting.batch_tables import latency_tables, rebaseline_tables
from bench.reporting.quality_tables import quality_tables
from bench.reporting.reads_tables import reads_tables
from bench.reporting.table import ResultTable, commit_of
from bench.reporting.tallies_tables import tallies_tables

__all__ = ["ResultTable", "markdown", "print_tables", "result_tables"]

Document = Mapping[str, Any]
_REACHED = {True: "reached", False: "**not reached**", None: "not measured"}

_BYTES = ("bytes_per_customer", "record_bytes", "view_bytes")
_HEAD = (
    "Written by `make bench` (`{command}`) at {at}, commit {commit}. Figures are medians, with the smallest and the "
    "largest run in brackets; the end state of every run was compared with a plain replay. Absolute figures depend on "
    "the machine; ratios carry over."
)


def result_tables(results: Document) -> list[ResultTable]:
    """Return the tables of a results document; what was not measured is left out."""
    made = [_machine(results), _targets(results)]
    for name, make in _SHEETS.items():
        if results.get(name):
            made += make(results[name])
    return made


def markdown(results: Document) -> str:
    """Return RESULTS.md."""
    parts = [
        "# Results of the benchmarks",
        _HEAD.format(**results),
    ]
    for result in result_tables(results):
        head = f"| {' | '.join(result.columns)} |\n|{' --- |' * len(result.columns)}"
        body = "".join(f"\n| {' | '.join(_cell(cell) for cell in row)} |" for row in result.rows)
        other = f" Measured on commit {result.commit}." if result.commit not in ("", results["commit"]) else ""
        note = f"\n\n{result.note}{other}" if result.note or other else ""
        parts.append(f"## {result.title}{note}\n\n{head}{body}")
    return "\n\n".join(parts) + "\n"


def print_tables(results: Document, console: Console) -> None:
    """Print the tables."""
    for result in result_tables(results):
        table = Table(*result.columns, title=result.title, title_justify="left", caption=result.note or None)
        for row in result.rows:
            table.add_row(*(cell.replace("**", "") for cell in row))
        console.print(table)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _machine(results: Document) -> ResultTable:
    rows = [(name.replace("_", " "), str(value)) for name, value in results["machine"].items()]
    return ResultTable("Machine", "", ("what", "value"), rows)


def _targets(results: Document) -> ResultTable:
    rows = []
    for target in results["targets"]:
        unit = target["unit"]
        figure = "-" if target["figure"] is None else f"{number(target['figure'])} {unit}".strip()
        other = target["commit"] not in (None, results["commit"])
        rows.append(
            (
                target["what"],
                target["target"],
                figure,
                _REACHED[target["reached"]] + (f" (commit {target['commit']})" if other else ""),
            )
        )
    return ResultTable("Targets", "", ("what", "target", "figure", ""), rows)


def _throughput(part: Document) -> Iterator[ResultTable]:
    names = {
        "events_per_s": "events/s",
        "cpu_s_per_million": "CPU-seconds of the worker per million events",
        "redis_cpu_s_per_million": "CPU-seconds of Redis per million events",
        "rss_mb": "peak memory of the worker, MB",
        "redis_bytes_per_customer": "bytes of Redis a customer, all keys",
        "changes": "segment changes",
    }
    mixed = part.get("mixed", {})
    rows = [(text, _with_spread(part, name), _with_spread(mixed, name)) for name, text in names.items()]
    note = "One worker, four pre-loaded partitions, every invariant and full validation on, settings at their defaults."
    yield ResultTable("Throughput", note, ("figure", "the job", "8 features, half sessions"), rows, commit_of(part))


def _latency(part: Document) -> Iterator[ResultTable]:
    columns = ("events/s", "handed over", "late p99", "change p50", "p99", "p99.9", "view p50", "p99", "p99.9", "look")
    names = ("p50_ms", "p99_ms", "p999_ms", "view_p50_ms", "view_p99_ms", "view_p999_ms", "view_poll_ms")
    rows = []
    for each in part.values():
        if isinstance(each, Mapping) and "rate" in each:
            paced = (number(each["rate"]), number(each["achieved"]), _with_spread(each, "late_p99_ms"))
            rows.append((*paced, *(_with_spread(each, name) for name in names)))
    note = (
        "Milliseconds from handing an order to Kafka's client until its change was read by a consumer, and until its "
        "`segment:<id>` was found in Redis, asked about every millisecond for 200 new customers a second (`look`: "
        "median time between two looks, the resolution). Two orders of five are a customer's first and make a change; "
        "publisher, worker and consumer are processes of their own that share the clock. `late`: behind an exact pace."
    )
    yield ResultTable("Latency", note, columns, rows, commit_of(part))


def _scaling(part: Document) -> Iterator[ResultTable]:
    rows = [(n, _with_spread(each, "events_per_s")) for n, each in part["workers"].items()]
    low, high = part["two_workers_spread"]
    rows.append(("2 of 1", f"{number(part['two_workers'])} ({number(low)} to {number(high)})"))
    note = "The workers joined before the topic was loaded; Kafka and Redis share their cores."
    yield ResultTable("Workers", note, ("workers", "events/s"), rows, commit_of(part))
    names = ("events_per_s", "changes_per_event", "active_events_per_s", "cpu_s_per_million", "rss_mb", *_BYTES)
    sizes = part["customers"].values()
    by_size = [(f"{each['customers']:,}", *(_with_spread(each, name) for name in names)) for each in sizes]
    head = ("customers", "events/s", "changes an event", "of the active", "CPU-s per million", "worker MB")
    note = (
        "Customers with 1 to 15 orders are in Redis before the first event. events/s: orders of all of them evenly, so "
        "with many customers nearly every order has a record of its own and moves somebody who was silent; of the "
        "active: orders of as many of them as the smallest size has, which shows what size alone costs. Bytes of Redis "
        "a customer: INFO's used_memory less that of the empty Redis; record and view by MEMORY USAGE of samples. "
        f"The largest size keeps {part['growth']:.0%} of the throughput at the smallest, "
        f"{part['active_growth']:.0%} with the active ones."
    )
    columns = (*head, "bytes a customer", "record", "view")
    yield ResultTable("Customers", note, columns, by_size, commit_of(part))


def _catch_up(part: Document) -> Iterator[ResultTable]:
    rows = [
        ("backlog, events", number(part["backlog"])),
        ("arriving meanwhile, events/s", number(part["arriving_per_s"])),
        ("events/s while catching up", _with_spread(part, "events_per_s")),
        ("events/s on the same backlog, nothing arriving", _with_spread(part, "alone_per_s")),
        ("the former of the latter, in turn", f"{part['share_of_alone']:.0%}"),
        ("of the maximum of the fixed job", f"{part['share']:.0%} of {number(part['maximum'])}"),
        ("seconds from the first save until half a second behind", number(part["seconds"])),
        ("peak memory of the worker, MB", number(part["rss_mb"])),
    ]
    note = (
        "The backlog has the fixed job's orders for each customer, and so fewer events of a batch that share a record."
    )
    yield ResultTable("Catch-up", note, ("figure", "value"), rows, commit_of(part))


def _sweep(part: Document) -> Iterator[ResultTable]:
    low, high = part["lost_spread"]
    rows = [
        ("customers/s, each due and written again", _with_spread(part, "all_due_per_s")),
        ("customers/s, none due", _with_spread(part, "none_due_per_s")),
        ("events/s without a sweep", number(part["events_per_s_without"])),
        ("events/s during a sweep that never ends", number(part["events_per_s_during"])),
        ("lost, in turn", f"{part['lost']:.1%} ({low:.1%} to {high:.1%})"),
    ]
    note = f"{part['customers']:,} customers. Due: ten days of silence moved every customer's features."
    yield ResultTable("Sweep", note, ("figure", "value"), rows, commit_of(part))


def _start(part: Document) -> Iterator[ResultTable]:
    rows = [("seconds from `shoal worker` to the first event saved", _with_spread(part, "seconds"))]
    yield ResultTable("Start", "", ("figure", "value"), rows, commit_of(part))


def _peers(part: Document) -> Iterator[ResultTable]:
    rows, described = [], []
    for name, each in part.items():
        title = name if each.get("kind", "peer") == "peer" else f"{name} ({each['kind']})"
        older = f" (commit {each['measured']['commit']})" if "measured" in each else ""
        described.append((title, f"{each['describes']}{older}", str(each.get("detail", ""))))
        if each.get("ratio") is None:
            rows.append((title, "-", "-", "-", "-", "-"))
            continue
        spread = {**each["spread"], **{name: each[f"{name}_spread"] for name in ("ratio", "cpu_ratio")}}
        figures = ("events_per_s", "cpu_s_per_million", "rss_mb", "ratio", "cpu_ratio")
        columns = [_with_spread({**each, "spread": spread}, figure) for figure in figures]
        rows.append((title, columns[0], columns[1], columns[2], columns[3], columns[4]))
    note = (
        "The job on each engine, in turn with Shoal (Shoal, peer, Shoal, peer); the ratio is taken run by run. "
        "Engines hold none of Shoal's invariants; a reference is a hand-written loop, no engine to be faster than."
    )
    columns_of = ("engine", "events/s", "CPU-s per million", "MB", "Shoal: times as fast", "its CPU / Shoal's")
    yield ResultTable("Peers", note, columns_of, rows)
    yield ResultTable("What the peers are", "", ("engine", "how it does the job", "last run"), described)


_SHEETS = {
    "throughput": _throughput,
    "latency": _latency,
    "scaling": _scaling,
    "catch_up": _catch_up,
    "sweep": _sweep,
    "start": _start,
    "peers": _peers,
    "reads": reads_tables,
    "rebaseline": rebaseline_tables,
    "beside": latency_tables,
    "tallies": tallies_tables,
    "quality": quality_tables,
}


def number(value: float) -> str:
    """Return a figure as people read it.

    >>> number(67216.4), number(10.44), number(0.0213)
    ('67,216', '10.4', '0.02')
    """
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _with_spread(part: Document, name: str) -> str:
    if part.get(name) is None:
        return "-"
    low, high = part.get("spread", {}).get(name, (None, None))
    spread = f" ({number(low)} to {number(high)})" if low is not None and low != high else ""
    return number(part[name]) + spread
