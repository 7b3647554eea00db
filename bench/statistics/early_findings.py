"""What findings of small arms are worth: `python -m bench.statistics.early_findings`.

Experiments with a true effect, read after every customer: by the size of the smaller arm when a difference was first
found, how many times the truth it was, and how often it had the wrong sign. `Experiment.minimum_customers` rests on it.
"""

import itertools
import sys
from typing import Final, NamedTuple

import numpy as np

from bench.statistics.uneven_splits import ALPHA, p_values, readings, simulated
from events.arrays import Floats

__all__ = ["Early", "early_findings", "main"]

SIZES: Final = (0, 50, 100, 200, 400, 1_000, 5_001)
_CUSTOMERS: Final = 10_000


class Early(NamedTuple):
    """Of findings made with that many customers in the smaller arm: how many, times the truth, share of wrong signs."""

    least: int
    most: int
    findings: int
    times_the_truth: float
    wrong_sign: float


def early_findings(seed: int, runs: int, rate: float, lift: float) -> list[Early]:
    """Return what first findings of an always-valid test are worth, by the size of the smaller arm."""
    chance, found = np.random.default_rng(seed), []

    def draw(source: np.random.Generator, shape: tuple[int, int]) -> Floats:
        return (source.random(shape) < rate * (1.0 + lift)).astype(np.float64)

    for _ in range(runs // 100):
        ours, theirs = simulated(chance, 100, draw, _CUSTOMERS, 0.5, lift)
        rejected = p_values(ours, theirs, is_rate=True) < ALPHA
        first = (np.flatnonzero(rejected.any(axis=1)), rejected.argmax(axis=1)[rejected.any(axis=1)])
        smaller = np.minimum(ours.customers, theirs.customers)[first]
        found.append(np.stack([smaller, (ours.mean - theirs.mean)[first] / (rate * lift)]))
    sizes, ratios = np.concatenate(found, axis=1)
    rows = []
    for least, most in itertools.pairwise(SIZES):
        held = ratios[(sizes >= least) & (sizes < most)]
        if held.size:
            rows.append(Early(least, most, held.size, float(np.abs(held).mean()), float((held < 0.0).mean())))
    return rows


def main() -> int:
    """Print the table."""
    for rate, lift in ((0.5, 0.1), (0.1, 0.2), (0.05, 0.2)):
        sys.stdout.write(f"rate {rate:.0%}, {lift:.0%} more, up to {readings(_CUSTOMERS)[-1]:,} customers\n")
        for row in early_findings(9, 4_000, rate, lift):
            sys.stdout.write(
                f"  {row.least:>5} to {row.most - 1:>5} an arm: {row.findings:>5} findings, "
                f"{row.times_the_truth:5.1f} times the truth, {row.wrong_sign:.0%} with the wrong sign\n"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
