"""The verdict of an experiment: a decision, one plain sentence, and the reason."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from experiments.definition import Experiment
from experiments.planning.remaining_time import is_complete, minimum_effect, remaining
from experiments.reporting import document
from experiments.reporting.number_words import days, difference, metric_name, percent, signed
from experiments.statistics.sample_ratio_mismatch import MISMATCH_P_VALUE
from experiments.statistics.value_or_reason import Interval, NotComputable
from experiments.tally import Tallies

__all__ = ["decide"]


class _MethodFinding(NamedTuple):
    """One comparison by the declared method: its effect and interval, and whether it is significant."""

    row: document.Comparison
    effect: float
    interval: Interval
    significant: bool


def decide(
    experiment: Experiment,
    tallies: Tallies,
    comparisons: Sequence[document.Comparison],
    srm: document.SampleRatio,
    now: datetime,
) -> document.Verdict:
    """Return the verdict on the adjusted overall comparisons.

    1. Arms that did not fill as assigned: nothing below can be trusted.
    2. An experiment with a planned end is not judged before it; one given up earlier never is.
    3. A primary metric found better, no guardrail found worse: ship, the largest effect where there are several.
    4. Every treatment found worse, in the primary metric or a guardrail: stop.
    5. Every treatment differs by less than the minimum effect: stop. 6. Else keep running, or end without a finding.
    """
    if srm.mismatch:
        return _mismatch(srm, experiment.method)
    if experiment.method == "fixed" and not is_complete(experiment, tallies, now):
        return _before_its_end(experiment, tallies, now)
    deciding = [found for row in comparisons if (found := _by_method(experiment, row)) is not None]
    primary = [each for each in deciding if each.row.role == "primary"]
    # Reversed, so that the primary metric, which comes first, is the one named.
    harmed = {each.row.variant: each for each in reversed(deciding) if each.significant and each.effect < 0.0}
    winners = [each for each in primary if each.significant and each.effect > 0.0 and each.row.variant not in harmed]
    if winners:
        return _ship(max(winners, key=lambda each: each.effect))
    if len(harmed) == len(experiment.treatments):
        return _harmful(harmed[experiment.treatments[0]])
    return _undecided(experiment, tallies, primary, now)


def _by_method(experiment: Experiment, row: document.Comparison) -> _MethodFinding | None:
    """Return the row's finding by the declared method, or None where it is not computable."""
    plain = row.deciding
    if experiment.method == "group_sequential":
        look = row.group_sequential
        if look is None or look.ci is None or plain.effect is None:
            return None
        return _MethodFinding(row, plain.effect, look.ci, look.crossed)
    source, p_adjusted = plain, row.p_adjusted
    if experiment.method == "sequential":
        source, p_adjusted = row.deciding_sequential, row.sequential.p_adjusted
    if source.effect is None or source.ci is None or p_adjusted is None:
        return None
    return _MethodFinding(row, source.effect, source.ci, p_adjusted < experiment.alpha)


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


def _ship(winner: _MethodFinding) -> document.Verdict:
    row = winner.row
    return document.Verdict(
        decision="ship",
        sentence=f"Ship {row.variant}: {metric_name(row.metric)} is {difference(row.metric, winner.effect)} than with "
        f"{row.control}.",
        reason=f"{_interval_sentence(winner)}; no guardrail was found to be worse.",
        variant=row.variant,
    )


def _harmful(loser: _MethodFinding) -> document.Verdict:
    row = loser.row
    return document.Verdict(
        decision="stop_harmful",
        sentence=f"Stop: {row.variant} is harmful, {metric_name(row.metric)} is {difference(row.metric, loser.effect)} "
        f"than with {row.control}.",
        reason=f"{_interval_sentence(loser)}.",
        variant=row.variant,
    )


def _interval_sentence(found: _MethodFinding) -> str:
    low, high = (signed(found.row.metric, end) for end in found.interval)
    return f"The interval of the difference is {low} to {high}, and the finding stands after correction"


def _undecided(
    experiment: Experiment, tallies: Tallies, primary: Sequence[_MethodFinding], now: datetime
) -> document.Verdict:
    least = minimum_effect(experiment, tallies)
    small = [each for each in primary if least and -least < each.interval.low and each.interval.high < least]
    if len(small) == len(experiment.treatments):
        return document.Verdict(
            decision="stop_no_effect",
            sentence=f"Stop: {metric_name(experiment.primary_metric)} differs by less than the "
            f"{percent(experiment.minimum_effect)} worth finding.",
            reason="The whole interval of the difference lies within the minimum effect.",
        )
    if experiment.stopped_at is not None or is_complete(experiment, tallies, now):
        return document.Verdict(
            decision="no_difference_found",
            sentence="Stop: the experiment has ended and no difference was found.",
            reason="No effect stands after correction; one too small for this many customers may exist.",
        )
    return _keep_running(experiment, tallies, now, "No effect stands after correction yet.")


def _before_its_end(experiment: Experiment, tallies: Tallies, now: datetime) -> document.Verdict:
    if experiment.stopped_at is not None:
        return document.Verdict(
            decision="given_up",
            sentence="No decision: the experiment was ended before its planned end.",
            reason="A test with a planned end says nothing before it; a sequential one may be read at any time.",
        )
    return _keep_running(experiment, tallies, now, "A test with a planned end is read once, at that end.")


def _keep_running(experiment: Experiment, tallies: Tallies, now: datetime, reason: str) -> document.Verdict:
    left = remaining(experiment, tallies, now)
    if isinstance(left, NotComputable):
        return document.Verdict(
            decision="keep_running",
            sentence="Keep running: nothing is decided yet, and how many more days are needed cannot be said.",
            reason=f"{reason} {left.reason.sentence}",
        )
    return document.Verdict(
        decision="keep_running",
        sentence=f"Keep running: needs about {days(left.days)}.",
        reason=reason,
        more_days=left.days,
        more_customers=left.customers,
    )
