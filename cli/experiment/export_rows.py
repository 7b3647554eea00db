"""The results of all experiments as rows: one for each variant and metric, overall and in each segment."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from cli.experiment.stored_experiments import open_experiments
from cli.printing.table_file import Column
from experiments import Experiment, Metric
from experiments.reporting.document import Arm, Comparison, Deciding, Finding, Report
from queries.segments.segment_names import all_segment_names

__all__ = ["COLUMNS", "rows"]

COLUMNS: Final = (
    Column("experiment", "text", "id of the experiment"),
    Column("at", "time", "when the results were read"),
    Column("status", "text", "planned, running or ended"),
    Column("decision", "text", "verdict on the whole experiment: ship, keep_running, stop_harmful, stop_no_effect, "
           "cannot_trust, no_difference_found, given_up or inconclusive"),
    Column("method", "text", "how it may be read: sequential (at any time), group_sequential or fixed"),
    Column("alpha", "number", "error that is accepted, two-sided"),
    Column("srm_p_value", "number", "p-value of the split between the arms, over all customers"),
    Column("srm_mismatch", "flag", "true where the split cannot be trusted"),
    Column("segment_id", "text", "segment at first exposure; empty in the rows of all customers"),
    Column("segment", "text", "its name"),
    Column("variant", "text", "the arm"),
    Column("is_control", "flag", "true for the arm that the others are compared with"),
    Column("exposed", "integer", "customers who are compared, each in the first variant seen"),
    Column("expected_share", "number", "share of customers that the arm should have"),
    Column("contaminated", "integer", "customers who were shown another variant too, by the first"),
    Column("repeated", "integer", "later exposures of customers already counted"),
    Column("converted", "integer", "customers with a conversion within the window"),
    Column("orders", "integer", "orders, or conversion events where those convert, within the window"),
    Column("revenue", "number", "revenue within the window after refunds, in the shop's currency"),
    Column("retained", "integer", "customers with a second order within the retention days"),
    Column("metric", "text", "what the columns below are of"),
    Column("role", "text", "primary, or guardrail"),
    Column("value", "number", "the metric in this arm: a share, or money by customer or by order"),
    Column("effect", "number", "value less the control's; empty for the control, as all below"),
    Column("ci_low", "number", "lower end of the effect's interval, valid if read once"),
    Column("ci_high", "number", "upper end"),
    Column("p_value", "number", "two-sided p-value, valid if read once"),
    Column("p_adjusted", "number", "the same of the deciding estimate, corrected over its family"),
    Column("sequential_ci_low", "number", "lower end of the always-valid interval"),
    Column("sequential_ci_high", "number", "upper end"),
    Column("sequential_p_value", "number", "always-valid p-value"),
    Column("sequential_p_adjusted", "number", "the same of the deciding estimate, corrected over its family"),
    Column("lift", "number", "relative change: 0.1 is 10% more than the control"),
    Column("lift_ci_low", "number", "lower end of the lift's interval (Fieller)"),
    Column("lift_ci_high", "number", "upper end"),
    Column("cuped_effect", "number", "effect on revenue per customer, adjusted by what was spent before exposure"),
    Column("cuped_ci_low", "number", "lower end of its interval, valid if read once"),
    Column("cuped_ci_high", "number", "upper end"),
    Column("decided_by", "text", "the deciding estimate: plain or cuped"),
    Column("minimum_detectable_effect", "number", "smallest difference to be found by now, in the metric's unit"),
    Column("cannot_say", "text", "why there is no effect; docs/experiments.md has the reasons in words"),
    Column("deciding_effect", "number", "the effect that the verdict goes by, by the declared method and after CUPED"),
    Column("deciding_ci_low", "number", "lower end of its interval"),
    Column("deciding_ci_high", "number", "upper end"),
    Column("deciding_p_adjusted", "number", "its p-value, corrected over its family; empty for planned looks"),
    Column("validity", "text", "when it may be read: always, once, or planned_look"),
    Column("guardrail_answer", "text", "of guardrails: worse, cannot_tell, or not_worse by more than the margin"),
)  # fmt: skip
"""Columns are added at the end, and never renamed or removed."""


def rows(redis_url: str | None) -> Iterator[dict[str, Any]]:
    """Yield the rows of every experiment, sorted by id."""
    experiments = open_experiments(redis_url)
    names = all_segment_names(experiments.client)
    for experiment, _, report in experiments.all():
        yield from _of_report(experiment, report, names)


def _of_report(experiment: Experiment, found: Report, names: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    head = {
        "experiment": found.experiment,
        "at": found.at,
        "status": experiment.status(found.at),
        "decision": found.verdict.decision,
        "method": found.method,
        "alpha": found.alpha,
        "srm_p_value": found.srm.p_value,
        "srm_mismatch": found.srm.mismatch,
    }
    rails = {(row.variant, row.metric): row.answer for row in found.guardrails.rows}
    parts = [("", found.overall.arms, found.overall.comparisons)]
    parts += [(part.segment, part.arms, part.comparisons) for part in found.segments]
    for segment, arms, comparisons in parts:
        place = {"segment_id": segment, "segment": names.get(segment, segment)}
        compared = {(row.variant, row.metric): row for row in comparisons}
        for arm in arms:
            for metric in experiment.metrics:
                row = compared.get((arm.variant, metric))
                role = "primary" if metric is experiment.primary_metric else "guardrail"
                answer = None if segment else rails.get((arm.variant, metric))
                told = {"role": role, **_comparison(row), "guardrail_answer": answer}
                yield {**head, **place, **_arm(experiment, arm, metric), **told}


def _arm(experiment: Experiment, arm: Arm, metric: Metric) -> dict[str, Any]:
    names = (
        "variant", "exposed", "expected_share", "contaminated", "repeated", "converted", "orders", "revenue",
        "retained",
    )  # fmt: skip
    return {
        **{name: getattr(arm, name) for name in names},
        "is_control": arm.variant == experiment.control,
        "metric": metric.value,
        "value": arm.value(metric),
    }


def _comparison(row: Comparison | None) -> dict[str, Any]:
    """Return the columns of a comparison; empty for the control."""
    plain, cuped = row or Finding(), (row.cuped if row else None) or Finding()
    lift, sequential = (row.lift, row.sequential) if row else (Finding(), Finding())
    return {
        "effect": plain.effect,
        **_ends("ci", plain),
        "p_value": plain.p_value,
        "p_adjusted": plain.p_adjusted,
        **_ends("sequential_ci", sequential),
        "sequential_p_value": sequential.p_value,
        "sequential_p_adjusted": sequential.p_adjusted,
        "lift": lift.effect,
        **_ends("lift_ci", lift),
        "cuped_effect": cuped.effect,
        **_ends("cuped_ci", cuped),
        "decided_by": row.decided_by if row else None,
        "minimum_detectable_effect": row.minimum_detectable_effect if row else None,
        "cannot_say": plain.cannot_say.value if plain.cannot_say else None,
        "deciding_effect": row.decides.effect if row else None,
        **_ends("deciding_ci", row.decides if row else Finding()),
        "deciding_p_adjusted": row.decides.p_adjusted if row else None,
        "validity": row.decides.validity if row else None,
    }


def _ends(name: str, found: Finding | Deciding) -> dict[str, float | None]:
    low, high = (None, None) if found.ci is None else found.ci
    return {f"{name}_low": low, f"{name}_high": high}
