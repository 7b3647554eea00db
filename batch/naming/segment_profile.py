"""Profile of a segment: size, revenue, and its members compared with all customers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from batch.data.crm_profiles import TEXT_FIELDS
from batch.data.customer_metrics import unit_names
from batch.data.customer_table import CustomerTable
from batch.naming.playbook import Play, play_for
from batch.naming.surrogate_tree import SegmentRule
from events.arrays import Flags, Ints
from events.schema.outputs import Stage
from stream.customers.rfm_values import net_spend

__all__ = ["CategoryShare", "NumericProfile", "SegmentProfile", "segment_profiles"]


_TOP: Final = 5
_Z95: Final = 1.959964
_LEAST_FOR_INTERVAL: Final = 30


@dataclass(frozen=True)
class NumericProfile:
    """One number of a segment's members, in the unit that people read.

    `known` members have it; `low` and `high` bound the mean with 95% confidence (normal approximation, None below 30
    members); `index` is the segment's mean as a percentage of that of all customers (None where that is
    not positive).
    """

    name: str
    unit: str
    known: int
    mean: float
    low: float | None
    high: float | None
    median: float
    index: float | None


@dataclass(frozen=True)
class CategoryShare:
    """How common a word (a country, a category) is among the members who have one; `index` 100: as among everybody."""

    word: str
    share: float
    index: float


@dataclass(frozen=True)
class SegmentProfile:
    """One segment of a candidate.

    Attributes:
        name: all names of a candidate differ.
        customers, share: members in the table, and their share of its customers.
        revenue_share: of the net revenue of all time of the table's customers; None where there is none.
        numbers: every number that at least one member has.
        words: the most common countries, cities, genders, sources, categories by column, where they are known.
        play: what to do with it.
        rule: the segment in words, by the surrogate tree.
    """

    name: str
    customers: int
    share: float
    revenue_share: float | None
    numbers: tuple[NumericProfile, ...]
    words: dict[str, tuple[CategoryShare, ...]]
    play: Play
    rule: SegmentRule

    @property
    def means(self) -> dict[str, float]:
        """The mean of each number."""
        return {each.name: each.mean for each in self.numbers}


def segment_profiles(
    table: CustomerTable,
    numbers: pd.DataFrame,
    labels: Ints,
    names: Sequence[str],
    rules: Sequence[SegmentRule],
    features: Sequence[str],
    stages: Sequence[Stage | None],
) -> tuple[SegmentProfile, ...]:
    """Return the profile of each segment; `numbers` are those of `customer_metrics`, labels (n,) -1 for none.

    `stages` says which segments are stages of the lifecycle: these decide the play.
    """
    net = net_spend(table.rows)
    revenue, everyone = float(net.sum()), {str(name): float(mean) for name, mean in numbers.mean().items()}
    units, words = unit_names(table.attributes), _text_columns(table)
    found = []
    for place, name in enumerate(names):
        mine = labels == place
        own = _numeric_profiles(numbers, mine, everyone, units)
        found.append(
            SegmentProfile(
                name=name,
                customers=int(mine.sum()),
                share=float(mine.sum()) / max(1, len(labels)),
                revenue_share=float(net[mine].sum()) / revenue if revenue > 0 else None,
                numbers=own,
                words={column: _most_common(values, mine) for column, values in words.items()},
                play=play_for({each.name: each.mean for each in own}, everyone, features, units, stages[place]),
                rule=rules[place],
            )
        )
    return tuple(found)


def _numeric_profiles(
    numbers: pd.DataFrame, mine: Flags, everyone: dict[str, float], units: dict[str, str]
) -> tuple[NumericProfile, ...]:
    found = []
    for name in map(str, numbers.columns):
        values = numbers[name].to_numpy(np.float64)[mine]
        values = values[~np.isnan(values)]
        if not len(values):
            continue
        mean, middle = float(values.mean()), everyone[name]
        low = high = None
        if len(values) >= _LEAST_FOR_INTERVAL:
            reach = _Z95 * float(values.std(ddof=1)) / float(np.sqrt(len(values)))
            low, high = mean - reach, mean + reach
        index = 100.0 * mean / middle if middle > 0 else None
        median = float(np.median(values))
        found.append(NumericProfile(name, units.get(name, ""), len(values), mean, low, high, median, index))
    return tuple(found)


def _text_columns(table: CustomerTable) -> dict[str, "pd.Series[Any]"]:
    columns = {name: table.profiles[name] for name in TEXT_FIELDS if name in table.profiles}
    if "top_category" in table.details:
        columns["top_category"] = table.details["top_category"]
    return {name: values for name, values in columns.items() if values.notna().any()}


def _most_common(values: "pd.Series[Any]", mine: Flags) -> tuple[CategoryShare, ...]:
    everyone = {str(word): float(share) for word, share in values.value_counts(normalize=True).items()}
    own = values[mine].value_counts(normalize=True)
    own = own[own > 0].head(_TOP)
    return tuple(
        CategoryShare(word, share, 100.0 * share / everyone[word])
        for word, share in ((str(word), float(share)) for word, share in own.items())
    )
