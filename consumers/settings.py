"""How events are consumed: batch sizes, timeouts, money."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ConsumerSettings(BaseSettings):
    """Settings of the micro-batch runtime, each from an environment variable `SHOAL_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="SHOAL_", frozen=True, extra="ignore")

    batch_events: int = Field(40_000, ge=1, le=1_000_000, description="most events in one micro-batch")
    lanes: int = Field(2, ge=1, le=16, description="threads that save batches while the next are decoded")
    gather_ms: float = Field(2.0, ge=0.0, le=1_000.0, description="milliseconds to gather more events after the first")
    prefetch_mb: int = Field(16, ge=1, le=4_096, description="megabytes fetched ahead; bounds the worker's memory")
    session_timeout_s: float = Field(
        10.0, ge=1.0, le=300.0, description="seconds after which a silent worker's partitions go to another"
    )
    future_hours: float = Field(
        24.0, ge=0.0, le=8_760.0, description="hours that an event may lie in the future before it is rejected"
    )
    redis_retry_s: float = Field(
        300.0, ge=0.0, le=86_400.0, description="seconds to keep trying while Redis is away, before the worker stops"
    )
    currency: str = Field(
        "", pattern=r"^([A-Z]{3})?$", description="ISO 4217 code that money is kept in; empty: that of the first orders"
    )
    currency_rates: dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = Field(
        default_factory=dict, description='JSON: units of `currency` for one unit of another, as {"USD": 0.92}'
    )
