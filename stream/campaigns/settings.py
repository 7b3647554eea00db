"""How webhooks are called: timeout, retries, caps, the log."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class TriggerSettings(BaseSettings):
    """Settings of campaign triggers, each from an environment variable `SHOAL_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="SHOAL_", frozen=True, extra="ignore")

    trigger_timeout_s: float = Field(10.0, ge=0.1, le=60.0, description="seconds that a webhook may take to respond")
    trigger_attempts: int = Field(12, ge=1, le=50, description="attempts before a delivery fails for good")
    trigger_backoff_s: float = Field(
        5.0, ge=0.01, le=3_600.0, description="seconds before the second attempt, at most; doubles with each"
    )
    trigger_backoff_max_s: float = Field(3_600.0, ge=0.01, le=86_400.0, description="longest wait between attempts")
    trigger_max_age_h: float = Field(
        24.0, gt=0.0, le=8_760.0, description="hours after which a change is no longer sent"
    )
    trigger_in_flight: int = Field(8, ge=1, le=256, description="calls of one webhook at the same time")
    trigger_cap: int = Field(
        0, ge=0, le=1_000_000, description="deliveries for one customer by all triggers within the cap's days; 0: any"
    )
    trigger_cap_days: float = Field(7.0, gt=0.0, le=365.0, description="days that the cap counts over")
    consent: Literal["assumed", "required"] = Field(
        "assumed",
        description="marketing consent that a profile must tell: `required`, a yes; `assumed`, anything but a no",
    )
    trigger_addresses: Literal["public", "any"] = Field(
        "public",
        description="addresses that webhooks may have: those of the internet, or `any`, of internal networks and this "
        "host too",
    )
    trigger_log: int = Field(10_000, ge=100, le=10_000_000, description="attempts that the log keeps")
