"""How long an hour and a day are in the units of events (milliseconds) and of settings (seconds)."""

from typing import Final

__all__ = ["DAY_MS", "DAY_S", "HOUR_MS"]

HOUR_MS: Final = 3_600_000
DAY_S: Final = 86_400
DAY_MS: Final = 86_400_000
