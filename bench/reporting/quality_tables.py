"""What `python -m bench.quality` found, as tables."""

from collections.abc import Iterator, Mapping
from typing import Any

from bench.reporting.table import ResultTable, commit_of

__all__ = ["quality_tables"]

Document = Mapping[str, Any]


def quality_tables(part: Document) -> Iterator[ResultTable]:
    """Yield a table for each part that was measured."""
    for names, title in ((("online_retail",), "Online Retail"), (("cdnow", "cdnow_more"), "CDNOW")):
        found = [(k, figures) for name in names for k, figures in part.get(name, {}).items() if k.isdigit()]
        if found:
            yield _halves(title, found, commit_of(next(part[name] for name in names if name in part)))
    for name, make in _MAKERS.items():
        if name in part:
            yield from make(part[name])


def _halves(title: str, found: list[tuple[str, Document]], commit: str) -> ResultTable:
    rows = []
    for k, rules in found:
        ours = rules["by customer"]
        cells = [f"{ours['inertia']:.4f}", f"{ours['published']:.3f}", f"{ours['nearest']:.3f}"]
        others = [
            f"{rules[name]['inertia']:.2f}, {rules[name]['nearest']:.2f}" for name in ("frozen", "river", "spark")
        ]
        left = rules.get("self-feeding")
        others.append(f"{left['inertia']:.2f}, {left['published']:.2f}" if left else "-")
        staged = rules.get("with stages")
        figures = [f"{staged[name]:.3f}" for name in ("inertia", "published", "nearest")] if staged else ["-"]
        rows.append((k, *cells, "yes" if ours["unique"] else "no", *others, ", ".join(figures)))
    note = (
        "The second half of the log's orders, day by day, after a baseline on the first half: inertia against a fresh "
        "batch fit at the end, and adjusted Rand against it of the published segments and of the model's own clusters; "
        "for the other rules inertia, adjusted Rand. By the service's handler, store, sweep and leader on a real Redis,"
        " as is self-feeding, where the published segment, with a margin of 20%, is also what feeds the sums. All of"
        " them on recency, frequency and monetary of all customers; with stages is the default: the lifecycle first,"
        " then k segments of the rest by their recent orders and spend (inertia, published, own, of the rest)."
    )
    columns = (
        "k",
        "inertia",
        "published",
        "own",
        "one optimum",
        "frozen",
        "step 0.02 by event",
        "Spark's rule, 30 d",
        "self-feeding",
        "with stages",
    )
    return ResultTable(f"Quality: {title}", note, columns, rows, commit)


def _stationary(part: Document) -> Iterator[ResultTable]:
    rows, days = [], 0
    for name, each in part.items():
        if name == "measured":
            continue
        days = each["days"]
        for how, text in (("held", "as it is"), ("following", "borders follow every version")):
            found = each[how]
            cells = [
                f"{found[what]['per_event']:.2%}, {found[what]['per_month']:.2%}"
                for what in ("spurious", "model", "returns", "all")
            ]
            rows.append((name, text, *cells, str(found["releases"])))
    note = (
        f"Nobody changes in {days} days; changes an event, and a customer-month. Spurious is one that the same service "
        "with frozen centroids does not make within a day; returns go back within 30 days to the "
        "segment just left. A customer who buys or falls silent moves by recency all the same: that is in all."
    )
    columns = ("shop", "service", "spurious", "cause model", "returns", "all", "times the borders moved")
    yield ResultTable("Quality: a shop where nothing changes", note, columns, rows, commit_of(part))


def _regimes(part: Document) -> Iterator[ResultTable]:
    rows = []
    for name, each in part.items():
        if name == "measured":
            continue
        due = "-" if each["due_day"] is None else f"day {each['due_day']}: {each['at_due']:.3f}"
        end = f"day {each['end_day']}: {each['at_end']:.3f}"
        worst = f"day {each['worst_day']}: {each['worst']:.3f}"
        borders = f"{each['borders_worst']:.3f}, {each['borders_at_end']:.3f}" if "borders_worst" in each else "-"
        rows.append((name, worst, _outside(each), due, end, borders, _tended(each.get("tended"))))
    note = (
        "Online inertia against a refit, every ten days after the change, and that of the borders which the published "
        "segments go by (worst, end). Due: when each affected group has made three "
        "orders a customer; where it has not by the end of the run, the end is the stricter test. "
        "With proposals: with the baseline that the first alarms of drift propose, approved on that day (worst, end)."
    )
    yield ResultTable(
        "Quality: after a change",
        note,
        ("scenario", "worst", "above 1.05", "due", "end", "borders", "with proposals"),
        rows,
        commit_of(part),
    )


def _tended(found: Document | None) -> str:
    if found is None:
        return "-"
    days = ", ".join(map(str, found["alarms"])) or "never"
    ratios = f"{found['worst']:.3f} (day {found['worst_day']}), {found['at_end']:.3f}"
    return f"alarm on day {days}: {ratios}, above 1.05 {_outside(found)}"


def _outside(found: Document) -> str:
    return f"from day {found['out_from_day']} to {found['back_by_day']}" if found["back_by_day"] else "never"


def _flapping_delay(part: Document) -> Iterator[ResultTable]:
    for name, choices in part.items():
        if name == "measured":
            continue
        rows = [
            (
                f"{each['hysteresis']:g}",
                f"{each['dwell']:g}",
                f"{each['cooldown']:g}",
                f"{each['changes_per_month']:.3f}",
                f"{each['returns_per_month']:.4f}",
                f"{each['delay_days']:.2f}",
                f"{each['delay_p95_days']:.0f}",
                f"{each['agreement']:.3f}",
            )
            for each in choices["choices"]
        ]
        columns = ("hysteresis", "dwell, d", "cool-down, d", "changes", "returns", "delay, d", "p95", "agreement")
        note = (
            "Changes, and returns within 30 days to the segment just left, a customer-month; delay from a move of the "
            "model's own cluster that lasts 30 days until it is published; agreement at the end with a fresh batch fit."
        )
        yield ResultTable(f"Quality: flapping against delay, {name}", note, columns, rows, commit_of(part))


def _rivals(part: Document) -> Iterator[ResultTable]:
    for name, models in part.items():
        if name == "measured":
            continue
        for stream, what in _STREAMS.items():
            rows = [
                (each["model"], *(_shown(each.get(name), style) for name, style in _RIVALS.items()))
                for each in models[stream]
            ]
            columns = (
                "model",
                "with a fit",
                "with the truth",
                "changes an event",
                "returns",
                "vectors/s",
                "got through",
            )
            note = (
                f"{what} All get the same vectors, learn and label them in one thread, and begin with the same "
                "centroids where they can take any, else with 5,000 customers of the baseline. Adjusted Rand of all "
                "customers at the end, by the model as it stands, with a fresh batch fit and with the true groups "
                "where they are known. Who is slow is stopped after ten seconds, and then not judged."
            )
            yield ResultTable(
                f"Quality: other online clusterers, {name}, {stream}", note, columns, rows, commit_of(part)
            )


_STREAMS = {
    "events": "Each day's customers who had an event.",
    "sweep": "Everyone's vector every seventh day, as a sweep sees it.",
}
_RIVALS = {
    "agreement": "{:.3f}",
    "truth": "{:.3f}",
    "changes_per_event": "{:.3f}",
    "returns_per_event": "{:.3f}",
    "vectors_per_s": "{:,.0f}",
    "share": "{:.0%}",
}


def _shown(value: float | None, style: str) -> str:
    return "-" if value is None else style.format(value)


def _vips(part: Document) -> Iterator[ResultTable]:
    rows = [
        ("the baseline's fit, before any event", f"{part['baseline']} of {part['seeds']}"),
        ("Shoal", f"{part['shoal']} of {part['seeds']}"),
        ("MiniBatchKMeans from the same centroids", f"{part['mini_batch_warm']} of {part['seeds']}"),
        ("MiniBatchKMeans from random customers", f"{part['mini_batch']} of {part['seeds']}"),
    ]
    note = (
        f"{part['vips']} of 10,000 customers, far from the others, after {part['events']:,} events: seeds with a "
        "cluster that holds 95% of them and is theirs by 95%. MiniBatchKMeans by partial_fit."
    )
    yield ResultTable("Quality: a small distant group", note, ("model", "survives"), rows, commit_of(part))


def _known_groups(part: Document) -> Iterator[ResultTable]:
    rows = []
    for name, runs in part.items():
        if name == "measured":
            continue
        cells = [_range([run[features]["agreement"] for run in runs]) for features in ("default", "lifelong")]
        rows.append((name, *cells, _range([run["told"] for run in runs])))
    note = (
        "Adjusted Rand against the true groups, least to most of five shops of 2,000 customers: a re-baseline without "
        "options (recency, frequency, monetary; its own choice of k and algorithm); one of orders, average order value "
        "and recency; and a gradient-boosted classifier with every feature, told the groups of the other customers."
    )
    columns = ("shop", "segments, default", "segments, lifelong", "classifier that was told")
    yield ResultTable("Quality: known groups", note, columns, rows, commit_of(part))


def _range(values: list[float]) -> str:
    return f"{min(values):.2f}–{max(values):.2f}"


def _drift(part: Document) -> Iterator[ResultTable]:
    rows = []
    for name, each in part.items():
        if name == "measured":
            continue
        raised, turn = each["alarms"], each.get("turn", 0)
        first = f"after {raised[0]['day'] - turn} days: {raised[0]['reason']}" if raised else "none"
        rows.append((name, f"{len(raised)}", first))
    note = "2,000 customers, 200 days; a change comes on day 60. After the first alarm others may follow."
    yield ResultTable("Quality: drift alarms", note, ("shop", "alarms", "first"), rows, commit_of(part))


def _names(part: Document) -> Iterator[ResultTable]:
    rows = []
    for name, each in part.items():
        if name == "measured":
            continue
        least = min(each["least"].items(), key=lambda item: item[1])
        share = "-" if each["new_share"] is None else f"{each['new_share']:.1%}"
        changes = [str(each[what]) for what in ("time", "raised", "between_learned", "renamed")]
        rows.append((name, f"{least[1]:.1%} ({least[0]})", *changes, str(each["first"]), share))
    note = (
        "A first baseline, then day by day: the least share of members, of any segment of 20 or more on any day, for "
        "whom the name held; changes by silence, those of them that took a customer up, and those between learned "
        "segments; how often a segment was renamed; who ordered for the first time, and the share of them who were "
        "New Customers at once (of those with one order that day)."
    )
    columns = ("shop", "name true of", "by silence", "up", "between learned", "renamed", "first orders", "called new")
    yield ResultTable("Quality: names", note, columns, rows, commit_of(part))


_MAKERS = {
    "drift": _drift,
    "stationary": _stationary,
    "regimes": _regimes,
    "waits": _flapping_delay,
    "rivals": _rivals,
    "vips": _vips,
    "known_groups": _known_groups,
    "names": _names,
}
