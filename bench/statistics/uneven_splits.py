"""Are experiments with uneven arms and skewed values honest? `python -m bench.statistics.uneven_splits [--runs N]`.

A/A experiments, read after every customer, once a day and once at the end: how often is a difference found?
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from events.arrays import Floats
from experiments.sequential.always_valid import mixture_p_value, mixture_precision
from experiments.sequential.always_valid_rates import log_evidence
from experiments.statistics.unequal_allocation import UNEVEN

__all__ = [
    "DISTRIBUTIONS",
    "SHARES",
    "Arms",
    "FalseFindings",
    "false_findings",
    "main",
    "p_values",
    "rate",
    "readings",
    "simulated",
    "spent",
    "squared_error",
]

ALPHA: Final = 0.05
SHARES: Final = {"1:1": 0.5, "1:2": 1.0 / 3.0, "1:9": 0.1, "1:20": 1.0 / 21.0, "1:99": 0.01}
"""The treatment's share of all customers."""
_BATCH: Final = 100
_DAY: Final = 500
_LEAST: Final = 5
"""Conversions, or orders, of an arm below which the normal approximation is not used."""

Draw = Callable[[np.random.Generator, tuple[int, int]], Floats]


class Arms(NamedTuple):
    """What is known of an arm at each reading, an array (runs, readings) each."""

    customers: Floats
    total: Floats
    squares: Floats
    buyers: Floats
    is_rate: bool = False

    @property
    def mean(self) -> Floats:
        """Mean by customer."""
        with np.errstate(all="ignore"):
            return np.asarray(self.total / self.customers)

    @property
    def variance(self) -> Floats:
        """Variance by customer: p(1 - p) of a rate, else with n - 1."""
        if self.is_rate:
            return np.asarray(self.mean * (1.0 - self.mean))
        spread = np.maximum(self.squares - self.total * self.total / self.customers, 0.0)
        return np.asarray(spread / np.maximum(self.customers - 1.0, 1.0))


class FalseFindings(NamedTuple):
    """Shares of A/A runs in which a difference is found."""

    every_customer: float
    every_day: float
    once: float


def rate(share: float) -> Draw:
    """Return customers of whom that share converts."""
    return lambda chance, shape: (chance.random(shape) < share).astype(np.float64)


def spent(sigma: float, rate: float) -> Draw:
    """Return customers of whom that share spends log-normally, with a median of e³."""

    def draw(chance: np.random.Generator, shape: tuple[int, int]) -> Floats:
        amounts = np.exp(3.0 + sigma * chance.standard_normal(shape, dtype=np.float32).astype(np.float64))
        return np.where(chance.random(shape) < rate, amounts, 0.0)

    return draw


def _with_refunds(chance: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Return log-normal revenue of 30% of customers; a quarter of it is taken back whole, 5% more than was paid."""
    value, luck = spent(1.0, 0.3)(chance, shape), chance.random(shape)
    return np.where(luck < 0.25, 0.0, np.where(luck < 0.3, -0.5 * value, value))


def _with_whale(chance: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Return log-normal revenue of 20% of customers, and one customer somewhere who spends 100,000."""
    value = spent(1.0, 0.2)(chance, shape)
    value[np.arange(shape[0]), chance.integers(0, shape[1], shape[0])] = 1e5
    return value


def _two_prices(chance: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Return one of two prices, nearly alike within each: a few customers of an arm often paid the same."""
    return np.asarray(np.where(chance.random(shape) < 0.5, 20.0, 60.0) + 0.01 * chance.integers(0, 3, shape))


DISTRIBUTIONS: Final[Mapping[str, tuple[Draw, bool, int]]] = {
    "rate of 0.1%": (rate(0.001), True, 20_000),
    "rate of 1%": (rate(0.01), True, 10_000),
    "rate of 10%": (rate(0.1), True, 10_000),
    "rate of 50%": (rate(0.5), True, 10_000),
    "revenue, log-normal sigma 1": (spent(1.0, 1.0), False, 10_000),
    "revenue, log-normal sigma 2": (spent(2.0, 1.0), False, 10_000),
    "revenue, 5% buy, sigma 1": (spent(1.0, 0.05), False, 10_000),
    "revenue, 5% buy, sigma 2": (spent(2.0, 0.05), False, 10_000),
    "revenue with refunds": (_with_refunds, False, 10_000),
    "revenue with one whale": (_with_whale, False, 10_000),
    "revenue, two prices": (_two_prices, False, 2_000),
}
"""What customers do: how it is drawn, whether it is a rate, and the customers of each experiment."""


def readings(customers: int) -> npt.NDArray[np.int64]:
    """Return after how many customers it is read: each of the first 3,000, then 400 evenly in the logarithm."""
    later = np.geomspace(3_000, max(customers, 3_000), 400).astype(np.int64)
    return np.unique(np.concatenate([np.arange(4, min(customers, 3_000) + 1), later[later <= customers]]))


def simulated(
    chance: np.random.Generator, runs: int, draw: Draw, customers: int, share: float, lift: float = 0.0
) -> tuple[Arms, Arms]:
    """Return treatment and control at each of the `readings`; the treatment buys `1 + lift` times as often.

    What is drawn is the more frequent of the two; the other arm's customers lose some of it.
    """
    looks, value = readings(customers) - 1, draw(chance, (runs, customers))
    treated = (chance.random((runs, customers)) < share).astype(np.float64)
    if lift:
        keeps = 1.0 + lift if lift < 0.0 else 1.0 / (1.0 + lift)
        value = value * ((treated == (lift > 0.0)) | (chance.random(value.shape) < keeps))
    sums = [np.ones_like(value), value, value * value, (value != 0.0).astype(np.float64)]
    whole = [each.cumsum(axis=1)[:, looks] for each in sums]
    part = [(each * treated).cumsum(axis=1)[:, looks] for each in sums]
    return Arms(*part), Arms(*(a - b for a, b in zip(whole, part, strict=True)))


def squared_error(ours: Arms, theirs: Arms, *, pooled_too: bool = True) -> Floats:
    """Return the squared error of the difference as reports have it: pooled where arms are uneven and it is larger."""
    n, m = ours.customers, theirs.customers
    own = ours.variance / n + theirs.variance / m
    if not pooled_too:
        return np.asarray(own)
    pooled = ((n - 1.0) * ours.variance + (m - 1.0) * theirs.variance) / (n + m - 2.0) * (1.0 / n + 1.0 / m)
    uneven = np.maximum(n, m) > UNEVEN * np.minimum(n, m)
    return np.where(uneven, np.maximum(own, pooled), own)


def p_values(ours: Arms, theirs: Arms, *, is_rate: bool, pooled_too: bool = True) -> Floats:
    """Return always-valid p-values; 1 where a report has none."""
    n, m = ours.customers, theirs.customers
    ours, theirs = ours._replace(is_rate=is_rate), theirs._replace(is_rate=is_rate)
    with np.errstate(all="ignore"):
        effect, error = ours.mean - theirs.mean, squared_error(ours, theirs, pooled_too=pooled_too)
        found = mixture_p_value(effect, error, 4.0 / (1.0 / n + 1.0 / m), mixture_precision(5_000, ALPHA))
    if is_rate:
        few = np.minimum.reduce([ours.total, n - ours.total, theirs.total, m - theirs.total]) < _LEAST
        found = np.where(few, _exact(ours, theirs), found)
    else:
        found = np.where(np.minimum(ours.buyers, theirs.buyers) < _LEAST, 1.0, found)
    return np.where(np.isfinite(found) & (np.minimum(n, m) >= 2.0), found, 1.0)


def _exact(ours: Arms, theirs: Arms) -> Floats:
    common = (ours.total + theirs.total) / (ours.customers + theirs.customers)
    evidence = sum(np.asarray(log_evidence(arm.total, arm.customers, common)) for arm in (ours, theirs))
    return np.asarray(np.exp(-np.maximum(evidence, 0.0)))


def _welch(ours: Arms, theirs: Arms) -> Floats:
    """Return the p-values of one reading at the end, as reports have them for revenue."""
    last = [
        Arms(arm.customers[:, -1], arm.total[:, -1], arm.squares[:, -1], arm.buyers[:, -1]) for arm in (ours, theirs)
    ]
    error = squared_error(*last)
    pooled = error > last[0].variance / last[0].customers + last[1].variance / last[1].customers
    both = ((last[0].customers - 1.0) * last[0].variance + (last[1].customers - 1.0) * last[1].variance) / (
        last[0].customers + last[1].customers - 2.0
    )
    parts = [np.where(pooled, both, arm.variance) / arm.customers for arm in last]
    with np.errstate(all="ignore"):
        degrees = sum(parts) ** 2 / sum(part**2 / (arm.customers - 1.0) for part, arm in zip(parts, last, strict=True))
        found = 2.0 * stats.t.sf(np.abs(last[0].mean - last[1].mean) / np.sqrt(error), degrees)
    enough = np.minimum(last[0].buyers, last[1].buyers) >= _LEAST
    return np.where(enough & np.isfinite(found), found, 1.0)


def false_findings(seed: int, runs: int, distribution: str, share: float, least: int = 2) -> FalseFindings:
    """Return how often an A/A experiment finds a difference, read from `least` customers an arm on."""
    draw, is_rate, customers = DISTRIBUTIONS[distribution]
    chance, found = np.random.default_rng(seed), np.zeros(3)
    daily = readings(customers) % _DAY == 0
    for _ in range(0, runs, _BATCH):
        ours, theirs = simulated(chance, _BATCH, draw, customers, share)
        rejected = p_values(ours, theirs, is_rate=is_rate) < ALPHA
        rejected &= np.minimum(ours.customers, theirs.customers) >= least
        once = 0 if is_rate else (_welch(ours, theirs) < ALPHA).sum()
        found += [rejected.any(axis=1).sum(), rejected[:, daily].any(axis=1).sum(), once]
    return FalseFindings(*(found / (_BATCH * -(-runs // _BATCH))).tolist())


def rows(runs: int, least: int) -> Iterator[tuple[str, str, FalseFindings]]:
    """Yield each split and distribution with its false findings."""
    for place, distribution in enumerate(DISTRIBUTIONS):
        for name, share in SHARES.items():
            yield name, distribution, false_findings(500 + place, runs, distribution, share, least)


def main(arguments: list[str]) -> int:
    """Print the table; return 1 where more than 5% (three standard errors allowed) is found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=4_000, help="A/A experiments of each kind")
    parser.add_argument("--least", type=int, default=2, help="customers of each arm from which on results are read")
    given = parser.parse_args(arguments)
    bound = ALPHA + 3.0 * (ALPHA * (1.0 - ALPHA) / given.runs) ** 0.5
    broken = False
    sys.stdout.write(f"{'split':<6}{'customers do':<32}{'each customer':>14}{'each day':>10}{'once':>8}\n")
    for split, distribution, found in rows(given.runs, given.least):
        broken |= max(found) > bound
        told = f"{found.every_customer:>14.2%}{found.every_day:>10.2%}{found.once:>8.2%}"
        sys.stdout.write(f"{split:<6}{distribution:<32}{told}{'  BROKEN' if max(found) > bound else ''}\n")
        sys.stdout.flush()
    return int(broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
