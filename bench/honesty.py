"""Do the experiments' statistics keep their promises? `python -m bench.honesty [--json]`: a table, seeds fixed."""

import argparse
import json
import math
import sys
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy import stats

from bench.honesty_intervals import coverage, cuped_variance_ratio
from bench.honesty_looks import (
    conversions,
    ever_rejects,
    family_wise_error,
    group_sequential_error,
    rate_sequence_misses,
    revenues,
    sample_ratio_alarms,
    sequential_family_wise_error,
    stopping_customers,
)
from experiments import CannotSay
from experiments.power import sample_size_of_proportions, sequential_customers
from experiments.sample import Sample

__all__ = ["Row", "main", "rows"]

RUNS = 2_000
LOOKS = 100
RHO = 0.7


class Row(NamedTuple):
    """One promise: what was measured, what was promised (None: for comparison only), and whether it was kept."""

    what: str
    measured: float
    promise: str | None
    kept: bool | None


def rows(runs: int = RUNS, looks: int = LOOKS) -> Iterator[Row]:
    """Yield every measurement."""
    yield from _repeated_looks(runs, looks)
    yield from _intervals(runs)
    yield from _plans(runs)


def main(arguments: list[str]) -> int:
    """Print the table, or with --json a document; return 1 where a promise was not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of a table")
    found = []
    as_json = parser.parse_args(arguments).json
    for row in rows():
        found.append(row)
        if not as_json:
            verdict = {True: "kept", False: "BROKEN", None: ""}[row.kept]
            sys.stdout.write(f"{row.what:<84} {row.measured:>11.4f}  {row.promise or '':<18} {verdict}\n")
            sys.stdout.flush()
    if as_json:
        sys.stdout.write(json.dumps([row._asdict() for row in found], indent=1) + "\n")
    return int(any(row.kept is False for row in found))


def _at_most(what: str, measured: float, bound: float) -> Row:
    return Row(what, measured, f"at most {bound:g}", measured <= bound)


def _at_least(what: str, measured: float, bound: float) -> Row:
    return Row(what, measured, f"at least {bound:g}", measured >= bound)


def _repeated_looks(runs: int, looks: int) -> Iterator[Row]:
    span = f"{runs:,} A/A, look every 500 up to {500 * looks:,}"
    for name, simulated in (("conversion", conversions(1, runs, looks)), ("revenue", revenues(2, runs, looks))):
        yield _at_most(f"{name}: always-valid test rejects ({span})", ever_rejects(simulated.always_valid()), 0.05)
        yield Row(f"{name}: naive z-test rejects", ever_rejects(simulated.naive()), None, None)
    late = conversions(3, runs, looks, delay=10.0)
    yield _at_most("conversion: always-valid test, conversions 10 looks late", ever_rejects(late.always_valid()), 0.05)
    lifted = conversions(3, runs, looks, lift=0.1)
    yield _at_most("conversion: sequence ever leaves out a true lift of 10%", lifted.leaves_out(0.005), 0.05)
    yield _at_most("rate of 1%: exact sequence ever leaves it out", rate_sequence_misses(4, runs, looks), 0.05)
    alarms = sample_ratio_alarms(conversions(5, runs, looks))
    yield Row("healthy split: sample-ratio test ever below 0.001", alarms, None, None)
    many = 50 * runs
    plain, holm = family_wise_error(100, many)
    yield Row(f"6 segments: any finding, uncorrected ({many:,} A/A)", plain, None, None)
    yield _at_most("6 segments: any finding, Holm", holm, 0.05)
    _, valid = sequential_family_wise_error(200, runs)
    yield _at_most("6 segments: any finding at 20 looks, always valid, Holm", valid, 0.05)
    for name, share in group_sequential_error(6, many).items():
        # The error of a plan is 0.05 exactly, so that a simulation falls to either side of it.
        slack = 3.0 * math.sqrt(0.05 * 0.95 / many)
        yield Row(f"5 planned looks, {name}: rejects", share, f"0.05 ± {slack:.4f}", abs(share - 0.05) <= slack)


def _intervals(runs: int) -> Iterator[Row]:
    for name, share in coverage(7, runs).held.items():
        yield _at_least(f"95% interval holds the truth: {name}", share, 0.94)
    ratio, right = cuped_variance_ratio(8, runs), 1.0 - RHO**2
    # The ratio of two variances of correlated estimates over that many runs: within three standard errors.
    slack = 3.0 * right * math.sqrt(4.0 * (1.0 - right) / runs)
    kept = abs(ratio - right) <= slack
    yield Row(f"CUPED: variance left, rho = {RHO}", ratio, f"{right:.2f} ± {slack:.2f}", kept)


def _plans(runs: int) -> Iterator[Row]:
    rate, lift, many = 0.05, 0.1, 10 * runs
    needed = sample_size_of_proportions(rate, lift)
    bound = sequential_customers(Sample(1, rate, rate * (1.0 - rate)), lift)
    if isinstance(needed, CannotSay) or isinstance(bound, CannotSay):
        raise RuntimeError(f"the plan cannot be made: {needed}, {bound}")  # noqa: TRY004
    chance = np.random.default_rng(9)
    counts = [chance.binomial(needed, each, many) for each in (rate * (1.0 + lift), rate)]
    pooled = (counts[0] + counts[1]) / (2.0 * needed)
    z = (counts[0] - counts[1]) / needed / np.sqrt(2.0 * pooled * (1.0 - pooled) / needed)
    power = float((np.abs(z) > stats.norm.isf(0.025)).mean())
    yield Row(f"fixed test: power at {2 * needed:,} customers", power, "0.80 ± 0.02", abs(power - 0.8) <= 0.02)
    yield Row("fixed test: customers", 2.0 * needed, None, None)
    for times in (1.0, 1.5, 2.0):
        seen = conversions(10, runs, math.ceil(bound / 500), lift=lift * times)
        mean, found = stopping_customers(seen, 5_000, int(seen.customers[0, -1]))
        yield Row(f"sequential test: mean customers where the lift is {times:g} times the plan's", mean, None, None)
        if times == 1.0:
            yield _at_least(f"sequential test: power by {bound:,} customers", found, 0.8)
    tuned = conversions(10, runs, math.ceil(bound / 500), lift=lift)
    mean, _ = stopping_customers(tuned, 2.0 * needed, int(tuned.customers[0, -1]))
    yield Row("sequential test: mean customers, tuned to the fixed test's size", mean, None, None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
