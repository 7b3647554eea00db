"""Do uneven arms find a true effect, and do their intervals hold it? `python -m bench.statistics.uneven_effects`.

Experiments with an effect, read after every customer: how often and when it is found, with and without the pooled
variance; and how often an always-valid interval ever leaves it out, from so many buyers of each arm on.
"""

import argparse
import math
import sys
from typing import Final, NamedTuple

import numpy as np

from bench.statistics.uneven_splits import (
    ALPHA,
    SHARES,
    Draw,
    p_values,
    rate,
    readings,
    simulated,
    spent,
    squared_error,
)
from experiments.sequential.always_valid import half_width, mixture_precision

__all__ = ["Power", "main", "misses", "power"]

_BATCH: Final = 100
_PLANS: Final = ((0.5, 20_000), (0.1, 50_000), (0.01, 100_000))
_EFFECTS: Final = {
    "rate of 10%, 20% more": (rate(0.12), True, 0.2),
    "rate of 10%, 20% less": (rate(0.1), True, -0.2),
    "30% buy, sigma 1, 20% more": (spent(1.0, 0.36), False, 0.2),
    "30% buy, sigma 1, 20% less": (spent(1.0, 0.3), False, -0.2),
}
_MEDIAN: Final = math.exp(3.0)
_SPENDING: Final = {
    "5% buy, sigma 1": (spent(1.0, 0.05), 0.05 * _MEDIAN * math.exp(0.5)),
    "5% buy, sigma 2": (spent(2.0, 0.05), 0.05 * _MEDIAN * math.exp(2.0)),
    "all buy, sigma 2": (spent(2.0, 1.0), _MEDIAN * math.exp(2.0)),
}
_BUYERS: Final = (5, 20, 50, 100)


class Power(NamedTuple):
    """Shares of runs in which a true difference is found, and the mean customers until then (all where it is not)."""

    found: float
    customers: float
    found_unpooled: float
    customers_unpooled: float


def power(seed: int, runs: int, draw: Draw, is_rate: bool, customers: int, share: float, lift: float) -> Power:
    """Return how often and when a lift is found, as reports have it and by the arms' own variances alone."""
    chance, looks, told = np.random.default_rng(seed), readings(customers), np.zeros(4)
    for _ in range(0, runs, _BATCH):
        ours, theirs = simulated(chance, _BATCH, draw, customers, share, lift)
        right = (ours.mean > theirs.mean) == (lift > 0.0)
        for place, pooled_too in ((0, True), (2, False)):
            found = (p_values(ours, theirs, is_rate=is_rate, pooled_too=pooled_too) < ALPHA) & right
            first = np.where(found.any(axis=1), looks[found.argmax(axis=1)], customers)
            told[place : place + 2] += found.any(axis=1).sum(), first.sum()
    return Power(*(told / (_BATCH * -(-runs // _BATCH))).tolist())


def misses(
    seed: int, runs: int, draw: Draw, mean: float, customers: int, share: float, lift: float
) -> dict[int, float]:
    """Return the share of runs whose interval of revenue ever leaves out the truth, by the buyers it is read from.

    `mean` is that of the arm that buys more often.
    """
    chance, missed = np.random.default_rng(seed), dict.fromkeys(_BUYERS, 0)
    truth = mean * (1.0 - 1.0 / (1.0 + lift)) if lift > 0.0 else mean * lift
    for _ in range(0, runs, _BATCH):
        ours, theirs = simulated(chance, _BATCH, draw, customers, share, lift)
        with np.errstate(all="ignore"):
            time = 4.0 / (1.0 / ours.customers + 1.0 / theirs.customers)
            width = half_width(squared_error(ours, theirs), time, mixture_precision(5_000, ALPHA), ALPHA)
            outside = np.abs(ours.mean - theirs.mean - truth) > width
        fewest = np.minimum(ours.buyers, theirs.buyers)
        for buyers in _BUYERS:
            missed[buyers] += int((outside & (fewest >= buyers)).any(axis=1).sum())
    return {buyers: count / (_BATCH * -(-runs // _BATCH)) for buyers, count in missed.items()}


def main(arguments: list[str]) -> int:
    """Print both tables; return 1 where an interval of enough buyers leaves out the truth too often."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=400, help="experiments of each kind")
    runs = parser.parse_args(arguments).runs
    for name, (draw, is_rate, lift) in _EFFECTS.items():
        for share, customers in _PLANS:
            each = power(900, runs, draw, is_rate, customers, share, lift)
            sys.stdout.write(
                f"{share:<5.0%}{name:<30} found {each.found:>4.0%} after {each.customers:>8,.0f}; by own variances "
                f"{each.found_unpooled:>4.0%} after {each.customers_unpooled:>8,.0f}\n"
            )
    worst = 0.0
    for name, (draw, mean) in _SPENDING.items():
        for lift in (0.5, -0.5):
            for split, share in SHARES.items():
                found = misses(901, runs, draw, mean, 20_000, share, lift)
                worst = max(worst, found[50])
                told = ", ".join(f"{buyers}: {missed:.1%}" for buyers, missed in found.items())
                sys.stdout.write(f"{split:<5}{name:<18}{lift:+.0%} leaves out the truth, from buyers {told}\n")
    return int(worst > ALPHA + 3.0 * math.sqrt(ALPHA * (1.0 - ALPHA) / runs))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
