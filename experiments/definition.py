"""The definition of an experiment, declared before it starts; it decides how the results are read."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

__all__ = ["Correction", "Experiment", "Metric", "Variant"]

Correction = Literal["holm", "benjamini_hochberg"]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class Metric(StrEnum):
    """What is compared between arms."""

    CONVERSION_RATE = "conversion_rate"
    REVENUE_PER_CUSTOMER = "revenue_per_customer"
    AVERAGE_ORDER_VALUE = "average_order_value"
    RETENTION = "retention"


class Variant(BaseModel):
    """An arm, and how often it is assigned in proportion to the others."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    weight: float = Field(1.0, gt=0.0, le=1e6, allow_inf_nan=False)


class Experiment(BaseModel):
    """The definition of an experiment.

    >>> Experiment.model_validate({"id": "banner", "variants": [{"name": "A"}, {"name": "B"}], "control": "A",
    ...                            "start": "2026-03-01T00:00:00Z"}).treatments
    ('B',)
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Name
    description: str = Field("", max_length=2_000, description="free text; may change at any time")
    variants: tuple[Variant, ...] = Field(min_length=2, max_length=20, description="the arms with their weights")
    control: Name = Field(description="the variant that all others are compared with")
    start: AwareDatetime = Field(description="exposures before this are not counted")
    stop: AwareDatetime | None = Field(None, description="planned end; exposures from then on are not counted")
    stopped_at: AwareDatetime | None = Field(None, description="when somebody ended it, before its plan or without one")
    primary_metric: Metric = Field(Metric.CONVERSION_RATE, description="the metric that the decision is made by")
    guardrails: tuple[Metric, ...] = Field((), max_length=3, description="metrics that must not get worse")
    guardrail_margin: float = Field(
        0.1, gt=0.0, le=1.0, description="relative worsening of a guardrail up to which it counts as not worse"
    )
    guardrail_margins: dict[Metric, float] = Field(
        default_factory=dict, description="that of single guardrails, where it is not `guardrail_margin`"
    )
    minimum_customers: int = Field(
        100, ge=2, le=10**9, description="customers of each arm below which there is no verdict"
    )
    minimum_buyers: int = Field(
        50, ge=5, le=10**9, description="customers with an order of each arm below which nothing is decided on money"
    )
    attribution: Literal["conversions", "orders"] = Field(
        "orders", description="what converts: `conversions` events, or orders themselves"
    )
    conversion_window: timedelta = Field(
        timedelta(days=30), gt=timedelta(0), le=timedelta(days=366), description="time after first exposure that counts"
    )
    retention_days: int = Field(
        90, ge=1, le=366, description="days after first exposure within which a second order is retention"
    )
    pre_period_days: int = Field(
        90, ge=0, le=366, description="days before first exposure whose revenue CUPED adjusts by; 0 is without CUPED"
    )
    segments: tuple[str, ...] | None = Field(
        None, description="segments to slice by: none where empty; without it, all that have customers"
    )
    targeted_segments: tuple[str, ...] | None = Field(
        None, min_length=1, description="only customers in these segments are assigned; without it, all"
    )
    holdout_share: float = Field(0.0, ge=0.0, lt=1.0, description="share of customers kept out of all experiments")
    salt: str = Field("", max_length=200, description="seed of assignment; without it, the id")
    holdout_salt: str = Field("holdout", max_length=200, description="seed of the holdout; the same keeps it the same")
    alpha: float = Field(0.05, gt=0.0, lt=0.5, description="error that is accepted, two-sided")
    power: float = Field(0.8, gt=0.5, lt=1.0, description="chance to find the minimum effect")
    minimum_effect: float = Field(
        0.05, gt=0.0, le=10.0, description="smallest relative change of the primary metric worth finding"
    )
    method: Literal["sequential", "group_sequential", "fixed"] = Field(
        "sequential", description="may be read at any time; at planned looks; once, at the end"
    )
    expected_customers: int = Field(
        5_000, ge=100, le=10**9, description="customers at which the sequential interval is tightest"
    )
    planned_customers: int | None = Field(
        None, ge=2, le=10**12, description="customers at which a fixed or group-sequential experiment ends"
    )
    looks: int = Field(5, ge=1, le=50, description="planned looks of a group-sequential experiment, evenly spread")
    spending: Literal["obrien_fleming", "pocock"] = Field(
        "obrien_fleming", description="how a group-sequential experiment spends alpha over its looks"
    )
    cuped: bool = Field(True, description="decide on revenue per customer after CUPED, where it can be computed")
    correction: Correction = Field("holm", description="of p-values within each family of comparisons")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [variant.name for variant in self.variants]
        if len(set(names)) < len(names):
            raise ValueError(f"variants have the same name twice: {', '.join(names)}; name each differently")
        if self.control not in names:
            raise ValueError(f"control is {self.control!r}, which is no variant; choose one of {', '.join(names)}")
        if self.holdout_salt == self.assignment_salt:
            raise ValueError(f"holdout_salt and salt are both {self.holdout_salt!r}: the holdout would empty one arm")
        metrics = (self.primary_metric, *self.guardrails)
        if len(set(metrics)) < len(metrics):
            raise ValueError(f"a metric stands twice in {', '.join(metrics)}; primary metric and guardrails differ")
        for metric, margin in self.guardrail_margins.items():
            if metric not in self.guardrails:
                raise ValueError(f"guardrail_margins names {metric}, which is no guardrail; add it to guardrails")
            if not 0.0 < margin <= 1.0:
                raise ValueError(
                    f"the margin of {metric} is {margin:g}; give a share above 0 and at most 1, such as 0.1"
                )
        if self.stop is not None and self.stop <= self.start:
            raise ValueError(f"stop {self.stop.isoformat()} is not after start {self.start.isoformat()}")
        if self.method == "fixed" and self.stop is None and self.planned_customers is None:
            raise ValueError("a fixed experiment has no end: give stop or planned_customers, or choose sequential")
        if self.method == "group_sequential" and self.planned_customers is None:
            raise ValueError("a group-sequential experiment plans its looks: give planned_customers")
        return self

    @property
    def treatments(self) -> tuple[str, ...]:
        """All variants but the control, in order."""
        return tuple(variant.name for variant in self.variants if variant.name != self.control)

    @property
    def end(self) -> datetime | None:
        """When exposures ceased or will cease to count: the planned end or the earlier one, whichever is first."""
        return min((each for each in (self.stop, self.stopped_at) if each is not None), default=None)

    def status(self, now: datetime) -> Literal["planned", "running", "ended"]:
        """Return where the experiment stands; conversions may still come after its end, within their window."""
        if self.end is not None and self.end <= now:
            return "ended"
        return "planned" if now < self.start else "running"

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The primary metric, then the guardrails."""
        return (self.primary_metric, *self.guardrails)

    def margin(self, guardrail: Metric) -> float:
        """Return the relative worsening of the guardrail up to which it counts as not worse."""
        return self.guardrail_margins.get(guardrail, self.guardrail_margin)

    @property
    def assignment_salt(self) -> str:
        """What seeds assignment."""
        return self.salt or self.id
