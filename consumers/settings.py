"""How events are consumed: batch sizes, timeouts, money."""

import json
from datetime import date
from typing import Annotated, Any, Final

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PLACEHOLDER_IDS: Final = (
    *("null", "(null)", "<null>", "undefined", "[object Object]", "[object Undefined]", "[object Null]"),
    *("None", "(none)", "nil", "NaN", "N/A", "#N/A", "(not set)", "not_set", "-", "--", "?"),
    *("true", "false", "0", "-1", "00000000-0000-0000-0000-000000000000", "00000000000000000000000000000000"),
    *("{}", "[]", "''", '""'),
    *("guest", "anonymous", "anon", "unknown", "not_authenticated", "unidentified"),
)
"""Ids under which other event stores have seen all visitors without an id melt into one customer."""


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
    earliest: date = Field(date(1990, 1, 1), description="events from before this day (UTC) are rejected")
    placeholder_ids: Annotated[tuple[str, ...], NoDecode] = Field(
        PLACEHOLDER_IDS,
        description="customer ids that stand for a missing id, in any case or in quotes, whose events are rejected; "
        "a JSON list, or separated by commas; empty: every id is a customer's. "
        "Those of the default, but 0, stand for no order and no session either",
    )
    redis_retry_s: float = Field(
        300.0, ge=0.0, le=86_400.0, description="seconds to keep trying while Redis is away, before the worker stops"
    )
    unreadable_days: int = Field(
        30,
        ge=0,
        le=90,
        description="days that the bytes of a refused event are kept, encrypted, where they are no JSON and so nobody "
        "can tell whose they are; 0: they are not kept at all",
    )
    currency: str = Field(
        "", pattern=r"^([A-Z]{3})?$", description="ISO 4217 code that money is kept in; empty: that of the first orders"
    )
    currency_rates: dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = Field(
        default_factory=dict, description='JSON: units of `currency` for one unit of another, as {"USD": 0.92}'
    )

    @field_validator("placeholder_ids", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        """Read a list that is JSON or separated by commas."""
        if not isinstance(value, str):
            return value
        return (
            json.loads(value) if value.lstrip().startswith('["') or value.strip() == "[]" else _comma_separated(value)
        )


def _comma_separated(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]
