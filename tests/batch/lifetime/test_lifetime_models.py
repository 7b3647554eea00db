"""The models: parameters come back from customers drawn from them, and the formulas hold at their edges."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import hyp2f1

from batch.data.customer_table import CustomerTable
from batch.data.lifetime_values import LifetimeSummary, LifetimeUnavailable, fit_lifetime
from batch.lifetime.bg_nbd import BgNbd
from batch.lifetime.gamma_gamma import GammaGamma
from batch.lifetime.lifetime_models import LifetimeModels
from batch.lifetime.maximum_likelihood import fit_bg_nbd, fit_gamma_gamma
from batch.lifetime.purchase_history import PurchaseHistory, purchase_history
from events.codec.amount_columns import SCALE
from events.schema.outputs import LifetimeModel
from events.time_units import DAY_MS
from state.customers.records import blank_rows
from tests.building import HALF_LIFE_MS, NOW_MS, examples, names, rows_with

CDNOW = BgNbd(0.243, 4.414, 0.793, 2.426, -9582.4, 2_357)
AMOUNTS = GammaGamma(6.25, 3.74, 15.44, 0.0, 946)


def history(repeats, last, observed, orders=None, mean_amount=None):
    x, t_x, t = (np.array(each, float).reshape(-1) for each in (repeats, last, observed))
    counted = x if orders is None else np.array(orders, float)
    paid = np.full(len(x), 20.0) if mean_amount is None else np.array(mean_amount, float)
    return PurchaseHistory(x, t_x, t, counted, paid)


def drawn(model, n, weeks, seed):
    """Customers who buy and leave as BG/NBD says, watched for so many weeks."""
    random = np.random.default_rng(seed)
    rates = random.gamma(model.r, 1 / model.alpha, n)
    leaving = random.beta(model.a, model.b, n)
    repeats, last = np.zeros(n), np.zeros(n)
    for i in range(n):
        at = random.exponential(1 / rates[i])
        while at < weeks:
            repeats[i] += 1
            last[i] = at
            if random.random() < leaving[i]:
                break
            at += random.exponential(1 / rates[i])
    return history(repeats, last, np.full(n, weeks))


def test_bg_nbd_finds_the_parameters_that_customers_were_drawn_from():
    truth = BgNbd(0.8, 6.0, 1.2, 3.0, 0.0, 0)
    found = fit_bg_nbd(drawn(truth, 20_000, 60.0, seed=3))
    assert (found.r, found.alpha) == pytest.approx((truth.r, truth.alpha), rel=0.1)
    assert found.a / (found.a + found.b) == pytest.approx(truth.a / (truth.a + truth.b), rel=0.1)


def test_gamma_gamma_finds_the_parameters_that_amounts_were_drawn_from():
    random = np.random.default_rng(5)
    orders = random.integers(1, 8, 20_000)
    nu = random.gamma(4.0, 1 / 30.0, len(orders))
    amounts = random.gamma(5.0 * orders, 1 / nu) / orders
    found = fit_gamma_gamma(history(orders, orders, orders, orders, amounts))
    assert (found.p, found.q, found.gamma) == pytest.approx((5.0, 4.0, 30.0), rel=0.1)


def test_the_unit_of_time_does_not_matter():
    customers = drawn(CDNOW, 2_000, 50.0, seed=1)
    weekly = fit_bg_nbd(customers)
    daily = fit_bg_nbd(
        PurchaseHistory(customers.repeats, customers.last * 7, customers.observed * 7, *[customers.orders] * 2)
    )
    assert (daily.r, daily.alpha / 7, daily.a, daily.b) == pytest.approx(
        (weekly.r, weekly.alpha, weekly.a, weekly.b), rel=1e-3
    )


@given(st.integers(0, 60), st.floats(0, 1), st.floats(1, 200), st.floats(0.5, 100))
@examples(200)
def test_expected_purchases_are_those_of_the_paper_where_its_form_can_be_computed(x, part, observed, weeks):
    """Equation (10) as printed: the factor of alpha + T before the hypergeometric function."""
    one = history(x, part * observed if x else 0.0, observed)
    r, alpha, a, b = CDNOW.r, CDNOW.alpha, CDNOW.a, CDNOW.b
    z = weeks / (alpha + observed + weeks)
    gauss = hyp2f1(r + x, b + x, a + b + x - 1, z)
    printed = (a + b + x - 1) / (a - 1) * (1 - ((alpha + observed) / (alpha + observed + weeks)) ** (r + x) * gauss)
    if x:
        printed /= 1 + a / (b + x - 1) * ((alpha + observed) / (alpha + one.last[0])) ** (r + x)
    assert CDNOW.expected(one, weeks)[0] == pytest.approx(printed, rel=1e-6, abs=1e-9)


@given(st.integers(0, 5_000), st.floats(0, 1), st.floats(0, 1_000), st.floats(0, 500))
@examples(200)
def test_nothing_overflows_and_all_is_in_its_range(x, part, observed, weeks):
    one = history(x, part * observed if x else 0.0, observed)
    assert 0.0 <= CDNOW.alive(one)[0] <= 1.0
    less, more = CDNOW.expected(one, weeks)[0], CDNOW.expected(one, weeks + 1.0)[0]
    assert 0.0 <= less <= more * (1 + 1e-9) < np.inf


@pytest.mark.parametrize("a", [0.01, 1.0, 50.0, 50_000.0])
@pytest.mark.parametrize("b", [0.01, 50_000.0])
def test_parameters_at_the_ends_of_the_search_give_numbers_too(a, b):
    customers = history([0, 1, 3, 400], [0, 5, 40, 52], [60, 60, 60, 60])
    expected = BgNbd(0.2, 1.1, a, b, 0.0, 4).expected(customers, 52.0)
    assert np.isfinite(expected).all()
    assert (expected >= 0.0).all()


def test_a_customer_who_has_never_come_back_is_alive_and_a_silent_regular_is_not():
    customers = history([0, 10, 10], [0, 38, 5], [39, 39, 39])
    alive = CDNOW.alive(customers)
    assert alive[0] == 1.0
    assert alive[1] > 0.8
    assert alive[2] < 0.01


def test_amounts_shrink_towards_the_mean_of_all():
    everyone = 6.25 * 15.44 / (3.74 - 1)
    once, often = AMOUNTS.mean_amount(history([1, 100], [1, 1], [1, 1], [1, 100], [200.0, 200.0]))
    assert everyone < once < often < 200.0
    assert AMOUNTS.mean_amount(history(0, 0, 1, [0], [0.0]))[0] == pytest.approx(everyone)


def table_of(rows):
    n = len(rows)
    return CustomerTable(np.array(names(n), object), rows, np.full(n, NOW_MS), HALF_LIFE_MS, population=n)


def test_histories_come_from_records_in_weeks_and_money():
    rows = rows_with(
        4,
        first_order=NOW_MS - 70 * DAY_MS,
        last_order=[NOW_MS - 14 * DAY_MS, NOW_MS - 70 * DAY_MS, NOW_MS, NOW_MS],
        placed=[4, 1, 2, 0],
        cancelled=[1, 0, 2, 0],
        gross=[100 * SCALE, 30 * SCALE, 10 * SCALE, 0],
        cancelled_amount=[10 * SCALE, 0, 10 * SCALE, 0],
        refunded=[15 * SCALE, 0, 0, 0],
    )
    found, who = purchase_history(rows, np.full(4, NOW_MS))
    assert who.tolist() == [True, True, False, False]
    assert (found.repeats.tolist(), found.last.tolist(), found.observed.tolist()) == ([2, 0], [8, 0], [10, 10])
    assert (found.orders.tolist(), found.mean_amount.tolist()) == ([3, 1], [25.0, 30.0])


def test_lifetime_value_of_a_table_falls_with_the_discount_and_is_missing_without_orders():
    customers = drawn(CDNOW, 1_500, 50.0, seed=2)
    weeks = (customers.last * 7 * DAY_MS).astype(np.int64)
    first = NOW_MS - 350 * DAY_MS
    rows = rows_with(1_500, first_order=first, last_order=first + weeks, placed=customers.repeats + 1)
    rows["gross"] = rows["placed"] * np.random.default_rng(1).integers(5, 80, 1_500) * SCALE
    rows[:10] = blank_rows(10)
    table = table_of(rows)
    found, dearer = fit_lifetime(table, 1), fit_lifetime(table, 1, yearly_rate=0.5)
    assert isinstance(found, LifetimeSummary)
    assert isinstance(dearer, LifetimeSummary)
    assert np.isnan(found.values.value[:10]).all()
    assert (found.values.value[10:] > dearer.values.value[10:]).all()
    history, _ = purchase_history(table.rows, table.now_ms)
    undiscounted = found.models.amounts.mean_amount(history) * found.values.expected[10:]
    assert (found.values.value[10:] < undiscounted).all()
    again = LifetimeModels.of(LifetimeModel.model_validate_json(found.models.kept().model_dump_json()))
    assert again.values(table.rows[:20], table.now_ms[:20]).value.tobytes() == found.values.value[:20].tobytes()


def test_a_fit_by_which_nobody_ever_leaves_is_refused():
    """Everybody orders every week until today: nothing in these orders tells when somebody has left."""
    weeks = np.random.default_rng(4).integers(5, 40, 400)
    first = NOW_MS - weeks * 7 * DAY_MS
    rows = rows_with(400, first_order=first, last_order=NOW_MS, placed=weeks + 1, gross=(weeks + 1) * 10 * SCALE)
    found = fit_lifetime(table_of(rows), 1)
    assert isinstance(found, LifetimeUnavailable)
    assert "do not show which customers have left" in found.reason


@pytest.mark.parametrize(("a", "b", "refused"), [(1e-5, 59_004.0, True), (0.8, 2.4, False), (5.0, 1e-4, True)])
def test_a_degenerate_fit_says_that_nobody_leaves_or_everybody(a, b, refused):
    assert BgNbd(0.24, 4.4, a, b, 0.0, 1).is_degenerate is refused


def test_without_customers_who_came_back_the_reason_is_given():
    rows = rows_with(100, first_order=NOW_MS - DAY_MS, last_order=NOW_MS - DAY_MS, placed=1, gross=10 * SCALE)
    assert fit_lifetime(table_of(rows), 1) == LifetimeUnavailable("0 customers have bought twice, 50 are needed")
