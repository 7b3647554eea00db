"""Money as thousandths of the shop's currency: exact, whatever the amounts and currencies."""

from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.inputs.currency_conversion import Money
from events.codec.amount_columns import SCALE, Amounts, currency_number
from tests.building import examples

RATES = {"USD": 0.92, "JPY": 0.0061, "KWD": 3.0, "IDR": 0.1}
LARGEST = 10**12 * SCALE


def refuse_to_adopt(candidate):
    raise AssertionError(f"{candidate} was to be adopted, though there is a currency")


def thousandths(money, amounts, currencies):
    """What becomes of amounts as they are on the wire."""
    return money.thousandths(Amounts.of(amounts), np.array(list(map(currency_number, currencies)), np.int64))


def euros(rates=None):
    return Money("EUR", rates or {}, refuse_to_adopt)


@st.composite
def written_amounts(draw):
    """A number of thousandths, and the amount as it may stand in JSON: a number, or text with 0 to 6 decimals."""
    thousandths = draw(st.integers(0, 10**7) | st.integers(0, LARGEST))
    exact = Decimal(thousandths).scaleb(-3)
    text = format(exact, "f")
    plain = text.rstrip("0").rstrip(".")
    return thousandths, draw(st.sampled_from([float(exact), text, plain, text + "000"]))


@given(st.lists(written_amounts(), max_size=20))
@examples(100)
def test_amounts_with_up_to_three_decimals_are_exact(written):
    values, unknown = thousandths(euros(), [amount for _, amount in written], ["EUR"] * len(written))
    assert values.tolist() == [thousandths for thousandths, _ in written]
    assert not unknown.any()


@given(
    st.lists(written_amounts().map(lambda pair: (pair[0], float(Decimal(pair[0]).scaleb(-3)))), min_size=1, max_size=20)
)
@examples(100)
def test_amounts_that_are_all_numbers_are_as_exact(written):
    """They take a shorter way, without Decimal."""
    values, _ = thousandths(euros(), [amount for _, amount in written], ["EUR"] * len(written))
    assert values.tolist() == [thousandths for thousandths, _ in written]


@given(st.lists(st.tuples(written_amounts(), st.sampled_from(["EUR", *RATES])), max_size=20))
@examples(100)
def test_amounts_in_several_currencies_are_converted_exactly(written):
    kept = [each for each in written if each[1] == "EUR" or each[0][0] * RATES[each[1]] <= LARGEST]
    values, unknown = thousandths(euros(RATES), [amount for (_, amount), _ in kept], [code for _, code in kept])
    assert values.tolist() == [
        int((thousandths * Decimal(str(RATES.get(code, 1)))).to_integral_value(ROUND_HALF_EVEN))
        for (thousandths, _), code in kept
    ]
    assert not unknown.any()


@pytest.mark.parametrize("amount", ["0.0005", 0.0005, "0.001499", 0.001499, "12.345678", 12.345678, 1e-7, 0.1 + 0.2])
def test_finer_amounts_go_to_the_nearest_thousandth(amount):
    (value,) = thousandths(euros(), [amount], ["EUR"])[0].tolist()
    assert abs(Decimal(str(amount)) * SCALE - value) <= Decimal("0.5")


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=10))
@examples(100)
def test_half_a_thousandth_goes_to_the_even_one_in_text_and_number_alike(counts):
    """1.0015 times 1000 is 1001.4999999999999 in float64."""
    halves = [(Decimal(each) + Decimal("0.5")).scaleb(-3) for each in counts]
    expected = [each + each % 2 for each in counts]
    assert thousandths(euros(), [str(half) for half in halves], ["EUR"] * len(halves))[0].tolist() == expected
    assert thousandths(euros(), [float(half) for half in halves], ["EUR"] * len(halves))[0].tolist() == expected


def test_a_currency_without_a_rate_is_flagged_and_the_others_count():
    money = euros(RATES)
    values, unknown = thousandths(money, [1.0, 2.0, "3"], ["EUR", "CHF", "KWD"])
    assert values.tolist() == [1_000, 0, 9_000]
    assert unknown.tolist() == [False, True, False]
    assert money.reason("CHF").startswith("currency: CHF has no rate into EUR")


@pytest.mark.parametrize("amount", [1e12, "1000000000000"])
def test_an_amount_too_large_for_the_shops_currency_is_flagged(amount):
    """10^12 dollars in rupiah do not fit an int64 of thousandths: one such event must not stop the worker."""
    money = Money("IDR", {"USD": 16_000.0}, refuse_to_adopt)
    values, refused = thousandths(money, [amount, 5], ["USD", "IDR"])
    assert values.tolist() == [0, 5_000]
    assert refused.tolist() == [True, False]
    assert money.reason("USD").startswith("amount: more than 1000000000000 IDR")


def test_without_a_setting_the_most_frequent_currency_of_the_first_orders_is_the_shops():
    asked = []
    money = Money("", {}, lambda candidate: asked.append(candidate) or candidate)
    values, unknown = thousandths(money, [1, 2, 3], ["USD", "EUR", "EUR"])
    assert values.tolist() == [0, 2_000, 3_000]
    assert unknown.tolist() == [True, False, False]
    assert money.currency == "EUR"
    thousandths(money, [1, 2], ["USD", "USD"])
    assert asked == ["EUR"], "it is adopted once"


def test_a_currency_that_another_worker_adopted_first_counts():
    money = Money("", {"USD": 0.5}, lambda _candidate: "EUR")
    values, unknown = thousandths(money, [1, 2], ["USD", "CHF"])
    assert money.currency == "EUR"
    assert values.tolist() == [500, 0]
    assert unknown.tolist() == [False, True]


def test_no_orders_adopt_no_currency():
    money = Money("", {}, refuse_to_adopt)
    values, unknown = thousandths(money, [], [])
    assert (len(values), len(unknown), money.currency) == (0, 0, "")
