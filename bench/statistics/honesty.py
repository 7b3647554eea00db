"""Do the experiments' statistics keep their promises? `python -m bench.statistics.honesty [--json]`, seeds fixed."""

import argparse
import json
import math
import sys
from collections.abc import Iterator
from typing import NamedTuple

from bench.statistics.interval_coverage import coverage, cuped_variance_ratio, small_count_coverage
from bench.statistics.planned_power import power_for_money
from bench.statistics.repeated_looks import (
    conversions,
    crossing_share,
    ever_rejects,
    family_wise_error,
    group_sequential_error,
    rate_sequence_misses,
    revenues,
    sample_ratio_alarms,
    sequential_family_wise_error,
    sequential_sample_ratio_alarms,
    stopping_customers,
)
from bench.statistics.sequence_coverage import exact_difference_misses, repeated_interval_misses, sequence_misses
from experiments import NotComputable
from experiments.planning.sample_size import rate_baseline, sample_sizes
from experiments.sequential.group_sequential import inflation, obrien_fleming, pocock

__all__ = ["Row", "main", "rows"]

RUNS = 2_000
LOOKS = 100
RHO = 0.7
RATE, LIFT = 0.05, 0.1
ALPHA, WANTED = 0.05, 0.8


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
    healthy = conversions(5, runs, looks)
    alarms = sequential_sample_ratio_alarms(healthy)
    yield _at_most("healthy split: always-valid sample-ratio test ever below 0.001", alarms, 0.001)
    yield Row("healthy split: chi-squared sample-ratio test ever below 0.001", sample_ratio_alarms(healthy), None, None)
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
    held = coverage(7, runs).held | {
        "difference of rates, 60 customers an arm (Newcombe, exact)": small_count_coverage()
    }
    for name, share in held.items():
        yield _at_least(f"95% interval holds the truth: {name}", share, 0.94)
    for name, share in sequence_misses(20, runs, 20).items():
        yield _at_least(f"always-valid interval holds the truth at 20 looks: {name}", 1.0 - share, 0.94)
    exact = exact_difference_misses(21, runs, 25, every=80)
    yield _at_least("exact always-valid interval holds a difference of rates at 25 looks", 1.0 - exact, 0.94)
    planned = conversions(22, 50 * runs, 5, every=4_000, lift=LIFT)
    misses = repeated_interval_misses(planned, RATE * LIFT)
    yield _at_least("intervals of 5 planned looks all hold the truth (O'Brien-Fleming)", 1.0 - misses, 0.94)
    ratio, right = cuped_variance_ratio(8, runs), 1.0 - RHO**2
    # The ratio of two variances of correlated estimates over that many runs: within three standard errors.
    slack = 3.0 * right * math.sqrt(4.0 * (1.0 - right) / runs)
    kept = abs(ratio - right) <= slack
    yield Row(f"CUPED: variance left, rho = {RHO}", ratio, f"{right:.2f} ± {slack:.2f}", kept)


def _plans(runs: int) -> Iterator[Row]:
    plan = sample_sizes(rate_baseline(RATE), LIFT, [0.5, 0.5], is_rate=True)
    sizes = [each for each in plan if not isinstance(each, NotComputable)]
    if len(sizes) < len(plan):
        raise RuntimeError(f"the plan cannot be made: {plan}")
    fixed, _, sequential = sizes
    many, size = 10 * runs, math.ceil(fixed / 2)
    yield _power(
        f"fixed test: power at {fixed:,} customers", crossing_share(conversions(9, many, 1, lift=LIFT, every=2 * size))
    )
    baseline, needed, power = power_for_money(11, 2 * runs)
    yield _power(f"revenue per customer: power at {needed:,} customers, mean {baseline:.2f}", power)
    spread = {"O'Brien-Fleming": obrien_fleming, "Pocock": pocock}
    for name, spending in spread.items():
        largest = math.ceil(fixed * inflation(5, ALPHA, WANTED, spending))
        seen = conversions(12, many, 5, lift=LIFT, every=math.ceil(largest / 5))
        yield _power(f"5 planned looks, {name}: power by {largest:,} customers", crossing_share(seen, spending))
    yield from _sequential_plans(runs, fixed, sequential)


def _sequential_plans(runs: int, fixed: int, bound: int) -> Iterator[Row]:
    for times in (1.0, 1.5, 2.0):
        seen = conversions(10, runs, math.ceil(bound / 500), lift=LIFT * times)
        mean, found = stopping_customers(seen, 5_000, int(seen.customers[0, -1]))
        yield Row(f"sequential test: mean customers where the lift is {times:g} times the plan's", mean, None, None)
        if times == 1.0:
            yield _power(f"sequential test: power by {bound:,} customers", found)
    tuned = conversions(10, runs, math.ceil(bound / 500), lift=LIFT)
    mean, _ = stopping_customers(tuned, float(fixed), int(tuned.customers[0, -1]))
    yield Row("sequential test: mean customers, tuned to the fixed test's size", mean, None, None)


def _power(what: str, measured: float) -> Row:
    return Row(what, measured, f"{WANTED:.2f} ± 0.02", abs(measured - WANTED) <= 0.02)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
