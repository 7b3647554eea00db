"""Recommended marketing action (play) for a segment, and the metric that speaks for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from events.schema.outputs import Lifecycle, Stage

__all__ = ["Play", "play_for"]


@dataclass(frozen=True)
class Play:
    """A recommendation: its name, what to do, and why, with the figure that speaks for it."""

    name: str
    action: str
    because: str


_ACTIONS: Final = {
    "loyalty tier": "Invite to a loyalty tier, show new products first, ask for referrals; do not discount.",
    "upsell": "Recommend what goes with earlier orders, offer bundles, free shipping from a larger basket on.",
    "onboarding": "Welcome series, help with the first order, an incentive for the second within 30 days.",
    "win-back": "A personal offer with an end date; ask why they left; stop after two attempts.",
    "retention": "A reminder before they drift off: what is new since the last order, a small thank-you.",
    "reactivate by e-mail only": "One cheap message a season; leave out of paid campaigns.",
    "next order": "Bring the next order forward: what goes with the last one, refills, a bonus for ordering again.",
    "first order": "A welcome, and a reason to order a first time: what sells best, a first-order offer.",
    "convert": "They visit and do not buy: reminders of the cart, reviews, a first-order offer.",
    "grow spending": "Means are there, spending is not: premium ranges, advice, invitations.",
    "value offers": "They like to buy with little money: entry prices, instalments, clearance first.",
    "keep in touch": "The general newsletter; watch which way they move.",
}
_STAGE_PLAYS: Final[dict[Stage, tuple[str, str]]] = {
    "no-order": ("first order", "engagement"),
    "new": ("onboarding", "recency"),
    "one-order": ("next order", "recency"),
    "at-risk": ("retention", "recency"),
    "inactive": ("reactivate by e-mail only", "recency"),
}
"""The play of each stage of the lifecycle, and the figure that speaks for it."""
_AT_RISK_DAYS: Final = 120.0
_INACTIVE_DAYS: Final = Lifecycle().inactive_days
_HIGH, _LOW = 1.25, 0.8
_SILENT: Final = 1.5


def play_for(
    means: Mapping[str, float],
    everyone: Mapping[str, float],
    features: Sequence[str],
    units: Mapping[str, str] | None = None,
    stage: Stage | None = None,
) -> Play:
    """Return the play for a segment, by what its members are like compared with everyone.

    Both are means by feature, in the units that people read; `features` are those that the segments are made of, of
    which one outside the usual ones (a declared attribute) may name the play; `units` are their units in words. Of a
    stage of the lifecycle the stage decides, else the first rule that holds.
    """
    units = units or {}
    ratio = {
        name: means[name] / everyone[name]
        for name in means
        if name in everyone and everyone[name] > 0 and means[name] == means[name]
    }
    if stage is not None:
        found: tuple[str, str] | None = _STAGE_PLAYS[stage]
    elif {"recency", "frequency"} <= ratio.keys():
        found = _by_behaviour(ratio, means["recency"])
    else:
        found = _by_means(ratio, features)
    name, figure = found or ("keep in touch", "")
    if not figure or figure not in ratio:
        return Play(name, _ACTIONS[name], "no figure stands out against all customers")
    said = f"{units.get(figure, figure.replace('_', ' '))}: {_figure(means[figure])}"
    return Play(name, _ACTIONS[name], f"{said}, where all customers have {_figure(everyone[figure])}")


def _figure(value: float) -> str:
    """Return a number with two significant digits at least.

    >>> _figure(1234.5), _figure(3.14), _figure(0.0412)
    ('1,234', '3.1', '0.041')
    """
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 1 else f"{value:.2g}"


def _by_behaviour(ratio: Mapping[str, float], silent_days: float) -> tuple[str, str] | None:
    """Return the play and its figure where it is known how customers buy; in order of urgency.

    Silence counts against the shop's mean customer, and by itself where even that one has been silent for long.
    """
    silent, often = ratio["recency"], ratio["frequency"]
    spend, known = ratio.get("monetary", often), ratio.get("tenure", 1.0)
    valuable = max(ratio.get("lifetime_value", 0.0), spend, often)
    lost = silent >= _SILENT or silent_days > _INACTIVE_DAYS
    leaving = silent >= 1.0 or silent_days > _AT_RISK_DAYS
    rules = [
        (lost and ratio.get("average_order_value", 1.0) >= 1.0, "win-back", "recency"),
        (lost, "reactivate by e-mail only", "recency"),
        (not leaving and known <= 0.5, "onboarding", "tenure"),
        (often >= 2.0 and spend >= 2.0, "loyalty tier", "monetary" if "monetary" in ratio else "frequency"),
        (not leaving and often >= _HIGH, "upsell", "frequency"),
        (leaving and valuable >= _LOW, "retention", "recency"),
        (ratio.get("engagement", 0.0) >= _HIGH and often < 1.0, "convert", "engagement"),
        (often <= _LOW, "next order", "frequency"),
    ]
    return next(((name, figure) for holds, name, figure in rules if holds), None)


def _by_means(ratio: Mapping[str, float], features: Sequence[str]) -> tuple[str, str] | None:
    """Return the play and its figure where only profiles are known: income against what is said of spending."""
    spending = next((name for name in features if "spend" in name and name in ratio), None)
    if spending is None or "income" not in ratio:
        return None
    rich, spends = ratio["income"], ratio[spending]
    rules = [
        (rich >= _HIGH and spends >= _HIGH, "loyalty tier", spending),
        (rich >= _HIGH and spends <= _LOW, "grow spending", spending),
        (rich <= _LOW and spends >= _HIGH, "value offers", "income"),
        (rich <= _LOW and spends <= _LOW, "reactivate by e-mail only", spending),
    ]
    return next(((name, figure) for holds, name, figure in rules if holds), None)
