"""The report, as people and services get it; its keys are a contract.

Where something cannot be said, its numbers are null and `cannot_say` names the reason. Differences are treatment less
control, rates as shares, money in currency units.
"""

from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

from experiments.definition import Metric
from experiments.statistics.value_or_reason import Estimate, Interval, NotComputable, Reason, Result

__all__ = [
    "AcrossArms",
    "Arm",
    "Comparison",
    "Contrast",
    "Cuped",
    "Decision",
    "Finding",
    "Heterogeneity",
    "Look",
    "Overall",
    "Probability",
    "Report",
    "SampleRatio",
    "Segment",
    "SegmentRatio",
    "Split",
    "Verdict",
]

Decision = Literal[
    "ship", "keep_running", "stop_harmful", "stop_no_effect", "cannot_trust", "no_difference_found", "given_up",
]  # fmt: skip


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class Finding(_Part):
    """An effect with its interval and two-sided p-value."""

    effect: float | None = None
    ci: Interval | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    method: str | None = None
    cannot_say: Reason | None = None

    @classmethod
    def of(cls, outcome: Result[Estimate]) -> Self:
        """Return the document of an outcome."""
        if isinstance(outcome, NotComputable):
            return cls(cannot_say=outcome.reason)
        return cls(effect=outcome.effect, ci=outcome.interval, p_value=outcome.p_value, method=outcome.method)


class Look(_Part):
    """The newest planned look of a group-sequential experiment; alpha is shared between treatments."""

    number: int | None = None
    looks: int
    critical_z: float | None = None
    z: float | None = None
    ci: Interval | None = None
    crossed: bool = False
    cannot_say: Reason | None = None


class Cuped(Finding):
    """Revenue per customer adjusted by what was spent before exposure."""

    variance_reduction: float | None = None
    sequential: Finding = Finding()


class Comparison(Finding):
    """One treatment against the control in one metric.

    `p_adjusted`, here and in `sequential`, is that of the deciding estimate (`decided_by`) within its `family`.
    """

    variant: str
    control: str
    metric: Metric
    role: Literal["primary", "guardrail"]
    family: Literal["primary", "guardrails", "segments"]
    decided_by: Literal["plain", "cuped"] = "plain"
    lift: Finding
    sequential: Finding
    group_sequential: Look | None = None
    cuped: Cuped | None = None
    minimum_detectable_effect: float | None = None

    @property
    def deciding(self) -> Finding:
        """The estimate that the comparison is decided by, at one look."""
        return self.cuped if self.decided_by == "cuped" and self.cuped is not None else self

    @property
    def deciding_sequential(self) -> Finding:
        """The estimate that it is decided by, always valid."""
        return self.cuped.sequential if self.decided_by == "cuped" and self.cuped is not None else self.sequential


class Arm(_Part):
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


class Probability(_Part):
    """Bayesian standing of one variant in the primary metric."""

    variant: str
    metric: Metric
    probability_best: float | None = None
    expected_loss: float | None = None
    cannot_say: Reason | None = None


class AcrossArms(_Part):
    """Whether there is any difference between more than two arms."""

    metric: Metric
    statistic: float | None = None
    degrees: float | None = None
    p_value: float | None = None
    cannot_say: Reason | None = None


class Heterogeneity(_Part):
    """Whether a treatment's effect differs between segments (Cochran's Q)."""

    variant: str
    metric: Metric
    q: float | None = None
    degrees: int | None = None
    p_value: float | None = None
    cannot_say: Reason | None = None


class Contrast(_Part):
    """A treatment's effect in one segment less that in all others; adjusted over segments x metrics x treatments."""

    variant: str
    metric: Metric
    difference: float | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    sequential_p_value: float | None = None
    sequential_p_adjusted: float | None = None
    cannot_say: Reason | None = None


class Split(_Part):
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
    segments: list[SegmentRatio] = []


class Overall(_Part):
    """All customers."""

    arms: list[Arm]
    comparisons: list[Comparison]
    across_arms: list[AcrossArms]
    bayes: list[Probability]
    heterogeneity: list[Heterogeneity]


class Segment(_Part):
    """Customers who were in one segment when first exposed."""

    segment: str
    arms: list[Arm]
    comparisons: list[Comparison]
    against_the_rest: list[Contrast]


class Verdict(_Part):
    """What to do, in one plain sentence, and why."""

    decision: Decision
    sentence: str
    reason: str
    variant: str | None = None
    more_days: int | None = None
    more_customers: int | None = None


class Report(_Part):
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
    verdict: Verdict
    left_out: dict[str, int] = {}
    """Events and customers that are in no tally, counted by reason."""
