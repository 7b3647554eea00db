"""From a definition and its tallies to the report document."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from experiments.definition import Experiment, Metric
from experiments.reporting import document
from experiments.reporting.arms import across_arms, arm_rows, probabilities, sample_ratios
from experiments.reporting.comparison import Family, compare
from experiments.reporting.guardrails import judge_guardrails
from experiments.reporting.verdict import decide
from experiments.sequential.heterogeneity import Pair, against_the_rest, cochran_q
from experiments.statistics.metric_samples import normal_samples
from experiments.statistics.multiplicity import adjusted_p_values
from experiments.statistics.value_or_reason import NotComputable, Result, both
from experiments.tally import Tallies, Tally

__all__ = ["Judgement", "judge", "report"]


class Judgement(NamedTuple):
    """A verdict, and what it rests on; `exposed` customers are in the arms."""

    exposed: int
    srm: document.SampleRatio
    comparisons: list[document.Comparison]
    guardrails: document.Guardrails
    verdict: document.Verdict


def report(
    experiment: Experiment, tallies: Tallies, now: datetime, left_out: Mapping[str, int] | None = None
) -> document.Report:
    """Return everything that is known of the experiment at `now`, with a verdict.

    `left_out` counts what is in no tally, by reason; it is passed on.

    Tallies of variants that the definition does not have are left out. P-values are adjusted within three families:
    the primary metric over all treatments, the guardrails over all treatments, and segments x metrics x treatments.
    """
    segments, judgement = _segments_of(experiment, tallies), judge(experiment, tallies, now)
    overall = document.Overall(
        arms=arm_rows(experiment, tallies),
        comparisons=judgement.comparisons,
        across_arms=across_arms(experiment, tallies),
        bayes=probabilities(experiment, tallies),
        heterogeneity=_heterogeneity(experiment, tallies, segments),
    )
    return document.Report(
        experiment=experiment.id,
        at=now,
        method=experiment.method,
        alpha=experiment.alpha,
        correction=experiment.correction,
        primary_metric=experiment.primary_metric,
        srm=judgement.srm,
        overall=overall,
        segments=_segments(experiment, tallies, segments),
        guardrails=judgement.guardrails,
        verdict=judgement.verdict,
        left_out=dict(left_out or {}),
    )


def judge(experiment: Experiment, tallies: Tallies, now: datetime) -> Judgement:
    """Return the verdict on the experiment at `now`, and what it rests on, without the rest of the report."""
    information = _information(experiment, tallies)
    srm = sample_ratios(experiment, tallies, _segments_of(experiment, tallies))
    primary = _family(experiment, tallies, (experiment.primary_metric,), "primary", information)
    guardrails = _family(experiment, tallies, experiment.guardrails, "guardrails", information)
    comparisons = [*_adjusted(primary, experiment), *_adjusted(guardrails, experiment)]
    answers = judge_guardrails(experiment, tallies, comparisons, now)
    exposed = sum(tallies.arm(variant.name).exposed for variant in experiment.variants)
    return Judgement(exposed, srm, comparisons, answers, decide(experiment, tallies, comparisons, answers, srm, now))


def _segments_of(experiment: Experiment, tallies: Tallies) -> tuple[str, ...]:
    return tallies.segments if experiment.segments is None else experiment.segments


def _information(experiment: Experiment, tallies: Tallies) -> float | None:
    if experiment.method != "group_sequential" or experiment.planned_customers is None:
        return None
    exposed = sum(tallies.arm(variant.name).exposed for variant in experiment.variants)
    return max(exposed, 0) / experiment.planned_customers


def _family(
    experiment: Experiment,
    tallies: Tallies,
    metrics: Sequence[Metric],
    family: Family,
    information: float | None = None,
) -> list[document.Comparison]:
    return [
        compare(experiment, variant, metric, _arms(experiment, tallies, variant), family, information)
        for metric in metrics
        for variant in experiment.treatments
    ]


def _segments(experiment: Experiment, tallies: Tallies, segments: Sequence[str]) -> list[document.Segment]:
    parts = [tallies.of_segment(segment) for segment in segments]
    families = [_family(experiment, part, experiment.metrics, "segments") for part in parts]
    rows = iter(_adjusted([row for family in families for row in family], experiment))
    contrasts = [
        _against_the_rest(experiment, part, tallies.without_segment(each))
        for each, part in zip(segments, parts, strict=True)
    ]
    against = iter(_adjusted_contrasts([row for each in contrasts for row in each], experiment))
    return [
        document.Segment(
            segment=segment,
            arms=arm_rows(experiment, part),
            comparisons=[next(rows) for _ in family],
            against_the_rest=[next(against) for _ in family],
        )
        for segment, part, family in zip(segments, parts, families, strict=True)
    ]


def _adjusted(rows: Sequence[document.Comparison], experiment: Experiment) -> list[document.Comparison]:
    fixed = adjusted_p_values([row.deciding.p_value for row in rows], experiment.correction)
    always = adjusted_p_values([row.deciding_sequential.p_value for row in rows], experiment.correction)
    return [
        row.model_copy(update={"p_adjusted": p, "sequential": row.sequential.model_copy(update={"p_adjusted": q})})
        for row, p, q in zip(rows, fixed, always, strict=True)
    ]


def _heterogeneity(experiment: Experiment, tallies: Tallies, segments: Sequence[str]) -> list[document.Heterogeneity]:
    rows = []
    for metric in experiment.metrics:
        for variant in experiment.treatments:
            found = (normal_samples(metric, *_arms(experiment, tallies.of_segment(each), variant)) for each in segments)
            outcome = cochran_q([pair for pair in found if not isinstance(pair, NotComputable)])
            if isinstance(outcome, NotComputable):
                rows.append(document.Heterogeneity(variant=variant, metric=metric, cannot_say=outcome.reason))
            else:
                rows.append(document.Heterogeneity(variant=variant, metric=metric, **outcome._asdict()))
    return rows


def _against_the_rest(experiment: Experiment, part: Tallies, rest: Tallies) -> list[document.Contrast]:
    rows = []
    for metric in experiment.metrics:
        for variant in experiment.treatments:
            ours = normal_samples(metric, *_arms(experiment, part, variant))
            theirs = normal_samples(metric, *_arms(experiment, rest, variant))
            pairs = both(ours, theirs)
            rows.append(_contrast(experiment, variant, metric, pairs))
    return rows


def _adjusted_contrasts(rows: Sequence[document.Contrast], experiment: Experiment) -> list[document.Contrast]:
    fixed = adjusted_p_values([row.p_value for row in rows], experiment.correction)
    always = adjusted_p_values([row.sequential_p_value for row in rows], experiment.correction)
    return [
        row.model_copy(update={"p_adjusted": p, "sequential_p_adjusted": q})
        for row, p, q in zip(rows, fixed, always, strict=True)
    ]


def _contrast(
    experiment: Experiment, variant: str, metric: Metric, pairs: Result[tuple[Pair, Pair]]
) -> document.Contrast:
    outcome = (
        pairs
        if isinstance(pairs, NotComputable)
        else against_the_rest(*pairs, experiment.alpha, experiment.expected_customers)
    )
    if isinstance(outcome, NotComputable):
        return document.Contrast(variant=variant, metric=metric, cannot_say=outcome.reason)
    return document.Contrast(variant=variant, metric=metric, **outcome._asdict())


def _arms(experiment: Experiment, tallies: Tallies, variant: str) -> tuple[Tally, Tally]:
    return tallies.arm(variant), tallies.arm(experiment.control)
