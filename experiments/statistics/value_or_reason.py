"""The result of a statistic: a value, or the named reason why it is not computable."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TypeAlias, TypeVar

__all__ = ["Estimate", "Interval", "NotComputable", "Reason", "Result", "both"]


class Reason(StrEnum):
    """Why a statistic has no value; `sentence` says it to a person."""

    NO_EXPOSURES = "no_exposures"
    ARM_EMPTY = "arm_empty"
    TOO_FEW_CUSTOMERS = "too_few_customers"
    TOO_FEW_ORDERS = "too_few_orders"
    TOO_FEW_BUYERS = "too_few_buyers"
    NO_ORDERS = "no_orders"
    ZERO_VARIANCE = "zero_variance"
    SMALL_EXPECTED_COUNTS = "small_expected_counts"
    TOO_LARGE_FOR_EXACT = "too_large_for_exact"
    CONTROL_NEAR_ZERO = "control_near_zero"
    NO_PRE_PERIOD = "no_pre_period"
    ONE_ARM = "one_arm"
    ONE_SEGMENT = "one_segment"
    BEFORE_FIRST_LOOK = "before_first_look"
    BEYOND_PLAN = "beyond_plan"
    NO_EFFECT_TO_DETECT = "no_effect_to_detect"
    INCONSISTENT_SUMS = "inconsistent_sums"
    OUT_OF_RANGE = "out_of_range"
    NOT_A_NUMBER = "not_a_number"
    CONTROL_ALL_ALIKE = "control_all_alike"
    TOO_MANY_CUSTOMERS = "too_many_customers"

    @property
    def sentence(self) -> str:
        """One sentence for a person."""
        return _SENTENCES[self]


_SENTENCES = {
    Reason.NO_EXPOSURES: "Nobody has been exposed yet.",
    Reason.ARM_EMPTY: "One of the two arms has no customers.",
    Reason.TOO_FEW_CUSTOMERS: "An arm has fewer than two customers, so its spread is unknown.",
    Reason.TOO_FEW_ORDERS: "An arm has fewer than five orders, too few for an average of money.",
    Reason.TOO_FEW_BUYERS: "An arm has fewer customers with an order than a decision on money takes (minimum_buyers).",
    Reason.NO_ORDERS: "An arm has no orders, so there is no average order.",
    Reason.ZERO_VARIANCE: "Within each arm all customers did the same, so there is no spread to compare with.",
    Reason.SMALL_EXPECTED_COUNTS: "A count expected under no difference is below five; an exact test is needed.",
    Reason.TOO_LARGE_FOR_EXACT: "The counts are too large for this exact test.",
    Reason.CONTROL_NEAR_ZERO: "The control's average may be zero, so a relative lift has no bounds.",
    Reason.NO_PRE_PERIOD: "Spending before exposure is missing, the same for all, or unrelated, so CUPED has no use.",
    Reason.ONE_ARM: "Fewer than two arms can be compared.",
    Reason.ONE_SEGMENT: "Fewer than two segments can be compared.",
    Reason.BEFORE_FIRST_LOOK: "The first planned look has not been reached.",
    Reason.BEYOND_PLAN: "More customers have come than the plan needed, so the time to a decision is unknown.",
    Reason.NO_EFFECT_TO_DETECT: "The effect to detect is zero or impossible, so no number of customers is enough.",
    Reason.INCONSISTENT_SUMS: "The tallied sums contradict each other, so they are not those of any customers.",
    Reason.OUT_OF_RANGE: "A number is too large or too small to be computed with.",
    Reason.NOT_A_NUMBER: "A mean or a variance is not a number, so nothing can be compared.",
    Reason.TOO_MANY_CUSTOMERS: "It would take more than a thousand million customers.",
    Reason.CONTROL_ALL_ALIKE: "All customers of the control did the same, so how many more are needed is unknown.",
}


@dataclass(frozen=True, slots=True)
class NotComputable:
    """In place of a value: the reason why it cannot be computed.

    >>> NotComputable(Reason.ARM_EMPTY).reason.sentence
    'One of the two arms has no customers.'
    """

    reason: Reason


Value = TypeVar("Value")
Result: TypeAlias = Value | NotComputable


def both(left: Result[Value], right: Result[Value]) -> Result[tuple[Value, Value]]:
    """Return the two values, or the first reason why there are not two."""
    if isinstance(left, NotComputable):
        return left
    if isinstance(right, NotComputable):
        return right
    return left, right


class Interval(NamedTuple):
    """Both ends finite, `low` at most `high`."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """The effect of a treatment: treatment less control, in the metric's own unit.

    `interval` and `p_value` are two-sided and come from `method`, a short name such as "welch".
    """

    effect: float
    interval: Interval
    p_value: float
    method: str
