"""The verdict of an experiment: a decision, one plain sentence, and the reason."""

from collections.abc import Sequence
from datetime import datetime

from experiments.definition import Experiment
from experiments.planning.remaining_time import (
    Remaining,
    fewest_buyers,
    is_complete,
    minimum_effect,
    remaining,
    smallest_arm,
    until_buyers,
    until_minimum,
)
from experiments.reporting import document
from experiments.reporting.number_words import difference, forecast, metric_name, percent, signed
from experiments.statistics.metric_samples import RATES
from experiments.statistics.sample_ratio_mismatch import MISMATCH_P_VALUE
from experiments.statistics.value_or_reason import Interval, NotComputable, Result
from experiments.tally import Tallies

__all__ = ["decide"]


def decide(
    experiment: Experiment,
    tallies: Tallies,
    comparisons: Sequence[document.Comparison],
    guardrails: document.Guardrails,
    srm: document.SampleRatio,
    now: datetime,
) -> document.Verdict:
    """Return the verdict on the adjusted overall comparisons.

    1. Arms that did not fill as assigned: nothing below can be trusted.
    2. An experiment with a planned end is not judged before it; one given up earlier never is.
    3. An arm with fewer customers than the minimum, or, for money, fewer buyers: too early.
    4. A primary metric found better, and no guardrail worse by more than its margin: ship, the largest effect where
       there are several. Where a guardrail cannot be told yet: keep running.
    5. Every treatment found worse, in the primary metric or a guardrail: stop.
    6. Every treatment differs by less than the minimum effect: stop. 7. Else keep running, or end without a finding.

    A finding stands after correction, and its own interval leaves out zero.
    """
    if srm.mismatch:
        return _mismatch(srm, experiment.method)
    if experiment.method == "fixed" and not is_complete(experiment, tallies, now):
        return _before_its_end(experiment, tallies, now)
    if smallest_arm(experiment, tallies)[1] < experiment.minimum_customers:
        return _too_few(experiment, tallies, now)
    if experiment.primary_metric not in RATES and fewest_buyers(experiment, tallies)[1] < experiment.minimum_buyers:
        return _too_few_buyers(experiment, tallies, now)
    primary = [row for row in comparisons if row.role == "primary"]
    # Reversed, so that the primary metric, which comes first, is the one named.
    harmed = {row.variant: row for row in reversed(comparisons) if _found(experiment, row) < 0}
    winners = [row for row in primary if _found(experiment, row) > 0 and row.variant not in harmed]
    if winners:
        return _better(experiment, tallies, winners, guardrails, now)
    if len(harmed) == len(experiment.treatments):
        return _harmful(harmed[experiment.treatments[0]])
    return _undecided(experiment, tallies, primary, now)


def _found(experiment: Experiment, row: document.Comparison) -> int:
    """Return 1 where the treatment was found better, -1 where it was found worse, else 0."""
    if not row.decides.is_significant(experiment.alpha):
        return 0
    return 1 if _effect(row) > 0.0 else -1


def _effect(row: document.Comparison) -> float:
    return row.decides.effect or 0.0


def _mismatch(srm: document.SampleRatio, method: str) -> document.Verdict:
    whole = srm.deciding(method)
    overall = whole is not None and whole < MISMATCH_P_VALUE
    p_values = [whole] if overall else [each.p_adjusted for each in srm.segments]
    p_value = min(each for each in p_values if each is not None)
    return document.Verdict(
        decision="cannot_trust",
        sentence="Cannot trust: customers did not arrive in the arms as they were assigned (sample-ratio mismatch).",
        reason=f"A split as uneven as the one {'overall' if overall else 'in a segment'} has a chance of "
        f"{_small(p_value)}; find its cause before reading any effect.",
    )


def _small(p_value: float) -> str:
    return f"{p_value:.2g}" if p_value >= 1e-16 else "less than 1e-16"


def _too_few(experiment: Experiment, tallies: Tallies, now: datetime) -> document.Verdict:
    name, customers = smallest_arm(experiment, tallies)
    needs = f"{name} has {customers:,} customers, and a verdict takes {experiment.minimum_customers:,} in each arm."
    return _too_early(experiment, tallies, now, "customers", needs, until_minimum(experiment, tallies, now))


def _too_few_buyers(experiment: Experiment, tallies: Tallies, now: datetime) -> document.Verdict:
    name, buyers = fewest_buyers(experiment, tallies)
    needs = (
        f"{name} has {buyers:,} customers with an order, and a verdict on {metric_name(experiment.primary_metric)} "
        f"takes {experiment.minimum_buyers:,} in each arm."
    )
    return _too_early(experiment, tallies, now, "buyers", needs, until_buyers(experiment, tallies, now))


def _too_early(
    experiment: Experiment, tallies: Tallies, now: datetime, missing: str, needs: str, left: Result[Remaining]
) -> document.Verdict:
    if _has_ended(experiment, tallies, now):
        sentence = f"No decision: the experiment has ended with too few {missing}."
        return document.Verdict(decision="inconclusive", sentence=sentence, reason=needs)
    return _more("Keep running: too early for a verdict", left, needs)


def _better(
    experiment: Experiment,
    tallies: Tallies,
    winners: Sequence[document.Comparison],
    guardrails: document.Guardrails,
    now: datetime,
) -> document.Verdict:
    open_rows = [row for row in guardrails.rows if row.answer != "not_worse"]
    clear = [row for row in winners if row.variant not in {each.variant for each in open_rows}]
    if clear:
        return _ship(max(clear, key=_effect), guardrails)
    winner = max(winners, key=_effect)
    told = f"{metric_name(winner.metric)} is {difference(winner.metric, _effect(winner))} with {winner.variant}"
    unclear = [row for row in open_rows if row.variant == winner.variant]
    reason = " ".join(row.why for row in unclear)
    metrics = " and ".join(metric_name(row.metric) for row in unclear)
    missing = f"{told}, but whether {metrics} is worse cannot be told"
    if _has_ended(experiment, tallies, now):
        return document.Verdict(decision="inconclusive", sentence=f"No decision: {missing}.", reason=reason)
    known = [row for row in unclear if row.more_days is not None]
    return document.Verdict(
        decision="keep_running",
        sentence=f"Keep running: {missing} yet.",
        reason=reason,
        more_days=max(row.more_days or 0 for row in known) if known and len(known) == len(unclear) else None,
        more_customers=max((row.more_customers or 0 for row in unclear), default=0) or None,
    )


def _ship(row: document.Comparison, guardrails: document.Guardrails) -> document.Verdict:
    rail = guardrails.sentence if guardrails.answer in {"none_set", "not_worse"} else _rails_of(row, guardrails)
    return document.Verdict(
        decision="ship",
        sentence=f"Ship {row.variant}: {metric_name(row.metric)} is {difference(row.metric, _effect(row))} than with "
        f"{row.control}.",
        reason=f"{_interval_sentence(row)}. {rail}",
        variant=row.variant,
    )


def _rails_of(row: document.Comparison, guardrails: document.Guardrails) -> str:
    """Return what is said of the guardrails of one treatment, where another's are worse or cannot be told."""
    return " ".join(each.why for each in guardrails.rows if each.variant == row.variant)


def _harmful(row: document.Comparison) -> document.Verdict:
    return document.Verdict(
        decision="stop_harmful",
        sentence=f"Stop: {row.variant} is harmful, {metric_name(row.metric)} is {difference(row.metric, _effect(row))} "
        f"than with {row.control}.",
        reason=f"{_interval_sentence(row)}.",
        variant=row.variant,
    )


def _interval_sentence(row: document.Comparison) -> str:
    low, high = (signed(row.metric, end) for end in row.decides.ci or Interval(0.0, 0.0))
    return f"The interval of the difference is {low} to {high}, and the finding stands after correction"


def _undecided(
    experiment: Experiment, tallies: Tallies, primary: Sequence[document.Comparison], now: datetime
) -> document.Verdict:
    least = minimum_effect(experiment, tallies)
    intervals = [row.decides.ci for row in primary if row.decides.ci is not None]
    small = [each for each in intervals if least and -least < each.low and each.high < least]
    if len(small) == len(experiment.treatments):
        return document.Verdict(
            decision="stop_no_effect",
            sentence=f"Stop: {metric_name(experiment.primary_metric)} differs by less than the "
            f"{percent(experiment.minimum_effect)} worth finding.",
            reason="The whole interval of the difference lies within the minimum effect.",
        )
    if _has_ended(experiment, tallies, now):
        return document.Verdict(
            decision="no_difference_found",
            sentence="Stop: the experiment has ended and no difference was found.",
            reason="No effect stands after correction; one too small for this many customers may exist.",
        )
    return _keep_running(experiment, tallies, now, "No effect stands after correction yet.")


def _has_ended(experiment: Experiment, tallies: Tallies, now: datetime) -> bool:
    return experiment.stopped_at is not None or is_complete(experiment, tallies, now)


def _before_its_end(experiment: Experiment, tallies: Tallies, now: datetime) -> document.Verdict:
    if experiment.stopped_at is not None:
        return document.Verdict(
            decision="given_up",
            sentence="No decision: the experiment was ended before its planned end.",
            reason="A test with a planned end says nothing before it; a sequential one may be read at any time.",
        )
    return _keep_running(experiment, tallies, now, "A test with a planned end is read once, at that end.")


def _keep_running(experiment: Experiment, tallies: Tallies, now: datetime, reason: str) -> document.Verdict:
    return _more("Keep running", remaining(experiment, tallies, now), reason)


def _more(begin: str, left: Result[Remaining], reason: str) -> document.Verdict:
    """Return a verdict that says what is still missing, where that is known."""
    if isinstance(left, NotComputable):
        return document.Verdict(
            decision="keep_running",
            sentence="Keep running: nothing is decided yet, and how many more days are needed cannot be said.",
            reason=f"{reason} {left.reason.sentence}",
        )
    joined = ": needs" if begin == "Keep running" else "; needs"
    return document.Verdict(
        decision="keep_running",
        sentence=f"{begin}{joined} {forecast(left)}.",
        reason=reason,
        more_days=left.days,
        more_customers=left.customers,
    )
