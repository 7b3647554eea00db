"""What the report says of one treatment against the control in one metric: estimates, and which of them decides."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, computed_field

from experiments.definition import Metric
from experiments.statistics.value_or_reason import Estimate, Interval, NotComputable, Reason, Result

__all__ = ["Comparison", "Cuped", "Deciding", "DocumentPart", "Finding", "Look", "Validity"]

Validity = Literal["always", "once", "planned_look"]
"""When a figure may be read: at any time; once, at the end; at each planned look."""


class DocumentPart(BaseModel):
    """A part of the report document."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class Finding(DocumentPart):
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


class Look(DocumentPart):
    """The newest planned look of a group-sequential experiment; alpha is shared between treatments."""

    number: int | None = None
    looks: int
    critical_z: float | None = None
    z: float | None = None
    ci: Interval | None = None
    crossed: bool = False
    cannot_say: Reason | None = None


class Deciding(DocumentPart):
    """The figures that a comparison is decided by: of the declared method, and after CUPED where that decides."""

    effect: float | None = None
    ci: Interval | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    crossed: bool | None = None
    validity: Validity
    cannot_say: Reason | None = None

    def is_significant(self, alpha: float) -> bool:
        """Return whether the effect stands after correction and its interval leaves out zero."""
        if self.ci is None or self.ci.low <= 0.0 <= self.ci.high:
            return False
        return self.crossed is True or (self.p_adjusted is not None and self.p_adjusted < alpha)


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
    validity: Validity = "once"
    too_early: Reason | None = None
    """Why nothing may be decided by these figures yet, although they can be computed."""
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

    @computed_field  # type: ignore[prop-decorator]
    @property
    def decides(self) -> Deciding:
        """The effect, interval and p-value that the verdict goes by, and that every page and table shows."""
        plain = self.deciding
        if self.too_early is not None:
            return Deciding(validity=self.validity, cannot_say=self.too_early)
        if self.validity == "planned_look":
            look = self.group_sequential or Look(looks=1, cannot_say=plain.cannot_say)
            effect = None if look.ci is None else plain.effect
            return Deciding(
                effect=effect, ci=look.ci, crossed=look.crossed, validity="planned_look", cannot_say=look.cannot_say
            )
        found, p_adjusted = plain, self.p_adjusted
        if self.validity == "always":
            found, p_adjusted = self.deciding_sequential, self.sequential.p_adjusted
        return Deciding(
            effect=found.effect, ci=found.ci, p_value=found.p_value, p_adjusted=p_adjusted, validity=self.validity,
            cannot_say=found.cannot_say,
        )  # fmt: skip
