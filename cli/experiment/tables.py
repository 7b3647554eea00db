"""A report for people: the verdict, the arms, the comparisons, the segments, and what is doubtful."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cli.experiment.cells import difference, evidence, lift, money, p_is, reason, share, title
from experiments import Experiment
from experiments.document import Arm, Comparison, Report
from experiments.outcome import Reason

__all__ = ["doubts", "print_report"]

_COLOURS: Final = {"ship": "green", "stop_harmful": "red", "cannot_trust": "red", "keep_running": "yellow"}
_HEADINGS: Final = {
    "sequential": ("always-valid interval", "p, corrected"),
    "group_sequential": ("interval of this look", "look"),
    "fixed": ("interval, valid once", "p, corrected"),
}


def print_report(console: Console, experiment: Experiment, report: Report, names: Mapping[str, str]) -> None:
    """Print a report; segments by their names where they have one."""
    verdict = report.verdict
    colour = _COLOURS.get(verdict.decision, "bold")
    console.print(f"[bold {colour}]{escape(verdict.sentence)}[/]", highlight=False)
    console.print(f"{escape(verdict.reason)}\n", highlight=False)
    console.print(_heading(experiment, report), highlight=False)
    console.print(_arms(report.overall.arms))
    console.print(_comparisons(report))
    if report.segments:
        console.print(_segments(report, names))
    for line in doubts(report, names):
        console.print(f"• {escape(line)}", highlight=False, soft_wrap=True)


def doubts(report: Report, names: Mapping[str, str]) -> Iterator[str]:
    """Yield what a reader should know of the data: the split, several variants seen, what was left out."""
    yield from _unsaid(report, names)
    yield _split(report, names)
    arms = report.overall.arms
    exposed, contaminated = sum(arm.exposed for arm in arms), sum(arm.contaminated for arm in arms)
    if contaminated:
        yield (
            f"{contaminated:,} customers ({contaminated / exposed:.1%}) were shown another variant too; they count for "
            "the first."
        )
    repeated = sum(arm.repeated for arm in arms)
    if repeated:
        yield f"{repeated:,} later exposures of customers already counted."
    for why, count in sorted(report.left_out.items()):
        yield f"{count:,} left out: {why.replace('_', ' ')}."
    for row in report.overall.across_arms:
        if row.p_value is not None:
            yield f"Any difference between the arms in {title(row.metric)}: {p_is(row.p_value)}."
    for each in report.overall.heterogeneity:
        if each.p_value is not None:
            yield (
                f"The effect of {each.variant} on {title(each.metric)} differs between segments: "
                f"{p_is(each.p_value)} (Cochran's Q, valid once)."
            )


def _unsaid(report: Report, names: Mapping[str, str]) -> Iterator[str]:
    """Yield each reason why there is no comparison, with where that is so."""
    places: dict[Reason, list[str]] = {}
    for row in report.overall.comparisons:
        if row.cannot_say is not None:
            places.setdefault(row.cannot_say, []).append(f"{title(row.metric)} of {row.variant}")
    for part in report.segments:
        for row in part.comparisons:
            if row.cannot_say is not None:
                where = f"{title(row.metric)} of {row.variant} in {_name(part.segment, names)}"
                places.setdefault(row.cannot_say, []).append(where)
    for why, affected in places.items():
        yield f"Nothing can be said of {', '.join(affected)}: {why.sentence[0].lower()}{why.sentence[1:]}"


def _split(report: Report, names: Mapping[str, str]) -> str:
    srm = report.srm
    if srm.p_value is None:
        return f"Split between the arms: {reason(srm.cannot_say)}"
    if not srm.mismatch:
        return f"Split between the arms: as assigned ({p_is(srm.p_value)})."
    worst = [each for each in srm.segments if each.p_adjusted is not None and each.p_adjusted < 0.001]
    where = f"; in {', '.join(_name(each.segment, names) for each in worst)}" if worst else ""
    return f"Split between the arms: NOT as assigned ({p_is(srm.p_value)}{where})."


def _heading(experiment: Experiment, report: Report) -> str:
    metric = title(report.primary_metric)
    end = f" to {experiment.end:%Y-%m-%d %H:%M}" if experiment.end else ""
    return (
        f"{report.experiment}: {experiment.status(report.at)}, {experiment.start:%Y-%m-%d %H:%M}{end} UTC · decided by "
        f"{metric} · {report.method.replace('_', '-')}, alpha {report.alpha:g}"
    )


def _arms(arms: Sequence[Arm]) -> Table:
    table = Table(title="arms", title_justify="left")
    table.add_column("variant")
    for heading in ("customers", "converted", "rate", "revenue", "per customer", "per order", "retained"):
        table.add_column(heading, justify="right")
    total = sum(arm.exposed for arm in arms)
    for arm in arms:
        part = f" ({arm.exposed / total:.1%})" if total else ""
        table.add_row(
            escape(arm.variant),
            f"{arm.exposed:,}{part}",
            f"{arm.converted:,}",
            share(arm.rate),
            money(arm.revenue),
            money(arm.revenue_per_customer),
            money(arm.average_order_value),
            share(arm.retention),
        )
    return table


def _comparisons(report: Report) -> Table:
    table = Table(title="against the control", title_justify="left")
    table.add_column("variant")
    table.add_column("metric")
    for heading in ("difference", "lift", *_HEADINGS[report.method], "detectable now", "best with"):
        table.add_column(heading, justify="right")
    best = {each.variant: each.probability_best for each in report.overall.bayes}
    for row in report.overall.comparisons:
        metric = _metric(row) + (" (guardrail)" if row.role == "guardrail" else "")
        if row.effect is None:
            table.add_row(escape(row.variant), metric, *["–"] * 6)
            continue
        effect, between, p_value = evidence(row, report.method)
        detectable = difference(row.metric, row.minimum_detectable_effect).lstrip("+")
        chance_best = best.get(row.variant) if row.role == "primary" else None
        likely = "–" if chance_best is None else f"{chance_best:.1%}"
        table.add_row(escape(row.variant), metric, effect, lift(row.lift), between, p_value, detectable, likely)
    return table


def _segments(report: Report, names: Mapping[str, str]) -> Table:
    table = Table(
        title="by segment at first exposure", title_justify="left", caption=_correction(report), caption_justify="left"
    )
    for heading in ("segment", "variant", "metric"):
        table.add_column(heading)
    # Planned looks are of the whole experiment: segments are compared as in a fixed one.
    method = "fixed" if report.method == "group_sequential" else report.method
    for heading in ("customers", "difference", *_HEADINGS[method], "against the rest"):
        table.add_column(heading, justify="right")
    for part in report.segments:
        customers = {arm.variant: arm.exposed for arm in part.arms}
        rest = {(each.variant, each.metric): each for each in part.against_the_rest}
        for row in part.comparisons:
            contrast = rest[row.variant, row.metric]
            both = f"{customers[row.control]:,} + {customers[row.variant]:,}"
            name = escape(_name(part.segment, names)) if row is part.comparisons[0] else ""
            p_value = contrast.sequential_p_adjusted if method == "sequential" else contrast.p_adjusted
            rest_cell = _contrast(row, contrast.difference, p_value)
            table.add_row(name, escape(row.variant), _metric(row), both, *_finding(row, method), rest_cell)
        table.add_section()
    return table


def _finding(row: Comparison, method: str) -> tuple[str, str, str]:
    if row.effect is None:
        return "–", "–", "–"
    return evidence(row, method)


def _metric(row: Comparison) -> str:
    return title(row.metric) + (" after CUPED" if row.decided_by == "cuped" else "")


def _contrast(row: Comparison, found: float | None, p_value: float | None) -> str:
    return "–" if found is None else f"{difference(row.metric, found)}, {p_is(p_value)}"


def _correction(report: Report) -> str:
    by = "Holm" if report.correction == "holm" else "Benjamini and Hochberg"
    return f"p corrected over segments x metrics x treatments ({by}); intervals are not"


def _name(segment_id: str, names: Mapping[str, str]) -> str:
    name = names.get(segment_id, segment_id)
    return name if name == segment_id or not segment_id.startswith("s") else f"{name} ({segment_id})"
