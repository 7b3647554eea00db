"""Names of segments: each claims something that is true of its members, and no two are alike."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.naming.claims import FIT_SHARE, without_repeats
from batch.naming.names import learned_claims, stage_claims
from events.schema.outputs import Lifecycle, NameClaim
from stream.customers.lifecycle import STAGES
from tests.building import examples

FEATURES = ["recent_orders", "recent_spend"]
UNITS = {"orders": "orders of all time", "spend": "net spend of all time"}


def shop(sizes, orders, spend, seed=0, spread=0.1):
    """Customers in groups of these sizes, of about so many orders and so much spend, with their group."""
    random = np.random.default_rng(seed)
    group = np.repeat(np.arange(len(sizes)), sizes)
    counts, money = (np.array(each)[group] * random.lognormal(0, spread, len(group)) for each in (orders, spend))
    columns = {"orders": counts, "spend": money, "recent_orders": counts / 2, "recent_spend": money / 2}
    return pd.DataFrame(columns | {"recency": 5.0}), group


def chains(numbers, labels, *, features=FEATURES, ruled=True):
    standard = (numbers[features] - numbers[features].mean()) / numbers[features].std()
    centroids = standard.groupby(labels).mean().to_numpy()
    return learned_claims(numbers, labels, centroids, features, UNITS, ruled=ruled)


def first_names(*arguments, **options):
    return [chain[0].name for chain in chains(*arguments, **options)]


def share(claim, numbers):
    holds = np.ones(len(numbers), bool)
    for each in claim.conditions:
        values = numbers[each.feature]
        holds &= values.ge(-np.inf if each.at_least is None else each.at_least)
        holds &= values.le(np.inf if each.at_most is None else each.at_most)
    return holds.mean()


def test_groups_that_differ_have_the_names_of_what_they_do():
    found = first_names(*shop([300, 300, 60], [3, 6, 20], [40, 110, 900]))
    assert found == ["Occasional Shoppers", "Regular Customers", "High-Value Loyalists"]


def test_the_words_say_what_is_claimed_in_figures():
    claim = chains(*shop([300, 300, 60], [3, 6, 20], [40, 110, 900]))[2][0]
    orders, spend = claim.conditions
    assert claim.words == (
        f"orders of all time: at least {orders.at_least:.3g}; net spend of all time: at least {spend.at_least:.3g}"
    )


def test_who_buys_no_more_than_others_is_not_called_frequent():
    numbers, group = shop([200, 200, 200], [5, 5, 5], [40, 50, 60], spread=0.5)
    assert not {"Frequent Buyers", "High-Value Loyalists"} & set(first_names(numbers, group))


@given(st.integers(0, 1_000), st.integers(2, 6), st.floats(0.05, 1.5))
@examples(60)
def test_every_name_holds_for_its_members_and_no_two_are_alike(seed, k, spread):
    random = np.random.default_rng(seed)
    numbers, labels = shop(
        random.integers(5, 200, k), random.lognormal(1, 1, k), random.lognormal(4, 1, k), seed, spread
    )
    found = chains(numbers, labels)
    assert all(share(chain[0], numbers[labels == label]) >= FIT_SHARE for label, chain in enumerate(found))
    every = [claim.name for chain in found for claim in chain]
    assert len(every) == len(set(every))
    assert all(not chain[-1].conditions for chain in found), "the last name claims no more than the rules do"


def test_a_segment_without_members_has_a_name_too():
    numbers, labels = shop([20, 20], [3, 30], [40, 900])
    found = learned_claims(numbers, labels, np.zeros((3, 2)), FEATURES, UNITS, ruled=True)
    assert len({chain[0].name for chain in found}) == 3


def test_without_the_stages_nobody_is_called_a_regular():
    names = [claim.name for chain in chains(*shop([90, 90], [4, 5], [50, 60]), ruled=False) for claim in chain]
    assert not any(name.startswith("Regular") for name in names)


def test_of_profiles_the_features_are_the_names_where_these_are_true():
    random = np.random.default_rng(1)
    group = np.repeat([0, 1], 100)
    numbers = pd.DataFrame({"income": np.where(group, 80, 20) + random.normal(0, 3, 200), "recency": np.nan})
    assert first_names(numbers, group, features=["income"], ruled=False) == ["Low income", "High income"]
    wide = numbers.assign(income=np.where(group, 80, 20) + random.normal(0, 60, 200))
    assert all(" " in name and "–" in name for name in first_names(wide, group, features=["income"], ruled=False))


def test_the_stages_claim_their_rules():
    found = stage_claims(Lifecycle(new_days=14))
    assert [len(chain) for chain in found] == [1] * len(STAGES)
    assert "within the last 14 days" in found[STAGES.index("new")][0].words


@pytest.mark.parametrize("repeated", ["a", "b"])
def test_a_name_that_an_earlier_segment_may_carry_is_not_given_again(repeated):
    first = [NameClaim(name=name, words="", conditions=[]) for name in ("a", "b")]
    second = [NameClaim(name=name, words="", conditions=[]) for name in (repeated, "c")]
    assert [each.name for each in without_repeats([first, second])[1]] == ["c"]
