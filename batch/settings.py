"""Settings of fitting and approving baselines."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from stream.customers.features import DEFAULT_FEATURES


class BatchSettings(BaseSettings):
    """Settings of the batch module, each from an environment variable `SHOAL_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="SHOAL_", frozen=True, extra="ignore")

    features: list[str] = Field(
        list(DEFAULT_FEATURES), min_length=1, description="JSON list: the features that segments are made of"
    )
    k: int = Field(5, ge=2, le=20, description="segments of the first baseline")
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
