"""The scenarios that come with Shoal, by name. Parameters are ours unless a source is named."""

from typing import Any, Final

from simulation.behaviour.ab_test import Effect, Experiment
from simulation.behaviour.seasons import Seasonality
from simulation.customers.groups import Buying, Dropout, Group, Profile, Spend, Visits
from simulation.scenarios.regimes import Regime
from simulation.scenarios.scenario import Scenario

__all__ = ["SCENARIOS", "named_scenario"]

_TURN: Final = 120
"""Day on which the scripted scenarios change."""


def named_scenario(name: str) -> Scenario:
    """Return a scenario by its name. Raises KeyError."""
    return SCENARIOS[name]


def _group(name: str, share: float, buying: Buying, spend: Spend, *, joins_over_days: int = 60, **more: Any) -> Group:
    return Group(name=name, share=share, buying=buying, spend=spend, joins_over_days=joins_over_days, **more)


def _shop_groups() -> list[Group]:
    """Return groups of a fashion shop, with customers who come and go."""
    return [*_returning_groups(), *_passing_groups()]


def _returning_groups() -> list[Group]:
    return [
        _group(
            "vip",
            1,
            Buying(r=20, alpha=20, dropout=Dropout(a=1, b=150)),
            Spend(p=8, q=20, gamma=520),
            visits=Visits(web_share=1, per_order=3, browsing_per_week=2),
            profile=Profile(
                sources={"email": 2, "direct": 3}, age_mean=48, income_median=72_000, marketing_consent=0.9
            ),
            categories={"fashion": 3, "home": 2},
        ),
        _group(
            "frequent",
            15,
            Buying(r=6, alpha=18, dropout=Dropout(a=1, b=40)),
            Spend(p=6, q=10, gamma=90),
            visits=Visits(per_order=2.5, browsing_per_week=0.6),
            joins_per_day=0.002,
        ),
        _group(
            "occasional",
            34,
            Buying(r=2, alpha=24, dropout=Dropout(a=1, b=8)),
            Spend(p=6, q=8, gamma=52),
            joins_per_day=0.002,
        ),
    ]


def _passing_groups() -> list[Group]:
    return [
        _group(
            "one-off",
            25,
            Buying(r=0.3, alpha=15, dropout=Dropout(a=3, b=1)),
            Spend(p=5, q=6, gamma=30),
            visits=Visits(web_share=0.8, browsing_per_week=0.05),
            profile=Profile(sources={"search": 3, "affiliate": 4}, marketing_consent=0.4),
            joins_per_day=0.004,
        ),
        _group(
            "fading",
            15,
            Buying(r=6, alpha=10, rate_half_life_days=45),
            Spend(p=6, q=10, gamma=80),
            joins_per_day=0.002,
        ),
        _group(
            "new",
            10,
            Buying(r=3, alpha=15, dropout=Dropout(a=1, b=6)),
            Spend(p=6, q=8, gamma=50),
            visits=Visits(per_order=3, browsing_per_week=0.8),
            profile=Profile(sources={"social": 4, "search": 1}, age_mean=29, age_sd=7, income_median=27_000),
            from_day=60,
            joins_over_days=240,
            joins_per_day=0.004,
        ),
    ]


def _steady_groups() -> list[Group]:
    """Return groups that nobody leaves and whose members hardly differ."""

    def group(name: str, share: float, r: float, alpha: float, gamma: float) -> Group:
        return _group(name, share, Buying(r=r, alpha=alpha), Spend(p=10, q=40, gamma=gamma), joins_over_days=14)

    return [
        group("vip", 0.4, r=60, alpha=40, gamma=975),
        group("frequent", 20, r=40, alpha=80, gamma=234),
        group("big-basket", 19.6, r=20, alpha=100, gamma=585),
        group("occasional", 35, r=20, alpha=100, gamma=117),
        group("rare", 25, r=10, alpha=200, gamma=97.5),
    ]


def _separate_groups() -> list[Group]:
    """Return groups of a food shop that hardly overlap in how lately, how often and for how much they buy."""

    def group(name: str, share: float, orders_a_week: float, mean: float, **more: Any) -> Group:
        buying, spend = Buying(r=30, alpha=30 / orders_a_week), Spend(p=8, q=30, gamma=mean * 29 / 8)
        return _group(name, share, buying, spend, joins_over_days=30, **more)

    return [
        group("restaurants", 10, 4.0, 120, visits=Visits(web_share=1, per_order=1.2, pages=4)),
        group("households", 30, 0.9, 60, visits=Visits(browsing_per_week=0.3)),
        group("top-up", 20, 0.9, 6, visits=Visits(web_share=0.6, per_order=1.5, pages=3)),
        group("celebrations", 15, 0.15, 900, visits=Visits(per_order=5, browsing_per_week=0.1)),
        group("lapsed", 25, 1.0, 40, profile=Profile(sources={"affiliate": 3, "search": 2}, marketing_consent=0.4)),
    ]


def _steady(name: str, description: str, **more: Any) -> Scenario:
    return Scenario(name=name, description=description, **({"groups": _steady_groups(), "days": 300} | more))


_BUSY: Final = Seasonality(
    months=[0.9, 0.85, 0.9, 0.95, 1.0, 0.95, 0.9, 0.85, 1.0, 1.05, 1.3, 1.45],
    weekdays=[1.05, 1.0, 0.95, 0.95, 0.9, 1.0, 1.15],
    hours=[2, 1, 1, 1, 1, 2, 4, 7, 10, 12, 13, 13, 14, 13, 12, 12, 13, 14, 16, 18, 20, 18, 12, 6],
)
_SHIPPING: Final = Experiment(
    experiment="free-shipping",
    variants={"control": 1, "free": 1},
    control="control",
    from_day=90,
    until_day=150,
    conversion={"vip": 0.3, "frequent": 0.2, "one-off": 0.05},
    default_conversion=0.1,
    effects={
        "free": {
            "frequent": Effect(conversion=0.08, purchase_rate=1.2),
            "occasional": Effect(conversion=0.05),
            "fading": Effect(conversion=-0.03),
        }
    },
)
_ARRIVING: Final = _group(
    "arriving", 15, Buying(r=40, alpha=60), Spend(p=10, q=40, gamma=3_900), from_day=_TURN, joins_over_days=14
)

SCENARIOS: Final[dict[str, Scenario]] = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            name="default",
            description="A shop with seasons, six groups of customers who come and go, and an experiment.",
            groups=_shop_groups(),
            seasonality=_BUSY,
            experiment=_SHIPPING,
        ),
        _steady("stationary", "Five groups that stay as they are: nobody leaves, nothing changes."),
        _steady(
            "promotion",
            "The stationary shop, with two weeks of 20% off in which everybody but the VIPs buys twice as often.",
            regimes=[
                Regime(
                    name="promotion",
                    from_day=_TURN,
                    until_day=_TURN + 14,
                    groups=["frequent", "big-basket", "occasional", "rare"],
                    purchase_rate=2.0,
                    spend=0.8,
                    browsing=1.5,
                )
            ],
        ),
        _steady(
            "price-change",
            "The stationary shop, where orders cost 25% more from a day on and are 15% fewer.",
            regimes=[Regime(name="price-change", from_day=_TURN, purchase_rate=0.85, spend=1.25)],
        ),
        _steady(
            "dying-group",
            "The stationary shop, whose frequent buyers leave, a tenth of those left every day.",
            regimes=[Regime(name="dying-group", from_day=_TURN, groups=["frequent"], leaves_per_day=0.1)],
        ),
        _steady(
            "new-group",
            "The stationary shop, which a sixth group joins: frequent buyers of large baskets.",
            groups=[*_steady_groups(), _ARRIVING],
        ),
        Scenario(
            name="separate-groups",
            description="A food shop whose five groups hardly overlap: what segments can find, they should find here.",
            groups=_separate_groups(),
            days=300,
            seasonality=_BUSY,
            regimes=[
                Regime(name="a competitor opens", from_day=50, until_day=90, groups=["lapsed"], leaves_per_day=0.12)
            ],
        ),
    )
}
"""Every scenario is a frozen value: made once, never changed."""
