"""Figures that others have published of public experiments and in tables."""

import pytest

from experiments import NotComputable, Reason, Tallies, Tally
from experiments.planning.sample_size_formulas import sample_size_of_proportions
from experiments.reporting.report import report
from experiments.sequential.group_sequential import critical_values, obrien_fleming, pocock
from experiments.statistics.lift import fieller_lift
from experiments.statistics.means import welch
from experiments.statistics.proportions import expected_counts_allow_z, fisher, two_proportions
from experiments.statistics.sample import conversion
from experiments.statistics.sample_ratio_mismatch import sample_ratio
from tests.experiments.tallying import START, counts, experiment


def test_cookie_cats_moved_its_gate_and_kept_fewer_players():
    """90,189 players of a mobile game, data on Kaggle (mobile-games-ab-testing-cookie-cats); retention after 1, 7 days.

    Counts and the p-value of day 1: repository PrernaShinde/cookiecats-ab-test. Day 7 (p = 0.0016, -0.82 points with
    interval -1.33 to -0.31, relative -4.31%): repository dorukalkan/cookie-cats-ab-test.
    """
    first = two_proportions(20_119, 45_489, 20_034, 44_700, alpha=0.05)
    assert first.p_value == pytest.approx(0.07440965529691913, rel=1e-9)
    assert first.effect * 100 == pytest.approx(-0.5905169787341458, rel=1e-9)
    seventh = two_proportions(8_279, 45_489, 8_502, 44_700, alpha=0.05)
    assert round(seventh.p_value, 4) == 0.0016
    assert [round(end * 100, 2) for end in seventh.interval] == [-1.33, -0.31]
    control, moved = conversion(counts(44_700, 8_502)), conversion(counts(45_489, 8_279))
    assert round(fieller_lift(moved, control).effect * 100, 2) == -4.31


def test_cookie_cats_arms_were_not_filled_as_assigned():
    """An even split of those 44,700 and 45,489 players has a chance of 0.9%: suspicious to some, not below 0.001."""
    assert 0.001 < sample_ratio([44_700, 45_489], [1, 1]) < 0.01


def test_udacity_asked_for_hours_and_had_fewer_enrolments():
    """Free-trial screener of Udacity (final project of its course "A/B Testing", results sheet), clicks and enrolments.

    Published intervals of the differences: gross conversion -0.0291 to -0.0120, net conversion -0.0116 to 0.0019.
    """
    gross = two_proportions(3_423, 17_260, 3_785, 17_293, alpha=0.05)
    assert [round(end, 4) for end in gross.interval] == [-0.0291, -0.0120]
    net = two_proportions(1_945, 17_260, 2_033, 17_293, alpha=0.05)
    assert [round(end, 4) for end in net.interval] == [-0.0116, 0.0019]


def test_udacity_needed_so_many_clicks():
    """The same project, sizing: baseline 20.625% and 1 point need 25,835 clicks an arm, by the calculator it names.

    That calculator (Evan Miller's) takes the baseline's variance for "no difference", where a pooled test has that of
    the rate between the two, so its answer lies between ours for a point less and a point more.
    """
    less, more = (sample_size_of_proportions(0.20625, sign * 0.01 / 0.20625) for sign in (-1, 1))
    assert less < 25_835 < more
    assert more / less < 1.04


def test_aspirin_halved_heart_attacks():
    """Physicians' Health Study: 104 of 11,037 with aspirin, 189 of 11,034 with placebo.

    Agresti (2007), An Introduction to Categorical Data Analysis, section 2.2: difference 0.0077 with interval 0.005 to
    0.011; relative risk of the placebo 1.82 with interval 1.43 to 2.30 (there on the log scale).
    """
    placebo, aspirin = conversion(counts(11_034, 189)), conversion(counts(11_037, 104))
    difference = welch(placebo, aspirin)
    assert round(difference.effect, 4) == 0.0077
    assert [round(end, 3) for end in difference.interval] == [0.005, 0.011]
    ratio = fieller_lift(placebo, aspirin)
    assert round(1 + ratio.effect, 2) == 1.82
    assert [1 + end for end in ratio.interval] == pytest.approx([1.43, 2.30], abs=0.04)


def test_the_lady_tasting_tea():
    """Fisher (1935): of four cups with milk first she named three; 34 of 70 tables are as extreme, two-sided."""
    assert fisher(3, 4, 1, 4, alpha=0.05).p_value == pytest.approx(34 / 70)
    assert not expected_counts_allow_z(3, 4, 1, 4)
    assert two_proportions(3, 4, 1, 4, alpha=0.05) == NotComputable(Reason.SMALL_EXPECTED_COUNTS)


def test_a_mismatch_that_looked_like_an_effect():
    """Kohavi, Tang and Xu (2020), Trustworthy Online Controlled Experiments, chapter 3: p = 1.8e-6, so no verdict."""
    assert sample_ratio([821_588, 815_482], [1, 1]) == pytest.approx(1.8e-6, rel=0.02)
    arms = {("A", "all"): counts(821_588, 40_000), ("B", "all"): counts(815_482, 42_000)}
    assert report(experiment(), Tallies(arms), START).verdict.decision == "cannot_trust"


@pytest.mark.parametrize(
    ("spending", "published"),
    [
        (obrien_fleming, [4.8769, 3.3569, 2.6803, 2.2898, 2.0310]),
        (pocock, [2.4380, 2.4268, 2.4101, 2.3966, 2.3859]),
    ],
)
def test_bounds_of_five_looks(spending, published):
    """The documentation of R's ldbounds (after Reboussin, DeMets, Kim and Lan 2000): alpha 0.05, five even looks."""
    looks = tuple(k / 5 for k in range(1, 6))
    assert critical_values(looks, 0.05, spending) == pytest.approx(published, abs=1.5e-4)


def test_three_mails_of_hillstrom():
    """MineThatData e-mail challenge (Hillstrom 2008): conversions 1.25%, 0.88% and 0.57% of 64,000 customers."""
    mails = {"none": (21_306, 122), "mens": (21_307, 267), "womens": (21_387, 189)}
    tallies = Tallies({(name, "all"): Tally(exposed=n, converted=s) for name, (n, s) in mails.items()})
    found = report(experiment("none", "mens", "womens"), tallies, START)
    assert [round(arm.rate * 100, 2) for arm in found.overall.arms] == [0.57, 1.25, 0.88]
    assert found.verdict.decision == "ship"
    assert found.verdict.variant == "mens"
