"""The targets, line by line, against what was measured."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

__all__ = ["Target", "evaluate"]

Document = Mapping[str, Any]


class Target(NamedTuple):
    """One line: what is asked for, the figure (None: not measured), and whether it is reached."""

    what: str
    target: str
    figure: float | None
    reached: bool | None
    unit: str
    commit: str | None


def evaluate(results: Document) -> list[Target]:
    """Return every target with its figure from a results document."""
    return [*_throughput(results), *_latency(results), *_memory(results), *_rest(results)]


def _throughput(results: Document) -> Iterator[Target]:
    yield _at_least(results, "throughput, one worker, the job", ("throughput", "events_per_s"), 200_000, "events/s")
    yield _against(results, "the same as a multiple of the sketch (200,000 where it does 160,000)", ("sketch",), 1.25)
    yield _against(results, "against pathway", ("pathway",), 4.5)
    yield _against(results, "against bytewax", ("bytewax",), 10)
    yield _against(results, "against quix-streams", ("quix-streams",), 13)
    yield _against(results, "against faust `take`", ("faust take",), 60)
    # The job commits its offsets and keeps its state, which other variants of these do not.
    for name, keeping, bound in (
        ("pathway with persistence", "", 4.5),
        ("bytewax", " with recovery", 10),
        ("quix-streams", " with changelog", 13),
    ):
        what = f"as durable as the job asks: {name}{keeping}"
        yield _at_least(results, what, ("peers", name, "ratio"), bound, "times")
    flink = "against Flink, per CPU-second"
    yield _against(results, flink, ("flink", "pyflink"), 1, figure="cpu_ratio", ahead=True)
    yield _at_least(
        results, "8 features, half of the events sessions", ("throughput", "mixed", "events_per_s"), 150_000, "events/s"
    )
    yield _at_most(results, "CPU of the worker", ("throughput", "cpu_s_per_million"), 5, "s per million")


def _latency(results: Document) -> Iterator[Target]:
    rates = (
        ("10,000 events/s", "10000", 25),
        ("half of the maximum", "half", 100),
        ("100,000 events/s, half of the throughput asked for", "100000", 100),
    )
    for what, name, limit in rates:
        path = ("latency", name, "p99_ms")
        line = _at_most(results, f"latency p99, published → change read, {what}", path, limit, "ms")
        achieved, rate = (
            _value_at(results, ("latency", name, "achieved")),
            _value_at(results, ("latency", name, "rate")),
        )
        # A load that was not there cannot show that it was sustained.
        yield line._replace(reached=False) if achieved and rate and achieved < 0.98 * rate else line


def _memory(results: Document) -> Iterator[Target]:
    sizes = _value_at(results, ("scaling", "customers")) or {}
    peaks = [
        _value_at(results, ("throughput", "rss_mb")),
        _value_at(results, ("throughput", "mixed", "rss_mb")),
        _value_at(results, ("catch_up", "rss_mb")),
        *(size.get("rss_mb") for size in sizes.values()),
    ]
    known = [peak for peak in peaks if peak is not None]
    worst = max(known) if known else None
    line = Target("memory of the worker, largest of all runs", "≤ 400 MB", worst, _is_met(worst, most=400), "MB", None)
    yield line._replace(commit=_commit(results, ("throughput",)))
    yield _at_most(
        results, "Redis, all keys, after the job", ("throughput", "redis_bytes_per_customer"), 350, "bytes a customer"
    )


def _rest(results: Document) -> Iterator[Target]:
    growth = "throughput at 5 million customers, of that at 10 thousand"
    for whose, name in (("orders of all of them", "growth"), ("orders of 10,000 of them", "active_growth")):
        yield _at_least(results, f"{growth}, {whose}", ("scaling", name), 0.85, "")
    for what, name in (("none due", "none_due_per_s"), ("all due, each written again", "all_due_per_s")):
        yield _at_least(results, f"sweep, {what}", ("sweep", name), 500_000, "customers/s")
    yield _at_most(results, "throughput lost while a sweep runs", ("sweep", "lost"), 0.05, "")
    yield _at_least(results, "two workers on two cores, of one", ("scaling", "two_workers"), 1.5, "")
    for what, name in (("maximum of the fixed job", "share"), ("speed with nothing arriving", "share_of_alone")):
        yield _at_least(results, f"catch-up, of the {what}", ("catch_up", name), 0.9, "")
    pace = "reads of a segment over HTTP"
    line = _at_most(results, f"{pace}, p99 at 5,000/s, one process", ("reads", "paced", "p99_ms"), 10, "ms")
    answered, rate = _value_at(results, ("reads", "paced", "per_s")), _value_at(results, ("reads", "rate"))
    # Requests that were not answered, or not at the pace, do not show that it is sustained.
    unborne = bool(_value_at(results, ("reads", "refused"))) or bool(answered and rate and answered < 0.98 * rate)
    yield line._replace(reached=False) if unborne else line
    yield _at_most(results, "re-baseline of a million customers", ("rebaseline", "wall_s"), 60, "s")
    yield _at_most(results, "largest memory of that", ("rebaseline", "peak_mb"), 2_000, "MB")
    pace = "from an event to its tally, 20,000 events/s"
    yield _at_most(results, f"{pace}, p99", ("tallies", "delay", "p99_ms"), 1_000, "ms")


def _at_least(results: Document, what: str, path: tuple[str, ...], bound: float, unit: str) -> Target:
    figure = _value_at(results, path)
    return Target(what, _bound("≥", bound, unit), figure, _is_met(figure, least=bound), unit, _commit(results, path))


def _at_most(results: Document, what: str, path: tuple[str, ...], bound: float, unit: str) -> Target:
    figure = _value_at(results, path)
    return Target(what, _bound("≤", bound, unit), figure, _is_met(figure, most=bound), unit, _commit(results, path))


def _against(
    results: Document, what: str, families: tuple[str, ...], bound: float, *, figure: str = "ratio", ahead: bool = False
) -> Target:
    """Compare with the variant of a peer that does best, durable or not; one without figures is not beaten."""
    variants = [
        each
        for name, each in results.get("peers", {}).items()
        if name.lower().startswith(families) and each.get(figure) is not None
    ]
    best = min(variants, key=lambda each: float(each[figure]), default=None)
    value = float(best[figure]) if best else None
    reached = None if value is None else value > bound if ahead else value >= bound
    asked = f"{'>' if ahead else '≥'} {bound:g} times"
    return Target(what, asked, value, reached, "times", best.get("measured", {}).get("commit") if best else None)


def _bound(sign: str, bound: float, unit: str) -> str:
    return f"{sign} {bound:,g} {unit}".strip() if unit else f"{sign} {bound:g}"


def _is_met(figure: float | None, *, least: float | None = None, most: float | None = None) -> bool | None:
    if figure is None:
        return None
    return (least is None or figure >= least) and (most is None or figure <= most)


def _value_at(results: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        if not isinstance(results, Mapping):
            return None
        results = results.get(name)
    return results


def _commit(results: Document, path: tuple[str, ...]) -> str | None:
    """Return the commit that a figure was measured on, which the innermost part around it says."""
    said = (_value_at(results, (*path[:end], "measured", "commit")) for end in range(len(path), 0, -1))
    return next((str(commit) for commit in said if commit), None)
