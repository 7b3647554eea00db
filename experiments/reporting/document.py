"""The report, as people and services get it; its keys are a contract.

Where something cannot be said, its numbers are null and `cannot_say` names the reason. Differences are treatment less
control, rates as shares, money in currency units.
"""

from datetime import datetime
from typing import Literal

from pydantic import Field

from experiments.definition import Metric
from experiments.reporting.findings import Comparison, Cuped, Deciding, DocumentPart, Finding, Look, Validity
from experiments.statistics.value_or_reason import Interval, Reason

__all__ = [
    "AcrossArms",
    "Arm",
    "Comparison",
    "Contrast",
    "Cuped",
    "Deciding",
    "Decision",
    "Finding",
    "Guardrail",
    "GuardrailAnswer",
    "Guardrails",
    "Heterogeneity",
    "Look",
    "Overall",
    "Probability",
    "Reached",
    "Report",
    "SampleRatio",
    "Segment",
    "SegmentRatio",
    "Split",
    "Validity",
    "Verdict",
]

Decision = Literal[
    "ship", "keep_running", "stop_harmful", "stop_no_effect", "cannot_trust", "no_difference_found", "given_up",
    "inconclusive",
]  # fmt: skip

GuardrailAnswer = Literal["none_set", "worse", "cannot_tell", "not_worse"]
"""Of guardrails: there are none; one is worse; it cannot be told yet; none is worse by more than its margin."""


class Arm(DocumentPart):
    """What customers of one variant did."""

    variant: str
    exposed: int
    expected_share: float
    converted: int
    rate: float | None
    rate_ci: Interval | None
    orders: int
    revenue: float
    revenue_per_customer: float | None
    average_order_value: float | None
    retained: int
    retention: float | None
    contaminated: int
    repeated: int

    def value(self, metric: Metric) -> float | None:
        """The metric in this arm, None where it is not computable."""
        value: float | None = getattr(self, "rate" if metric is Metric.CONVERSION_RATE else metric)
        return value


class Probability(DocumentPart):
    """Bayesian standing of one variant in the primary metric."""

    variant: str
    metric: Metric
    probability_best: float | None = None
    expected_loss: float | None = None
    cannot_say: Reason | None = None


class AcrossArms(DocumentPart):
    """Whether there is any difference between more than two arms."""

    metric: Metric
    statistic: float | None = None
    degrees: float | None = None
    p_value: float | None = None
    cannot_say: Reason | None = None


class Heterogeneity(DocumentPart):
    """Whether a treatment's effect differs between segments (Cochran's Q)."""

    variant: str
    metric: Metric
    q: float | None = None
    degrees: int | None = None
    p_value: float | None = None
    cannot_say: Reason | None = None


class Contrast(DocumentPart):
    """A treatment's effect in one segment less that in all others; adjusted over segments x metrics x treatments."""

    variant: str
    metric: Metric
    difference: float | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    sequential_p_value: float | None = None
    sequential_p_adjusted: float | None = None
    cannot_say: Reason | None = None


class Split(DocumentPart):
    """Sample ratio: chi-squared `p_value`, which holds if it is read once, and one that holds at every look."""

    p_value: float | None = None
    sequential_p_value: float | None = None
    cannot_say: Reason | None = None

    def deciding(self, method: str) -> float | None:
        """Return the p-value that an experiment read by this method is judged by."""
        return self.sequential_p_value if method == "sequential" else self.p_value


class SegmentRatio(Split):
    """Sample ratio within a segment; `p_adjusted` is the deciding p-value over all segments (Holm)."""

    segment: str
    p_adjusted: float | None = None


class SampleRatio(Split):
    """Did customers arrive in the arms as assigned? `mismatch` where a deciding p is below 0.001, also in a segment."""

    mismatch: bool = False
    segments: list[SegmentRatio] = Field(default_factory=list)


class Overall(DocumentPart):
    """All customers."""

    arms: list[Arm]
    comparisons: list[Comparison]
    across_arms: list[AcrossArms]
    bayes: list[Probability]
    heterogeneity: list[Heterogeneity]


class Segment(DocumentPart):
    """Customers who were in one segment when first exposed."""

    segment: str
    arms: list[Arm]
    comparisons: list[Comparison]
    against_the_rest: list[Contrast]


class Guardrail(DocumentPart):
    """Whether a treatment makes a guardrail worse by more than its margin (non-inferiority).

    `margin` is in the metric's unit, `low` the lower end of the deciding interval; `more_days` and `more_customers` are
    what is probably missing until it can be told.
    """

    variant: str
    metric: Metric
    answer: GuardrailAnswer
    margin: float | None = None
    low: float | None = None
    why: str
    more_days: int | None = None
    more_customers: int | None = None
    cannot_say: Reason | None = None


class Guardrails(DocumentPart):
    """All guardrails together, in one sentence, and each."""

    answer: GuardrailAnswer
    sentence: str
    rows: list[Guardrail] = Field(default_factory=list)


class Verdict(DocumentPart):
    """What to do, in one plain sentence, and why."""

    decision: Decision
    sentence: str
    reason: str
    variant: str | None = None
    more_days: int | None = None
    more_customers: int | None = None


class Reached(DocumentPart):
    """A decision, when it was reached, and with how many customers; it stood until the next one."""

    decision: Decision
    variant: str | None = None
    at: datetime
    exposed: int


class Report(DocumentPart):
    """Everything that is known of an experiment at a time."""

    experiment: str
    at: datetime
    method: Literal["sequential", "group_sequential", "fixed"]
    alpha: float
    correction: str
    primary_metric: Metric
    srm: SampleRatio
    overall: Overall
    segments: list[Segment]
    guardrails: Guardrails = Guardrails(answer="none_set", sentence="No guardrails are set.")
    verdict: Verdict
    reached: list[Reached] = Field(default_factory=list)
    """The decisions so far, as they were recorded when they were reached."""
    left_out: dict[str, int] = Field(default_factory=dict)
    """Events and customers that are in no tally, counted by reason."""
