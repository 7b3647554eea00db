"""How customers are segmented: hysteresis, the clock, the sweep, the model, drift."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from state.customers.records import PROFILE_NUMBERS

_SHORTEST_RETENTION: Final = 90
_Share = Annotated[float, Field(ge=0.0, lt=1.0)]


def _never_or_long(days: float) -> float:
    if days and days < _SHORTEST_RETENTION:
        raise ValueError(f"{days:g} days are less than {_SHORTEST_RETENTION}, for which topics keep what led to it")
    return days


_Retention = Annotated[float, Field(ge=0.0, le=36_500.0), AfterValidator(_never_or_long)]
_Days = Annotated[float, Field(ge=0.0, le=3650.0)]


class StreamSettings(BaseSettings):
    """Settings of the online segmentation, each from an environment variable `SHOAL_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="SHOAL_", frozen=True, extra="ignore")

    hysteresis: float = Field(
        0.05, ge=0.0, lt=1.0, description="share by which another centroid must be nearer before the segment moves"
    )
    hysteresis_by_segment: dict[str, _Share] = Field(
        default_factory=dict, description='JSON: hysteresis of leaving single segments, by id or name, as {"s1": 0.3}'
    )
    dwell_days: float = Field(0.0, ge=0.0, le=3650.0, description="days that a customer stays in a segment at least")
    dwell_days_by_segment: dict[str, _Days] = Field(
        default_factory=dict, description="JSON: dwell in single segments, by id or name"
    )
    cooldown_days: float = Field(
        0.0, ge=0.0, le=3650.0, description="days after leaving a segment in which a customer does not come back to it"
    )
    cooldown_days_by_segment: dict[str, _Days] = Field(
        default_factory=dict, description="JSON: cool-down of single segments, by id or name"
    )
    clock: Literal["auto", "wall", "event"] = Field(
        "auto",
        description="what `now` is: `wall` clock, newest `event` time, or `auto`, event time while history is replayed",
    )
    replay_days: float = Field(
        30.0, ge=1.0, le=3650.0, description="days that the newest event may be old before `auto` calls it a replay"
    )
    sweep_s: float = Field(60.0, ge=0.1, le=86_400.0, description="seconds between sweeps over the silent customers")
    sweep_chunk: int = Field(5_000, ge=10, le=100_000, description="customers re-evaluated between two micro-batches")
    sweep_share: float = Field(
        0.03, gt=0.0, le=1.0, description="share of a worker's time that sweeps may take while events arrive"
    )
    forget_after_days: _Retention = Field(
        0.0, description="days after which a silent customer is erased, by the wall clock; at least 90; 0: never"
    )
    erased_notices: Literal["off", "hash", "id"] = Field(
        "off",
        description="what `segment-changes` tells receivers when a customer is erased: nothing, a salted hash of the "
        "id, or the id too",
    )
    learn_tolerance: float = Field(
        0.02,
        ge=0.0,
        le=1.0,
        description="standard deviations that a silent customer may move before it is learned anew",
    )
    border_tolerance: float = Field(
        0.0025,
        ge=0.0,
        le=1.0,
        description="share by which the squared distance to the borders may exceed that to the live centroids before "
        "the borders follow, beyond the effect of sampling; 0: they follow every version",
    )
    model_s: float = Field(0.5, ge=0.05, le=60.0, description="seconds between the leader's checks of the sums")
    behind_s: float = Field(
        10.0, ge=1.0, le=3600.0, description="seconds a worker may be behind the newest model before it is reported"
    )
    drift_days: float = Field(
        1.0, gt=0.0, le=365.0, description="days of the shop's time between two observations of drift"
    )
    starving_share: float = Field(
        0.1,
        ge=0.0,
        lt=1.0,
        description="part of its share of the customers below which a segment is frozen and reported: it starves",
    )
    attributes: list[str] = Field(
        default_factory=list,
        max_length=PROFILE_NUMBERS - 2,
        description="JSON list: profile attributes kept as numbers, beside age and income; if empty, the first that "
        "profiles carry; fixed once data exists",
    )
