"""Where the API listens, what a request may cost, and how long access lasts."""

from dataclasses import dataclass

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from events.settings import KafkaSettings
from state.settings import StateSettings
from stream.settings import StreamSettings

__all__ = ["ApiSettings", "AppSettings"]


class ApiSettings(BaseSettings):
    """Settings of the HTTP API and the dashboard, each from an environment variable `SHOAL_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="SHOAL_", frozen=True, extra="ignore")

    api_host: str = Field("127.0.0.1", description="address that the API listens on")
    api_port: int = Field(8080, ge=0, le=65_535, description="port that the API listens on; 0 takes a free one")
    api_body_bytes: int = Field(1 << 20, ge=1_024, le=64 << 20, description="bytes of a request's body at most")
    api_connections: int = Field(
        2_000, ge=10, le=100_000, description="connections that one API process keeps open at most; those that wait "
        "for a request give way to new ones, the longest waiting first",
    )  # fmt: skip
    api_connections_per_address: int = Field(
        500, ge=1, le=100_000, description="connections of one address (of one /64 network for IPv6) at most; behind a "
        "proxy all requests come from its address",
    )  # fmt: skip
    api_rate: int = Field(
        60_000, ge=1, le=100_000_000, description="requests a minute that one key may make, over all API processes"
    )
    api_key_cache_s: float = Field(
        5.0, ge=0.0, le=300.0, description="seconds that a key is remembered; a revoked one works no longer than that"
    )
    api_session_hours: float = Field(12.0, ge=0.1, le=720.0, description="hours that a dashboard sign-in lasts")
    api_secure_cookies: bool = Field(
        False, description="send the session cookie over HTTPS only; set it where a proxy speaks HTTPS for the API"
    )
    looks_s: float = Field(
        30.0, ge=0.5, le=86_400.0, description="seconds between two looks at an experiment that the dashboard draws"
    )
    audit_days: int = Field(400, ge=1, le=3_660, description="days that entries of the audit log are kept")


@dataclass(frozen=True)
class AppSettings:
    """The parts of the settings that the API needs."""

    api: ApiSettings
    kafka: KafkaSettings
    state: StateSettings
    stream: StreamSettings
