"""How long and how much of a customer's purchases the experiment consumer remembers."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ExperimentSettings(BaseSettings):
    """Settings of the experiment consumer, each from an environment variable `SHOAL_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="SHOAL_", frozen=True, extra="ignore")

    purchase_days: int = Field(
        400, ge=1, le=3_650, description="days, back from a customer's newest purchase, that its purchases are kept for"
    )
    purchase_limit: int = Field(
        1_000, ge=2, le=8_000, description="orders and conversions of one customer that are kept; 32 bytes each"
    )
    definitions_s: float = Field(
        0.5, ge=0.01, le=1.0, description="seconds after which changed definitions of experiments are read again"
    )
