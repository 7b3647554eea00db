"""Simulated experiments that are looked at as they grow: how often does an interval ever leave out the truth?"""

from collections import Counter
from typing import Final

import numpy as np

from bench.statistics.interval_coverage import ALPHA, TRUTH, arm
from bench.statistics.repeated_looks import Looks
from experiments import Metric, NotComputable, Tally
from experiments.sequential.always_valid import always_valid
from experiments.sequential.always_valid_rates import two_rate_sequences
from experiments.sequential.group_sequential import critical_values, obrien_fleming
from experiments.statistics.metric_samples import cuped_samples, samples
from experiments.statistics.value_or_reason import Estimate, Result

__all__ = ["exact_difference_misses", "repeated_interval_misses", "sequence_misses"]

_METRICS: Final = {
    "revenue per customer": Metric.REVENUE_PER_CUSTOMER,
    "average order value": Metric.AVERAGE_ORDER_VALUE,
    "conversion rate": Metric.CONVERSION_RATE,
}


def sequence_misses(seed: int, runs: int, looks: int, *, every: int = 500) -> dict[str, float]:
    """Return, by metric, the share of runs whose always-valid interval leaves out the true effect at any look.

    Both arms grow by `every` / 2 customers a look; the treatment converts 10% more and spends 10% more.
    """
    chance, missed = np.random.default_rng(seed), Counter[str]()
    for _ in range(runs):
        treatment, control, out = Tally(), Tally(), set[str]()
        for _ in range(looks):
            treatment += arm(chance, every // 2, treated=True)
            control += arm(chance, every // 2, treated=False)
            out |= {name for name, found in _sequences(treatment, control).items() if _leaves_out(found, TRUTH[name])}
        missed.update(out)
    return {name: missed[name] / runs for name in TRUTH}


def exact_difference_misses(
    seed: int, runs: int, looks: int, *, rate: float = 0.01, lift: float = 0.5, every: int = 20
) -> float:
    """Return the share of runs whose exact sequence of a difference of rates ever leaves it out."""
    chance = np.random.default_rng(seed)
    counts = chance.binomial(every, [[[rate * (1.0 + lift)]], [[rate]]], (2, runs, looks)).cumsum(axis=2)
    sizes, missed = every * np.arange(1, looks + 1), 0
    for ours, theirs in zip(*counts.tolist(), strict=True):
        found = (two_rate_sequences(a, n, b, n, ALPHA) for a, b, n in zip(ours, theirs, sizes.tolist(), strict=True))
        missed += any(_leaves_out(each, rate * lift) for each in found)
    return missed / runs


def repeated_interval_misses(seen: Looks, truth: float) -> float:
    """Return the share of runs in which the interval of any planned look leaves out the true effect."""
    looks = seen.effect.shape[1]
    shares = tuple(k / looks for k in range(1, looks + 1))
    z = np.abs(seen.effect - truth) / np.sqrt(seen.squared_error)
    return float((z >= np.array(critical_values(shares, ALPHA, obrien_fleming))).any(axis=1).mean())


def _sequences(treatment: Tally, control: Tally) -> dict[str, Result[Estimate]]:
    found: dict[str, Result[Estimate]] = {}
    for name, metric in _METRICS.items():
        pair = samples(metric, treatment, control)
        found[name] = pair if isinstance(pair, NotComputable) else always_valid(*pair, ALPHA)
    after = cuped_samples(treatment, control)
    found["revenue per customer after CUPED"] = (
        after if isinstance(after, NotComputable) else always_valid(after.treatment, after.control, ALPHA)
    )
    return found


def _leaves_out(found: Result[Estimate], truth: float) -> bool:
    return not isinstance(found, NotComputable) and not found.interval.low <= truth <= found.interval.high
