"""Lower scheduling priority of a re-baseline, so that workers on the same machine go first."""

import os

__all__ = ["lower_priority"]


def lower_priority(niceness: int) -> None:
    """Set the niceness of this process (0 to 19), unless it is higher already; it cannot be undone.

    Does nothing where the system has no niceness.
    """
    if hasattr(os, "nice") and (missing := niceness - os.nice(0)) > 0:
        os.nice(missing)
