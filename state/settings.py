"""Where Redis is, and what a customer record remembers."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class StateSettings(BaseSettings):
    """Settings of what Redis holds, each from an environment variable `SHOAL_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="SHOAL_", frozen=True, extra="ignore")

    redis: str = Field("redis://127.0.0.1:6379/0", description="URL of Redis: redis://host:port/database")
    half_life_days: float = Field(
        90.0, ge=30.0, le=3650.0, description="days after which an order counts half; fixed once data exists"
    )
    duplicate_window: int = Field(
        256,
        ge=0,
        le=65_535,
        description="recent events of a customer among which a repeated one is found",
    )
    flow_days: int = Field(
        400, ge=1, le=36_500, description="days for which the numbers of moves between segments are kept"
    )
