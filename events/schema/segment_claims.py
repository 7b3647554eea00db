"""What a baseline says of its segments' members: the rules of the lifecycle, and what names claim."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Lifecycle", "NameClaim", "NameCondition", "Stage"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


Stage = Literal["no-order", "new", "one-order", "at-risk", "inactive"]


class Lifecycle(_Part):
    """The rules by which customers are in a stage of their lifecycle, before any learned segment."""

    new_days: float = Field(default=60.0, gt=0.0, description="a first order is new for so many days")
    late_factor: float = Field(
        default=2.0, ge=1.0, description="at risk after so many times the customer's own mean days between orders"
    )
    late_days: float = Field(default=30.0, ge=0.0, description="and not before so many days without an order")
    inactive_days: float = Field(
        default=360.0, gt=0.0, description="inactive, where the customer is late, after so many days without an order"
    )


class NameCondition(_Part):
    """Bounds of a feature, in its own unit (days, orders, money), that a member of a segment fulfils."""

    feature: str
    at_least: float | None = None
    at_most: float | None = None


class NameClaim(_Part):
    """A name that a segment may carry while at least 90% of its members fulfil the conditions."""

    name: str
    words: str = Field(description="what the name says of a member, in plain words")
    conditions: list[NameCondition] = Field(description="all of them; none: the name claims nothing")
