"""The names that learned segments may carry, each with what it claims of the members.

A name of how customers buy is given to the cluster that fits it best, if at least 95% of the members fulfil it; the
others are described by what is true of them. Every chain ends with a name that claims no more than the rules do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from batch.naming.descriptions import describe_centroids, notable_features
from events.arrays import Flags, Floats, Ints
from events.schema.outputs import NameClaim, NameCondition

__all__ = ["FIT_SHARE", "buying_claims", "condition_words", "described_claims", "without_repeats"]

FIT_SHARE: Final = 0.95
"""The share of the members that a name is fitted to, so that it lasts: live it needs 90%."""
_COVERED: Final = 0.02
"""The share of the members that may lie below a range, and as many above it."""
_TELLING: Final = 0.75
"""The share of all regular customers for whom a name may hold: what is true of everybody tells nobody apart."""
_REGULAR: Final = "Regular Customers"
_REGULAR_WORDS: Final = "two orders or more, and no later than usual for them"


@dataclass(frozen=True)
class _Name:
    """A name, its conditions as (feature, "least" or "most", quantile of all), and who deserves it first."""

    name: str
    bounds: tuple[tuple[str, str, float], ...]
    ranked_by: str
    largest: bool = True


_NAMES: Final = (
    _Name("High-Value Loyalists", (("orders", "least", 0.5), ("spend", "least", 0.5)), "spend"),
    _Name("Frequent Buyers", (("recent_orders", "least", 0.5),), "recent_orders"),
    _Name(
        "Occasional Shoppers",
        (("recent_orders", "most", 2 / 3), ("recent_spend", "most", 2 / 3)),
        "recent_orders",
        largest=False,
    ),
)


def buying_claims(
    numbers: pd.DataFrame, labels: Ints, k: int, features: Sequence[str], units: dict[str, str], *, ruled: bool
) -> list[list[NameClaim]]:
    """Return the claims of k clusters of customers by how they buy, the best first (`without_repeats`).

    `numbers` are the customers' metrics (n rows), labels (n,) whose cluster is which; `features` those the clusters are
    made of. `ruled` says that all have ordered twice and are not late, by the rules of the lifecycle.
    """
    chains: list[list[NameClaim]] = [[] for _ in range(k)]
    members = [labels == label for label in range(k)]
    for name in _NAMES:
        claim = _claim_of(name, numbers, units)
        if _holds(claim, numbers) > _TELLING:
            continue
        means = [numbers[name.ranked_by].to_numpy(np.float64)[mine] for mine in members]
        worth = [float(each.mean()) if len(each) else -np.inf for each in means]
        order = sorted(range(k), key=lambda label: -worth[label] if name.largest else worth[label])
        fits = (label for label in order if not chains[label] and _holds(claim, numbers[members[label]]) >= FIT_SHARE)
        if (label := next(fits, None)) is not None:
            chains[label].append(claim)
    base, words = (_REGULAR, _REGULAR_WORDS) if ruled else ("Group", "")
    shown = "recent_spend" if numbers["recent_spend"].notna().any() else features[0]
    if ruled and sum(not chain for chain in chains) == 1:
        chains[chains.index([])] = [NameClaim(name=base, words=words, conditions=[])]
    for label, mine in enumerate(members):
        chains[label] += _ranges(f"{base}: ", numbers, mine, [shown], units)
        chains[label].append(NameClaim(name=f"{base} {label + 1}", words=words, conditions=[]))
    return without_repeats(chains)


def described_claims(
    numbers: pd.DataFrame, labels: Ints, centroids: Floats, features: Sequence[str], units: dict[str, str]
) -> list[list[NameClaim]]:
    """Return the claims of clusters that are described by their features, of standardised centroids (k, d).

    "High" and "low" claim that members lie above, or below, the mean of all customers; "average" claims nothing.
    """
    chains = []
    names = describe_centroids(centroids, features)
    for label, name in enumerate(names):
        mine, striking = labels == label, notable_features(centroids[label])
        conditions = []
        for column, level in striking:
            middle = float(numbers[features[column]].mean())
            side = {0: {"at_most": middle}, 2: {"at_least": middle}}.get(level)
            if side and np.isfinite(middle):
                conditions.append(NameCondition(feature=features[column], **side))
        claim = NameClaim(name=name, words=condition_words(conditions, units), conditions=conditions)
        chain = [claim] if _holds(claim, numbers[mine]) >= FIT_SHARE else []
        chain += _ranges("", numbers, mine, [features[column] for column, _ in striking], units)
        chain.append(NameClaim(name=f"Group {label + 1}", words="", conditions=[]))
        chains.append(chain)
    return without_repeats(chains)


def without_repeats(chains: Sequence[Sequence[NameClaim]]) -> list[list[NameClaim]]:
    """Return the chains without claims whose name an earlier one has: no two segments may ever be called alike."""
    taken: set[str] = set()
    found = []
    for chain in chains:
        found.append([claim for claim in chain if claim.name not in taken])
        taken |= {claim.name for claim in chain}
    return found


def condition_words(conditions: Sequence[NameCondition], units: dict[str, str]) -> str:
    """Return conditions in plain words.

    >>> condition_words([NameCondition(feature="orders", at_least=4.0)], {"orders": "orders of all time"})
    'orders of all time: at least 4'
    """
    said = []
    for each in conditions:
        name = units.get(each.feature) or each.feature.replace("_", " ")
        low, high = each.at_least, each.at_most
        if low is not None and high is not None:
            said.append(f"{name}: {_figure(low)} to {_figure(high)}")
        else:
            said.append(f"{name}: at {'least' if low is not None else 'most'} {_figure(low if high is None else high)}")
    return "; ".join(said)


def _claim_of(name: _Name, numbers: pd.DataFrame, units: dict[str, str]) -> NameClaim:
    conditions = []
    for feature, side, quantile in name.bounds:
        bound = float(f"{numbers[feature].quantile(quantile):.3g}")
        conditions.append(NameCondition(feature=feature, **{f"at_{side}": bound}))
    return NameClaim(name=name.name, words=condition_words(conditions, units), conditions=conditions)


def _holds(claim: NameClaim, numbers: pd.DataFrame) -> float:
    """Return the share of the customers who fulfil a claim, 0 where there are none."""
    holds: Flags = np.ones(len(numbers), np.bool_)
    for each in claim.conditions:
        values = numbers[each.feature].to_numpy(np.float64)
        holds &= values >= (-np.inf if each.at_least is None else each.at_least)
        holds &= values <= (np.inf if each.at_most is None else each.at_most)
    return float(holds.mean()) if len(holds) else 0.0


def _ranges(
    prefix: str, numbers: pd.DataFrame, mine: Flags, features: Sequence[str], units: dict[str, str]
) -> list[NameClaim]:
    """Return a name by the range of the members' values, none where there are no members."""
    conditions, parts = [], []
    for feature in features:
        values = numbers[feature].to_numpy(np.float64)[mine]
        values = values[~np.isnan(values)]
        if not len(values):
            continue
        low, high = _outward(
            float(np.quantile(values, _COVERED / 2, method="lower")),
            float(np.quantile(values, 1 - _COVERED / 2, method="higher")),
        )
        conditions.append(NameCondition(feature=feature, at_least=low, at_most=high))
        parts.append(f"{feature.removesuffix('_score').replace('_', ' ')} {_figure(low)}–{_figure(high)}")
    if not conditions:
        return []
    text = prefix + ", ".join(parts)
    name = text[:1].upper() + text[1:]
    return [NameClaim(name=name, words=condition_words(conditions, units), conditions=conditions)]


def _outward(low: float, high: float) -> tuple[float, float]:
    """Return a range with at most three significant digits that holds the given one.

    >>> _outward(1.2345, 987.6)
    (1.23, 988.0)
    """
    found = []
    for value, rounded in ((low, np.floor), (high, np.ceil)):
        unit = 10.0 ** (np.floor(np.log10(abs(value))) - 2) if value else 1.0
        found.append(float(f"{rounded(value / unit) * unit:.6g}"))
    return found[0], found[1]


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.3g}"
