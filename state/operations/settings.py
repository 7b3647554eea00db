"""Where a service answers those who watch over it."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["MetricsSettings"]


class MetricsSettings(BaseSettings):
    """Settings of `/metrics`, `/livez` and `/readyz`, each from an environment variable `SHOAL_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="SHOAL_", frozen=True, extra="ignore")

    metrics_port: int = Field(
        0, ge=0, le=65_535, description="port on which each service serves /metrics, /livez and /readyz; 0: none"
    )
    metrics_host: str = Field("127.0.0.1", description="address that it listens on there; it asks for no key")
