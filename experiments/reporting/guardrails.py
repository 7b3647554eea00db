"""Guardrails: none set; one is worse; it cannot be told yet; or none is worse by more than its margin."""

from collections.abc import Sequence
from datetime import datetime

from experiments.definition import Experiment, Metric
from experiments.planning.remaining_time import Remaining, customers_to_narrow, is_complete, until, until_buyers
from experiments.reporting import document
from experiments.reporting.number_words import forecast, metric_name, percent, signed
from experiments.statistics.metric_samples import measure
from experiments.statistics.value_or_reason import NotComputable, Reason, Result
from experiments.tally import Tallies

__all__ = ["judge_guardrails"]


def judge_guardrails(
    experiment: Experiment, tallies: Tallies, comparisons: Sequence[document.Comparison], now: datetime
) -> document.Guardrails:
    """Return an answer for each guardrail and treatment, and one for all.

    A guardrail is not worse where the whole deciding interval lies above minus the margin (non-inferiority), which is a
    share of the control's average. All have to pass, so that their intervals need no correction.
    """
    rows = [_judge(experiment, tallies, row, now) for row in comparisons if row.role == "guardrail"]
    if not rows:
        return document.Guardrails(answer="none_set", sentence="No guardrails are set.")
    for answer in ("worse", "cannot_tell"):
        found = [row for row in rows if row.answer == answer]
        if found:
            return document.Guardrails(answer=found[0].answer, sentence=" ".join(row.why for row in found), rows=rows)
    margins = ", ".join(
        f"{metric_name(metric)} ({percent(experiment.margin(metric))})" for metric in experiment.guardrails
    )
    sentence = f"No guardrail is worse by more than its margin: {margins}."
    return document.Guardrails(answer="not_worse", sentence=sentence, rows=rows)


def _judge(experiment: Experiment, tallies: Tallies, row: document.Comparison, now: datetime) -> document.Guardrail:
    found, name = row.decides, f"{metric_name(row.metric)} with {row.variant}"
    margin = _margin(experiment, tallies, row.metric)
    if experiment.method == "fixed" and not is_complete(experiment, tallies, now):
        return document.Guardrail(
            variant=row.variant, metric=row.metric, answer="cannot_tell", margin=margin,
            why=f"Of {name} it cannot be told yet whether it is worse: a test with a planned end is read at that end.",
        )  # fmt: skip
    if found.effect is None or found.ci is None or margin is None:
        return _without_figures(experiment, tallies, row, margin, now)
    said = {"variant": row.variant, "metric": row.metric, "margin": margin, "low": found.ci.low}
    if found.effect < 0.0 and found.is_significant(experiment.alpha):
        high = signed(row.metric, found.ci.high)
        return document.Guardrail(**said, answer="worse", why=f"{_capital(name)} is worse, by {high} at best.")
    limit = signed(row.metric, -margin)
    if found.ci.low > -margin:
        return document.Guardrail(
            **said, answer="not_worse", why=f"{_capital(name)} is not worse by more than its margin, {limit}."
        )
    left = _until_told(experiment, tallies, found.effect, found.effect - found.ci.low, margin, now)
    told = _reason(left) if isinstance(left, NotComputable) else forecast(left)
    return document.Guardrail(
        **said,
        answer="cannot_tell",
        why=f"Of {name} it cannot be told yet whether it is worse: its interval begins at "
        f"{signed(row.metric, found.ci.low)}, and the margin is {limit}; {told}.",
        more_days=None if isinstance(left, NotComputable) else left.days,
        more_customers=None if isinstance(left, NotComputable) else left.customers,
    )


def _without_figures(
    experiment: Experiment, tallies: Tallies, row: document.Comparison, margin: float | None, now: datetime
) -> document.Guardrail:
    reason = row.decides.cannot_say
    why = "the control has no average yet." if reason is None else reason.sentence
    soon = reason is Reason.TOO_FEW_BUYERS
    left = until_buyers(experiment, tallies, now) if soon else NotComputable(Reason.NO_ORDERS)
    known = None if isinstance(left, NotComputable) else left
    told = "" if known is None else f" That takes {forecast(known)}."
    name = f"{metric_name(row.metric)} with {row.variant}"
    return document.Guardrail(
        variant=row.variant,
        metric=row.metric,
        answer="cannot_tell",
        margin=margin,
        cannot_say=reason,
        why=f"Of {name} it cannot be told yet whether it is worse: {why[0].lower()}{why[1:]}{told}",
        more_days=None if known is None else known.days,
        more_customers=None if known is None else known.customers,
    )


def _margin(experiment: Experiment, tallies: Tallies, metric: Metric) -> float | None:
    control = measure(metric, tallies.arm(experiment.control))
    if isinstance(control, NotComputable):
        return None
    return abs(control.mean) * experiment.margin(metric) or None


def _until_told(
    experiment: Experiment, tallies: Tallies, effect: float, width: float, margin: float, now: datetime
) -> Result[Remaining]:
    """Return what is missing until the interval's lower end is above minus the margin, if the effect stays as it is."""
    return until(experiment, tallies, customers_to_narrow(experiment, tallies, width, margin + min(effect, 0.0)), now)


def _reason(left: NotComputable) -> str:
    if left.reason is Reason.TOO_MANY_CUSTOMERS:
        return "to tell it would take more than a thousand million customers"
    return "how long that takes cannot be said"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
