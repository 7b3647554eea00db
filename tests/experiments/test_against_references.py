"""gbstats and spotify-confidence, which share no code with us, compute the same numbers."""

import dataclasses
import hashlib
import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from scipy import stats

from experiments import Metric
from experiments.sequential.always_valid import always_valid
from experiments.sequential.group_sequential import critical_values
from experiments.statistics.bayes import normal
from experiments.statistics.cuped import adjusted_revenue
from experiments.statistics.lift import fieller_lift
from experiments.statistics.means import welch
from experiments.statistics.metric_samples import measure
from experiments.statistics.multiplicity import adjusted_p_values
from experiments.statistics.proportions import two_proportions
from experiments.statistics.sample_ratio_mismatch import sample_ratio
from experiments.statistics.unequal_allocation import effective_customers
from experiments.tally import THOUSANDTHS
from tests.experiments.tallying import shop

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent / "references"
ROOT = Path(__file__).parents[2]
METRICS = [Metric.CONVERSION_RATE, Metric.REVENUE_PER_CUSTOMER, Metric.AVERAGE_ORDER_VALUE]
ARMS = [
    (shop(1, 900, rate=0.2), shop(2, 1_100, rate=0.2, lift=0.3)),
    (shop(3, 20_000), shop(4, 20_300, lift=0.1)),
    (shop(5, 60_000, correlation=0.9), shop(6, 30_000, correlation=0.9)),
]
SHARES = [0.2, 0.5, 0.8, 1.0]


def in_currency(tally):
    """The sums with money in currency units, as the others want it."""
    money = {
        "revenue": 1,
        "revenue_squares": 2,
        "revenue_orders": 1,
        "pre_revenue": 1,
        "pre_squares": 2,
        "pre_cross": 2,
    }
    return {name: value / THOUSANDTHS ** money.get(name, 0) for name, value in dataclasses.asdict(tally).items()} | {
        "exposed": tally.exposed,
        "converted": tally.converted,
    }


@pytest.fixture(scope="session")
def installed() -> Path:
    """The folder with both packages; installed once, as long as their versions stay."""
    requirements = HERE / "requirements.txt"
    folder = ROOT / ".cache/references" / hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    if not folder.exists():
        partial = folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        options = ["--quiet", "--no-compile", "--no-deps", "--disable-pip-version-check"]
        pip = [sys.executable, "-m", "pip", "install", *options]
        done = subprocess.run([*pip, "--target", str(partial), "-r", str(requirements)], capture_output=True, text=True)
        if done.returncode:
            if os.environ.get("CI") == "true":
                raise RuntimeError(f"CI compares with gbstats and spotify-confidence, and pip said: {done.stderr}")
            pytest.skip(f"gbstats and spotify-confidence could not be installed: {done.stderr[-200:]}")
        partial.rename(folder)
    return folder


@pytest.fixture(scope="session")
def answers(installed):
    cases = {
        "arms": [
            {"control": in_currency(control), "treatment": in_currency(treatment), "metrics": [*METRICS, "cuped"]}
            for control, treatment in ARMS
        ],
        "holm": {
            "control": in_currency(ARMS[0][0]),
            "treatments": [in_currency(shop(s, 950, rate=0.25)) for s in (7, 8, 9)],
        },
        "bounds": {"information": SHARES, "alpha": 0.05, "power": 2.0},
    }
    done = subprocess.run(
        [sys.executable, str(HERE / "compute.py")],
        input=json.dumps(cases), capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(installed)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def half_width(interval):
    return (interval[1] - interval[0]) / 2.0


def same(found, theirs):
    assert found.effect == pytest.approx(theirs["effect"], rel=1e-6)
    assert list(found.interval) == pytest.approx(theirs["ci"], rel=1e-6)
    assert found.p_value == pytest.approx(theirs["p_value"], rel=1e-6)


cases = pytest.mark.parametrize("case", range(len(ARMS)))


def pair_of(case, metric):
    control, treatment = ARMS[case]
    if metric == "cuped":
        found = adjusted_revenue(treatment, control)
        return found.treatment, found.control
    return measure(metric, treatment), measure(metric, control)


@cases
@pytest.mark.parametrize("metric", [*METRICS, "cuped"])
def test_gbstats_has_the_same_welch_test_and_confidence_sequence(answers, case, metric):
    theirs = answers["arms"][case]["gbstats"][metric]
    same(welch(*pair_of(case, metric)), theirs["fixed"])
    pair = pair_of(case, metric)
    # It takes the customers of both arms as time, where we take those of even arms: tuned to as many, they are one.
    sizes = [arm.n for arm in pair]
    tuned = 8_000 * effective_customers(sizes) / sum(sizes)
    same(always_valid(*pair, expected_customers=tuned), theirs["sequential"])


@cases
@pytest.mark.parametrize("metric", METRICS)
def test_gbstats_has_the_same_relative_lift(answers, case, metric):
    theirs = answers["arms"][case]["gbstats"][metric]["lift"]
    treatment, control = pair_of(case, metric)
    assert fieller_lift(treatment, control).effect == pytest.approx(theirs["effect"], rel=1e-6)
    # Its interval is the delta method's with Welch's quantile of t, where reports have Fieller's: the errors agree.
    parts = treatment.squared_error, control.squared_error
    degrees = sum(parts) ** 2 / (parts[0] ** 2 / (treatment.n - 1) + parts[1] ** 2 / (control.n - 1))
    error = math.sqrt(parts[0] + (treatment.mean / control.mean) ** 2 * parts[1]) / abs(control.mean)
    assert stats.t.ppf(0.975, degrees) * error == pytest.approx(half_width(theirs["ci"]), rel=1e-6)


@cases
@pytest.mark.parametrize("metric", METRICS)
def test_gbstats_has_the_same_normal_posterior(answers, case, metric):
    theirs = answers["arms"][case]["gbstats"][metric]["bayes"]
    treatment, control = pair_of(case, metric)
    standing = normal([control, treatment])
    assert standing.probability_best[1] == pytest.approx(theirs["probability_best"], rel=1e-6)
    assert standing.expected_loss == pytest.approx(theirs["loss"], rel=1e-6)


@cases
def test_gbstats_has_the_same_sample_ratio_test(answers, case):
    exposed = [arm.exposed for arm in ARMS[case]]
    assert sample_ratio(exposed, [0.5, 0.5]) == pytest.approx(answers["arms"][case]["srm"], rel=1e-6, abs=1e-300)


@cases
def test_spotify_confidence_has_the_same_tests(answers, case):
    control, treatment = ARMS[case]
    theirs = answers["arms"][case]["spotify"]
    ours = two_proportions(treatment.converted, treatment.exposed, control.converted, control.exposed, alpha=0.05)
    assert ours.effect == pytest.approx(theirs["chi_squared"]["effect"], rel=1e-6)
    assert ours.p_value == pytest.approx(theirs["chi_squared"]["p_value"], rel=1e-6)
    same(welch(*pair_of(case, Metric.REVENUE_PER_CUSTOMER)), theirs["welch"])


@cases
def test_spotify_confidence_adjusts_by_regression_as_cuped_does(answers, case):
    theirs = answers["arms"][case]["spotify"]["linear_regression"]
    treatment, control = pair_of(case, "cuped")
    assert treatment.mean - control.mean == pytest.approx(theirs["effect"], rel=1e-6)
    # It takes the regression's part of the variance with n where we take n - 1, and normal quantiles.
    ours = stats.norm.ppf(0.975) * math.sqrt(treatment.squared_error + control.squared_error)
    assert ours == pytest.approx(half_width(theirs["ci"]), rel=2.0 / min(treatment.n, control.n))


def test_spotify_confidence_corrects_alike(answers):
    plain, corrected = zip(*answers["holm"], strict=True)
    assert adjusted_p_values(plain, "holm") == pytest.approx(corrected, rel=1e-6)


def test_spotify_confidence_solves_the_same_bounds(answers):
    ours = critical_values(tuple(SHARES), 0.05, lambda share, alpha: alpha * share**2)
    # Its integration is coarser: the step of its grid is 0.05 standard deviations.
    assert ours == pytest.approx(answers["bounds"], abs=5e-4)
