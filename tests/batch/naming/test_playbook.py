"""Plays: each for the customers that it fits, and with the figure that speaks for it."""

import pytest

from batch.naming.playbook import play_for

EVERYONE = {"recency": 100.0, "frequency": 2.0, "monetary": 100.0, "tenure": 400.0, "engagement": 4.0}
RFM = ("recency", "frequency", "monetary")


def play(**means):
    return play_for(EVERYONE | means, EVERYONE, RFM)


@pytest.mark.parametrize(
    ("means", "name", "figure"),
    [
        ({"recency": 10.0, "frequency": 8.0, "monetary": 600.0}, "loyalty tier", "monetary: 600, where all"),
        ({"recency": 20.0, "frequency": 3.0}, "upsell", "frequency: 3.0, where all customers have 2.0"),
        ({"recency": 20.0, "frequency": 1.0, "tenure": 40.0}, "onboarding", "tenure: 40"),
        ({"recency": 250.0, "average_order_value": 80.0}, "win-back", "recency: 250"),
        ({"recency": 110.0}, "retention", "recency: 110"),
        ({"recency": 60.0, "frequency": 1.0, "monetary": 30.0, "engagement": 9.0}, "convert", "engagement: 9.0"),
        ({"recency": 60.0, "frequency": 1.0, "monetary": 30.0}, "next order", "frequency: 1.0"),
    ],
)
def test_the_play_follows_from_the_profile_and_says_on_which_figure(means, name, figure):
    found = play(**means)
    assert found.name == name
    assert figure in found.because


def test_silent_customers_of_small_orders_get_no_expensive_offer():
    everyone = EVERYONE | {"average_order_value": 50.0}
    assert play_for(everyone | {"recency": 300.0, "average_order_value": 20.0}, everyone, RFM).name == (
        "reactivate by e-mail only"
    )


@pytest.mark.parametrize(
    ("income", "spending", "name"),
    [
        (90.0, 85.0, "loyalty tier"),
        (90.0, 15.0, "grow spending"),
        (25.0, 80.0, "value offers"),
        (25.0, 20.0, "reactivate by e-mail only"),
        (60.0, 50.0, "keep in touch"),
    ],
)
def test_where_only_profiles_are_known_means_are_held_against_spending(income, spending, name):
    means, everyone = {"income": income, "spending_score": spending}, {"income": 60.0, "spending_score": 50.0}
    assert play_for(means, everyone, ("income", "spending_score")).name == name


def test_a_segment_like_all_says_so():
    found = play(recency=90.0)
    assert (found.name, found.because) == ("keep in touch", "no figure stands out against all customers")


def test_figures_that_are_missing_or_nothing_for_everybody_are_left_out():
    nothing = dict.fromkeys(EVERYONE, 0.0)
    assert play_for({"recency": float("nan"), "frequency": 1.0}, nothing, RFM).name == "keep in touch"


def test_where_even_the_mean_customer_has_left_silence_counts_by_itself():
    everyone = EVERYONE | {"recency": 367.0, "frequency": 0.4}
    lost = play_for(everyone | {"recency": 477.0, "frequency": 0.04}, everyone, RFM)
    assert lost.name in ("win-back", "reactivate by e-mail only")
    leaving = play_for(everyone | {"recency": 165.0, "frequency": 0.57}, everyone, RFM)
    assert (leaving.name, leaving.because) == ("retention", "recency: 165, where all customers have 367")
