"""Simulated experiments that are looked at again and again: how often is a difference found where there is none?"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from events.arrays import Floats
from experiments import NotComputable
from experiments.sequential.always_valid import half_width, mixture_p_value, mixture_precision
from experiments.sequential.always_valid_rates import log_evidence
from experiments.sequential.group_sequential import Spending, critical_values, obrien_fleming, pocock
from experiments.statistics.multiplicity import adjusted_p_values
from experiments.statistics.sample_ratio_mismatch import MISMATCH_P_VALUE, sequential_sample_ratio

__all__ = [
    "Looks",
    "conversions",
    "crossing_share",
    "ever_rejects",
    "family_wise_error",
    "group_sequential_error",
    "rate_sequence_misses",
    "revenues",
    "sample_ratio_alarms",
    "sequential_family_wise_error",
    "sequential_sample_ratio_alarms",
    "stopping_customers",
]

Counts = npt.NDArray[np.int64]
ALPHA: Final = 0.05


class Looks(NamedTuple):
    """What is known at each look, an array (runs, looks) each."""

    customers: Floats
    effect: Floats
    squared_error: Floats
    splits: Floats
    """Customers of the treatment."""

    def always_valid(self, expected_customers: float = 5_000) -> Floats:
        """Return always-valid p-values."""
        precision = mixture_precision(expected_customers, ALPHA)
        return np.asarray(mixture_p_value(self.effect, self.squared_error, self.customers, precision))

    def naive(self) -> Floats:
        """Return the p-values of a z-test at each look."""
        return np.asarray(2.0 * stats.norm.sf(np.abs(self.effect) / np.sqrt(self.squared_error)))

    def leaves_out(self, truth: float, expected_customers: float = 5_000) -> float:
        """Return the share of runs whose sequence leaves out the true effect at any look."""
        precision = mixture_precision(expected_customers, ALPHA)
        width = half_width(self.squared_error, self.customers, precision, ALPHA)
        return float((np.abs(self.effect - truth) > width).any(axis=1).mean())


def conversions(
    seed: int, runs: int, looks: int, *, rate: float = 0.05, lift: float = 0.0, every: int = 500, delay: float = 0.0
) -> Looks:
    """Return experiments whose customers convert, looked at after every so many exposures.

    Conversions are known `delay` looks after the exposure on average, with a geometric spread, or at once.
    """
    chance = np.random.default_rng(seed)
    ours = chance.binomial(every, 0.5, (runs, looks)).cumsum(axis=1)
    theirs = every * np.arange(1, looks + 1) - ours
    steps = np.diff(np.stack([ours, theirs]), axis=2, prepend=0)
    rates = np.array([rate * (1.0 + lift), rate])[:, None, None]
    converted = chance.binomial(steps, rates)
    counts = (_arrived(chance, converted, delay) if delay else converted).cumsum(axis=2)
    sizes = np.stack([ours, theirs]).astype(np.float64)
    means = counts / sizes
    variance = (means * (1.0 - means) / sizes).sum(axis=0)
    # Where fewer than 5 are expected in an arm, reports leave this test for the exact one: it finds nothing here.
    expected = sizes.min(axis=0) * counts.sum(axis=0) / sizes.sum(axis=0)
    return Looks(sizes.sum(axis=0), means[0] - means[1], np.where(expected < 5.0, np.inf, variance), sizes[0])


def _arrived(chance: np.random.Generator, converted: Counts, delay: float) -> Counts:
    waiting, arrived = np.zeros_like(converted[..., 0]), np.zeros_like(converted)
    for look in range(converted.shape[-1]):
        waiting = waiting + converted[..., look]
        arrived[..., look] = chance.binomial(waiting, 1.0 / (1.0 + delay))
        waiting = waiting - arrived[..., look]
    return arrived


def revenues(seed: int, runs: int, looks: int, *, rate: float = 0.05, every: int = 500) -> Looks:
    """Return the same for revenue per customer: most spend nothing, the others log-normally (sigma 1), arms alike."""
    chance = np.random.default_rng(seed)
    ours = chance.binomial(every, 0.5, (runs, looks))
    steps = np.stack([ours, every - ours])
    buyer_rows = chance.binomial(steps, rate)
    ends = buyer_rows.ravel().cumsum()
    spent = np.exp(3.0 + chance.normal(size=int(ends[-1])))
    sums = [np.diff(np.concatenate([[0.0], part.cumsum()])[ends], prepend=0.0) for part in (spent, spent**2)]
    totals, squares = (each.reshape(buyer_rows.shape).cumsum(axis=2) for each in sums)
    sizes = steps.cumsum(axis=2).astype(np.float64)
    variance = (((squares - totals**2 / sizes) / (sizes - 1.0)) / sizes).sum(axis=0)
    means = totals / sizes
    return Looks(sizes.sum(axis=0), means[0] - means[1], variance, sizes[0])


def ever_rejects(p_values: Floats) -> float:
    """Return the share of runs that find a difference at any look."""
    return float((p_values < ALPHA).any(axis=1).mean())


def sample_ratio_alarms(looks: Looks) -> float:
    """Return the share of runs, all healthy, that the sample-ratio test accuses at any look."""
    z = (looks.splits - looks.customers / 2.0) / np.sqrt(looks.customers / 4.0)
    return float((2.0 * stats.norm.sf(np.abs(z)) < MISMATCH_P_VALUE).any(axis=1).mean())


def sequential_sample_ratio_alarms(looks: Looks, every: int = 4) -> float:
    """Return the same of the always-valid sample-ratio test, at every so many looks."""
    ours, both = looks.splits[:, ::every].tolist(), looks.customers[:, ::every].tolist()
    alarms = 0
    for row, totals in zip(ours, both, strict=True):
        found = (sequential_sample_ratio([int(a), int(n - a)], [1, 1]) for a, n in zip(row, totals, strict=True))
        alarms += any(not isinstance(p, NotComputable) and p < MISMATCH_P_VALUE for p in found)
    return alarms / len(ours)


def family_wise_error(seed: int, runs: int, *, segments: int = 6, customers: int = 5_000) -> tuple[float, float]:
    """Return the share of A/A runs with a finding in any segment, by z-tests uncorrected and after Holm."""
    chance = np.random.default_rng(seed)
    counts = chance.binomial(customers, 0.05, (2, runs, segments))
    pooled = counts.sum(axis=0) / (2.0 * customers)
    z = (counts[0] - counts[1]) / customers / np.sqrt(2.0 * pooled * (1.0 - pooled) / customers)
    return _any_finding(2.0 * stats.norm.sf(np.abs(z)))


def sequential_family_wise_error(seed: int, runs: int, *, segments: int = 6, looks: int = 20) -> tuple[float, float]:
    """Return the same for always-valid p-values, each at the look that suits it best."""
    each = [conversions(seed + place, runs, looks) for place in range(segments)]
    return _any_finding(np.stack([part.always_valid().min(axis=1) for part in each], axis=1))


def _any_finding(p_values: Floats) -> tuple[float, float]:
    held = [any(p is not None and p < ALPHA for p in adjusted_p_values(row, "holm")) for row in p_values.tolist()]
    return float((p_values < ALPHA).any(axis=1).mean()), float(np.mean(held))


def group_sequential_error(seed: int, runs: int, *, looks: int = 5) -> dict[str, float]:
    """Return the share of A/A runs that cross the bounds at any of the planned looks."""
    seen = conversions(seed, runs, looks, every=4_000)
    plans: dict[str, Spending] = {"O'Brien-Fleming": obrien_fleming, "Pocock": pocock}
    return {name: crossing_share(seen, plan) for name, plan in plans.items()}


def crossing_share(seen: Looks, spending: Spending = obrien_fleming) -> float:
    """Return the share of runs that cross a planned bound; a single look is a fixed test."""
    looks = seen.effect.shape[1]
    z = np.abs(seen.effect) / np.sqrt(seen.squared_error)
    bounds = np.array(critical_values(tuple(k / looks for k in range(1, looks + 1)), ALPHA, spending))
    return float((z >= bounds).any(axis=1).mean())


def rate_sequence_misses(seed: int, runs: int, looks: int, *, rate: float = 0.01, every: int = 20) -> float:
    """Return the share of runs in which the exact sequence of one rate leaves it out, looked at every 20 customers."""
    chance = np.random.default_rng(seed)
    counts = chance.binomial(every, rate, (runs, looks)).cumsum(axis=1)
    sizes = every * np.arange(1, looks + 1)
    return float((np.asarray(log_evidence(counts, sizes, rate)) >= -np.log(ALPHA)).any(axis=1).mean())


def stopping_customers(looks: Looks, expected_customers: float, limit: int) -> tuple[float, float]:
    """Return the mean number of customers at which a sequential test ends, at most `limit`, and its power by then."""
    found = (looks.always_valid(expected_customers) < ALPHA) & (looks.customers <= limit)
    first = np.where(found.any(axis=1), looks.customers[0, found.argmax(axis=1)], limit)
    return float(first.mean()), float(found.any(axis=1).mean())
