"""Settings of fitting and approving baselines."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from events.schema.outputs import Lifecycle
from stream.customers.features import DEFAULT_FEATURES


class BatchSettings(BaseSettings):
    """Settings of the batch module, each from an environment variable `SHOAL_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="SHOAL_", frozen=True, extra="ignore")

    features: list[str] = Field(
        list(DEFAULT_FEATURES), min_length=1, description="JSON list: the features that segments are made of"
    )
    k: int = Field(3, ge=2, le=20, description="learned segments of the first baseline; the stages come on top")
    new_days: float = Field(60.0, gt=0.0, description="days for which a customer with one order is new")
    late_factor: float = Field(
        2.0, ge=1.0, description="a customer is at risk after so many times its own mean days between orders"
    )
    late_days: float = Field(30.0, ge=0.0, description="and not before so many days without an order")
    inactive_days: float = Field(
        360.0, gt=0.0, description="days without an order after which a customer who is late is inactive"
    )
    first_customers: int = Field(500, ge=10, description="customers needed for the first baseline")
    first_history_days: float = Field(
        180.0, ge=0.0, description="days between the first and the newest order needed for the first baseline"
    )
    sample_customers: int = Field(200_000, ge=100, description="customers read at most to fit a baseline")
    seed: int = Field(42, ge=0, description="of the k-means++ starts and of samples")
    auto_approve: bool = Field(default=False, description="put a scheduled baseline live where the guard holds")
    guard_silhouette: float = Field(
        0.02, ge=0.0, le=2.0, description="silhouette that an automatic baseline may lose against the live one, today"
    )
    guard_moved: float = Field(
        0.25, ge=0.0, le=1.0, description="share of the customers whom an automatic baseline may move at most"
    )
    guard_share: float = Field(
        0.01, ge=0.0, le=0.5, description="share of the customers that each of its segments has at least"
    )
    batch_nice: int = Field(
        10, ge=0, le=19, description="niceness of a re-baseline: workers on the same machine go first; 0 is like them"
    )
    batch_lock_s: float = Field(
        120.0, ge=5.0, le=3600.0, description="seconds after which the lock of a batch process that died is free"
    )

    @property
    def lifecycle(self) -> Lifecycle:
        """The rules of the stages that come before the learned segments."""
        return Lifecycle(
            new_days=self.new_days,
            late_factor=self.late_factor,
            late_days=self.late_days,
            inactive_days=self.inactive_days,
        )
