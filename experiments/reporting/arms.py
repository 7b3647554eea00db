"""The report's rows by arm: results, sample ratios, omnibus tests, and the probability to be best."""

from experiments.definition import Experiment, Metric
from experiments.reporting import document
from experiments.statistics.bayes import ArmProbabilities, beta_binomial, normal
from experiments.statistics.metric_samples import RATES, measure, successes
from experiments.statistics.multiplicity import adjusted_p_values
from experiments.statistics.omnibus_tests import OmnibusTest, chi_squared, welch_anova
from experiments.statistics.proportions import wilson
from experiments.statistics.sample import Sample
from experiments.statistics.sample_ratio_mismatch import MISMATCH_P_VALUE, sample_ratio, sequential_sample_ratio
from experiments.statistics.unequal_allocation import pooled_if_uneven
from experiments.statistics.value_or_reason import NotComputable, Reason, Result
from experiments.tally import THOUSANDTHS, Tallies, Tally

__all__ = ["across_arms", "arm_rows", "probabilities", "sample_ratios"]


def arm_rows(experiment: Experiment, tallies: Tallies) -> list[document.Arm]:
    """Return what customers of each variant did, in the order of the definition."""
    total = sum(variant.weight for variant in experiment.variants)
    return [
        _arm(variant.name, variant.weight / total, tallies.arm(variant.name), experiment.alpha)
        for variant in experiment.variants
    ]


def across_arms(experiment: Experiment, tallies: Tallies) -> list[document.AcrossArms]:
    """Return a test of "no arm differs" for each metric, where there are more than two arms."""
    if len(experiment.variants) < 3:
        return []
    arms = [tallies.arm(variant.name) for variant in experiment.variants]
    rows = []
    for metric in experiment.metrics:
        outcome = _omnibus_test(metric, arms)
        if isinstance(outcome, NotComputable):
            rows.append(document.AcrossArms(metric=metric, cannot_say=outcome.reason))
        else:
            rows.append(document.AcrossArms(metric=metric, **outcome._asdict()))
    return rows


def probabilities(experiment: Experiment, tallies: Tallies) -> list[document.Probability]:
    """Return each arm's chance to be the best in the primary metric, and what choosing it may cost."""
    metric, names = experiment.primary_metric, [variant.name for variant in experiment.variants]
    found = _probabilities(metric, [tallies.arm(name) for name in names])
    if isinstance(found, NotComputable):
        return [document.Probability(variant=name, metric=metric, cannot_say=found.reason) for name in names]
    return [
        document.Probability(variant=name, metric=metric, probability_best=chance, expected_loss=loss)
        for name, chance, loss in zip(names, found.probability_best, found.expected_loss, strict=True)
    ]


def sample_ratios(experiment: Experiment, tallies: Tallies, segments: tuple[str, ...]) -> document.SampleRatio:
    """Return whether customers arrived in the arms as assigned, overall and in each segment.

    A sequential experiment is judged by the always-valid p-values, any other by the chi-squared ones.
    """
    overall = _ratio(experiment, tallies)
    rows = [
        document.SegmentRatio(segment=segment, **dict(_ratio(experiment, tallies.of_segment(segment))))
        for segment in segments
    ]
    corrected = adjusted_p_values([row.deciding(experiment.method) for row in rows], "holm")
    rows = [row.model_copy(update={"p_adjusted": p}) for row, p in zip(rows, corrected, strict=True)]
    p_values = [overall.deciding(experiment.method), *corrected]
    mismatch = any(p is not None and p < MISMATCH_P_VALUE for p in p_values)
    return document.SampleRatio(**dict(overall), mismatch=mismatch, segments=rows)


def _ratio(experiment: Experiment, tallies: Tallies) -> document.Split:
    exposed = [tallies.arm(variant.name).exposed for variant in experiment.variants]
    weights = [variant.weight for variant in experiment.variants]
    once, always = sample_ratio(exposed, weights), sequential_sample_ratio(exposed, weights)
    return document.Split(
        p_value=None if isinstance(once, NotComputable) else once,
        sequential_p_value=None if isinstance(always, NotComputable) else always,
        cannot_say=once.reason if isinstance(once, NotComputable) else None,
    )


def _arm(name: str, share: float, tally: Tally, alpha: float) -> document.Arm:
    interval = wilson(tally.converted, tally.exposed, alpha)
    return document.Arm(
        variant=name,
        exposed=tally.exposed,
        expected_share=share,
        converted=tally.converted,
        rate=_mean(Metric.CONVERSION_RATE, tally),
        rate_ci=None if isinstance(interval, NotComputable) else interval,
        orders=tally.orders,
        revenue=tally.revenue / THOUSANDTHS,
        revenue_per_customer=_mean(Metric.REVENUE_PER_CUSTOMER, tally),
        average_order_value=_mean(Metric.AVERAGE_ORDER_VALUE, tally),
        retained=tally.retained,
        retention=_mean(Metric.RETENTION, tally),
        contaminated=tally.contaminated,
        repeated=tally.repeated,
    )


def _mean(metric: Metric, tally: Tally) -> float | None:
    sample = measure(metric, tally)
    return None if isinstance(sample, NotComputable) else sample.mean


def _omnibus_test(metric: Metric, arms: list[Tally]) -> Result[OmnibusTest]:
    if metric in RATES:
        return chi_squared([(successes(metric, arm), arm.exposed) for arm in arms])
    found = _all_samples(metric, arms)
    return found if isinstance(found, NotComputable) else welch_anova(found)


def _probabilities(metric: Metric, arms: list[Tally]) -> Result[ArmProbabilities]:
    if metric in RATES:
        return beta_binomial([(successes(metric, arm), arm.exposed) for arm in arms])
    found = _all_samples(metric, arms)
    return found if isinstance(found, NotComputable) else normal(found)


def _all_samples(metric: Metric, arms: list[Tally]) -> Result[list[Sample]]:
    if not any(arm.exposed for arm in arms):
        return NotComputable(Reason.NO_EXPOSURES)
    found = []
    for arm in arms:
        sample = measure(metric, arm)
        if isinstance(sample, NotComputable):
            return sample
        found.append(sample)
    return pooled_if_uneven(found)
