"""Where Redis is, and what a customer record remembers."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class StateSettings(BaseSettings):
    """Settings of what Redis holds, each from an environment variable `SHOAL_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="SHOAL_", frozen=True, extra="ignore")

    redis: str = Field("redis://127.0.0.1:6379/0", repr=False, description="URL of Redis: redis://host:port/database")
    redis_eviction: Literal["refuse", "allow"] = Field(
        "refuse",
        description="where the maxmemory-policy of Redis may drop keys: services refuse to start, or allow it",
    )
    half_life_days: float = Field(
        90.0, ge=30.0, le=3650.0, description="days after which an order counts half; fixed once data exists"
    )
    order_window: int = Field(
        256,
        ge=1,
        le=65_535,
        description="latest orders of a customer that may still be edited, refunded and cancelled",
    )
    session_window: int = Field(
        64, ge=1, le=65_535, description="latest web sessions of a customer that may still be told again"
    )
    duplicate_window: int = Field(
        4_096,
        ge=0,
        le=65_535,
        description="refunds, profiles and older orders and sessions of a customer among which a repeated one is found",
    )
    flow_days: int = Field(
        400, ge=1, le=36_500, description="days for which the numbers of moves between segments are kept"
    )
