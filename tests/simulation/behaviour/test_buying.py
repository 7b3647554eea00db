"""Buying, leaving and spending against what the published models expect in closed form."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import hyp2f1
from scipy.stats import beta

from events.time_units import DAY_MS
from simulation.behaviour.buying import draw_purchases
from simulation.customers.groups import Buying, Dropout, Spend
from tests.simulation.watching import START_MS, Seen, close, group, ms, scenario, variance_close

pytestmark = pytest.mark.slow

CDNOW = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
"""Fader, Hardie and Lee (2005): the BG/NBD model fitted to CDNOW, in weeks."""
WEEKS = 39


def expected_repeats(t, r, alpha, a, b):
    """E[X(t)] in closed form, from Fader, Hardie and Lee (2005)."""
    hyper = hyp2f1(r, b, a + b - 1, t / (alpha + t))
    return (a + b - 1) / (a - 1) * (1 - (alpha / (alpha + t)) ** r * hyper)


def expected_gone(t, r, alpha, a, b):
    """Share who have left by t: given rate and p, a lifetime is exponential with the rate times p."""
    alive, _ = quad(lambda p: (alpha / (alpha + p * t)) ** r * beta.pdf(p, a, b), 0, 1)
    return 1 - alive


@pytest.fixture(scope="module")
def cdnow():
    dropout = Dropout(a=CDNOW["a"], b=CDNOW["b"])
    shop = scenario(group(buying=Buying(r=CDNOW["r"], alpha=CDNOW["alpha"], dropout=dropout)))
    return Seen(shop, 20_000, 7 * WEEKS + 1)


def repeats_within(seen, weeks):
    counts = dict.fromkeys(seen.customers, -1)  # the first order is no repeat
    for order in seen.placed:
        joined = ms(seen.customers[order["customer_id"]]["joined_at"])
        counts[order["customer_id"]] += ms(order["occurred_at"]) - joined <= weeks * 7 * DAY_MS
    return list(counts.values())


@pytest.mark.parametrize("weeks", [2, 10, 20, WEEKS])
def test_repeat_purchases_are_those_of_the_paper(cdnow, weeks):
    assert close(repeats_within(cdnow, weeks), expected_repeats(weeks, **CDNOW))


def test_the_check_above_would_notice_other_parameters(cdnow):
    found = repeats_within(cdnow, WEEKS)
    for name in CDNOW:
        other = CDNOW | {name: CDNOW[name] * 1.4}
        assert not close(found, expected_repeats(WEEKS, **other)), name


@pytest.mark.parametrize("weeks", [5, WEEKS])
def test_the_share_that_leaves_is_the_models(cdnow, weeks):
    gone = [
        name in cdnow.left and ms(cdnow.left[name]["at"]) - ms(line["joined_at"]) <= weeks * 7 * DAY_MS
        for name, line in cdnow.customers.items()
    ]
    assert close(gone, expected_gone(weeks, **CDNOW))


def test_who_has_left_buys_no_more(cdnow):
    last = {order["customer_id"]: order["occurred_at"] for order in cdnow.placed}
    assert len(cdnow.left) > 1_000
    assert all(last[name] == line["at"] and line["reason"] == "dropout" for name, line in cdnow.left.items())


def test_without_dropout_counts_are_negative_binomial():
    r, alpha, weeks = 2.0, 4.0, 20
    seen = Seen(scenario(group(buying=Buying(r=r, alpha=alpha))), 4_000, 7 * weeks + 1)
    found, mean = repeats_within(seen, weeks), r * weeks / alpha
    assert close(found, mean)
    assert variance_close(found, mean + r * (weeks / alpha) ** 2)
    assert seen.left == {}


def test_each_customer_buys_at_the_rate_that_the_truth_names():
    weeks = 30
    seen = Seen(scenario(), 2_000, 7 * weeks + 1)
    counts = Counter(order["customer_id"] for order in seen.placed)
    rates = np.array([line["orders_per_week"] for line in seen.customers.values()])
    joined = np.array([ms(line["joined_at"]) for line in seen.customers.values()])
    spans = (START_MS + (7 * weeks + 1) * DAY_MS - joined) / (7 * DAY_MS)
    found = np.array([counts[name] - 1 for name in seen.customers])
    assert close((found - rates * spans) / np.sqrt(rates * spans), 0)
    assert variance_close((found - rates * spans) / np.sqrt(rates * spans), 1)


def test_a_rate_that_declines_halves_in_its_half_life_and_ends():
    life = 20
    seen = Seen(scenario(group(buying=Buying(r=50, alpha=10, rate_half_life_days=life))), 500, 11 * life)
    counts = [len(seen.orders_on("all", 1 + k * life, 1 + (k + 1) * life)) for k in range(3)]
    for before, after in itertools.pairwise(counts):
        assert abs(after / before - 0.5) < 4 * 0.5 * np.sqrt(1 / before + 1 / after)
    assert {line["reason"] for line in seen.left.values()} == {"declined"}
    assert len(seen.left) == 500


@pytest.mark.parametrize(("p", "q", "gamma"), [(6.25, 12, 62), (3, 30, 400)])
def test_amounts_have_the_mean_and_the_spread_of_gamma_gamma(p, q, gamma):
    spend = Spend(p=p, q=q, gamma=gamma)
    seen = Seen(scenario(group(spend=spend)), 8_000, 1)
    first = list({order["customer_id"]: order["amount"] for order in reversed(seen.placed)}.values())
    within = p * gamma**2 / ((q - 1) * (q - 2))
    between = (p * gamma / (q - 1)) ** 2 / (q - 2)
    assert close(first, spend.mean)
    assert variance_close(first, within + between)


def test_amounts_vary_about_the_mean_that_the_truth_names():
    seen = Seen(scenario(), 1_000, 40)
    ratios = [order["amount"] / seen.customers[order["customer_id"]]["mean_order"] for order in seen.placed]
    assert close(ratios, 1)
    assert variance_close(ratios, 1 / 6)


@settings(max_examples=50)
@given(
    seed=st.integers(0, 1_000),
    expected=st.lists(st.floats(0, 20), min_size=1, max_size=30),
    dropout=st.floats(0, 1),
    since=st.floats(0, 0.999),
)
def test_purchases_of_a_day_are_in_order_and_end_with_the_last(seed, expected, dropout, since):
    n = len(expected)
    drawn = draw_purchases(np.random.default_rng(seed), np.array(expected), np.full(n, dropout), np.full(n, since))
    assert ((drawn.share >= since) & (drawn.share <= 1)).all()
    assert (np.lexsort((drawn.share, drawn.owner)) == np.arange(len(drawn.owner))).all()
    assert set(drawn.leaving.tolist()) <= set(drawn.owner.tolist())
    if dropout == 0:
        assert not len(drawn.leaving)
    if dropout == 1:
        assert sorted(drawn.owner.tolist()) == drawn.leaving.tolist()
