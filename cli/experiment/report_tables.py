"""A report on the terminal: the verdict, tables of arms, comparisons and segments, and notes on the data."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from experiments import Experiment
from experiments.reporting.cell_text import (
    HEADINGS,
    chance,
    difference,
    evidence,
    lift,
    money,
    p_is,
    reason,
    share,
    short,
    title,
)
from experiments.reporting.contamination import MERGED_CONTAMINATED, contamination_sentences
from experiments.reporting.document import Arm, Comparison, Report
from experiments.reporting.not_computable import unsaid_sentences
from experiments.reporting.standing import standing_sentences

__all__ = ["notes", "print_report"]

_COLOURS: Final = {"ship": "green", "stop_harmful": "red", "cannot_trust": "red", "keep_running": "yellow"}
_COUNTED: Final = {
    "before_start": "exposures before the start, left out",
    "after_stop": "exposures after the end, left out",
    "before_exposure": "conversions before the customer's first exposure, left out",
    "after_window": "conversions or orders after the customer's window, left out",
    "without_exposure": "conversions of customers who were not exposed, left out",
    "conversion_unused": "conversion events left out, because orders are what counts here",
    "unmatched_refund": "refunds or cancellations left out, because their order is not known",
    "negative_revenue": "customers had more taken back than they bought; they are counted so",
    "short_history": "customers were first exposed before what their log reaches back to",
}
"""What the experiment consumer counts beside the tallies, in words."""


def print_report(console: Console, experiment: Experiment, report: Report, names: Mapping[str, str]) -> None:
    """Print a report; segments by their names where they have one."""
    verdict = report.verdict
    colour = _COLOURS.get(verdict.decision, "bold")
    console.print(f"[bold {colour}]{escape(verdict.sentence)}[/]", highlight=False)
    console.print(" ".join([escape(verdict.reason), *standing_sentences(report)]) + "\n", highlight=False)
    console.print(_heading(experiment, report), highlight=False)
    console.print(_arms(report.overall.arms))
    console.print(_comparisons(report))
    if report.segments:
        console.print(_segments(report, names))
    for line in notes(report, names):
        console.print(f"• {escape(line)}", highlight=False, soft_wrap=True)


def notes(report: Report, names: Mapping[str, str]) -> Iterator[str]:
    """Yield what a reader should know about the data: the split, several variants seen, what was left out."""
    yield from unsaid_sentences(report, {each.segment: _name(each.segment, names) for each in report.segments})
    if report.guardrails.sentence not in report.verdict.reason:
        yield report.guardrails.sentence
    yield _split(report, names)
    yield from _best_and_detectable(report)
    arms = report.overall.arms
    yield from contamination_sentences(report)
    repeated = sum(arm.repeated for arm in arms)
    if repeated:
        yield f"{repeated:,} later exposures of customers already counted."
    for why, count in sorted(report.left_out.items()):
        if count and why != MERGED_CONTAMINATED:
            yield f"{count:,} {_COUNTED.get(why) or 'left out: ' + why.replace('_', ' ')}."
    for row in report.overall.across_arms:
        if row.p_value is not None:
            yield f"Any difference between the arms in {title(row.metric)}: {p_is(row.p_value)}."
    for each in report.overall.heterogeneity:
        if each.p_value is not None:
            yield (
                f"The effect of {each.variant} on {title(each.metric)} differs between segments: "
                f"{p_is(each.p_value)} (Cochran's Q, valid once)."
            )


def _best_and_detectable(report: Report) -> Iterator[str]:
    """Yield how likely the best arm is the best, and what differences could be found by now."""
    known = [
        (each.probability_best, each.variant) for each in report.overall.bayes if each.probability_best is not None
    ]
    if known:
        chance_best, variant = max(known)
        metric = title(report.primary_metric)
        yield f"{variant} is the best arm in {metric} with a chance of {chance_best:.1%} (Bayesian)."
    found = [
        f"{difference(row.metric, row.minimum_detectable_effect).lstrip('+')} in {title(row.metric)} of {row.variant}"
        for row in report.overall.comparisons
        if row.minimum_detectable_effect is not None
    ]
    if found:
        yield f"By now, differences of this size would probably be found: {', '.join(found)}."


def _split(report: Report, names: Mapping[str, str]) -> str:
    srm = report.srm
    p_value = srm.deciding(report.method)
    if p_value is None:
        return f"Split between the arms: {reason(srm.cannot_say)}"
    if not srm.mismatch:
        return f"Split between the arms: as assigned ({p_is(p_value)})."
    worst = [each for each in srm.segments if each.p_adjusted is not None and each.p_adjusted < 0.001]
    where = f"; in {', '.join(_name(each.segment, names) for each in worst)}" if worst else ""
    return f"Split between the arms: NOT as assigned ({p_is(p_value)}{where})."


def _heading(experiment: Experiment, report: Report) -> str:
    metric = title(report.primary_metric)
    end = f" to {experiment.end:%Y-%m-%d %H:%M}" if experiment.end else ""
    return (
        f"{report.experiment}: {experiment.status(report.at)}, {experiment.start:%Y-%m-%d %H:%M}{end} UTC · decided by "
        f"{metric} · {report.method.replace('_', '-')}, alpha {report.alpha:g}"
    )


def _arms(arms: Sequence[Arm]) -> Table:
    table = _table("arms")
    table.add_column("variant")
    for heading in ("customers", "share", "converted", "rate", "revenue\neach", "per\norder", "retained"):
        table.add_column(heading, justify="right", no_wrap=True)
    total = sum(arm.exposed for arm in arms)
    for arm in arms:
        table.add_row(
            escape(arm.variant),
            f"{arm.exposed:,}",
            f"{arm.exposed / total:.1%}" if total else "–",
            f"{arm.converted:,}",
            share(arm.rate),
            money(arm.revenue_per_customer),
            money(arm.average_order_value),
            share(arm.retention),
        )
    return table


def _comparisons(report: Report) -> Table:
    table = _table("against the control", _after_cuped(report.overall.comparisons))
    table.add_column("variant")
    table.add_column("metric")
    for heading in ("difference", "lift", *_headings(report.overall.comparisons)):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in report.overall.comparisons:
        effect, between, p_value = evidence(row)
        table.add_row(escape(row.variant), _metric(row), effect, lift(row.lift), between, p_value)
    return table


def _segments(report: Report, names: Mapping[str, str]) -> Table:
    by = "Holm" if report.correction == "holm" else "Benjamini and Hochberg"
    caption = f"p corrected over segments x metrics x treatments ({by}); intervals are not."
    table = _table("by segment at first exposure", caption)
    table.add_column("segment")
    for heading in ("difference", *_headings(report.segments[0].comparisons), "p, as\nthe rest"):
        table.add_column(heading, justify="right", no_wrap=True)
    for part in report.segments:
        rest = {(each.variant, each.metric): each for each in part.against_the_rest}
        exposed = " + ".join(f"{arm.exposed:,}" for arm in part.arms)
        table.add_row(f"[bold]{escape(_name(part.segment, names))}[/]\n{exposed} customers")
        for row in part.comparisons:
            contrast = rest[row.variant, row.metric]
            p_value = contrast.sequential_p_adjusted if row.validity == "always" else contrast.p_adjusted
            table.add_row(f"  {escape(row.variant)}, {_metric(row)}", *evidence(row), chance(p_value))
    return table


def _table(title: str, caption: str | None = None) -> Table:
    return Table(
        title=title,
        caption=caption,
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )


def _headings(rows: Sequence[Comparison]) -> tuple[str, str]:
    return HEADINGS[rows[0].validity]


def _after_cuped(rows: Sequence[Comparison]) -> str | None:
    used = any(row.decided_by == "cuped" for row in rows)
    return "* after CUPED: less what spending before exposure explains" if used else None


def _metric(row: Comparison) -> str:
    return short(row.metric) + ("*" if row.decided_by == "cuped" else "")


def _name(segment_id: str, names: Mapping[str, str]) -> str:
    name = names.get(segment_id, segment_id)
    return name if name == segment_id or not segment_id.startswith("s") else f"{name} ({segment_id})"
