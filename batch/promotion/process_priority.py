"""How a re-baseline shares a machine with workers: they go first."""

import os

__all__ = ["give_way"]


def give_way(niceness: int) -> None:
    """Set the niceness of this process (0 to 19), unless it is that nice already; it cannot be taken back.

    Where the system knows no niceness nothing happens.
    """
    if hasattr(os, "nice") and (missing := niceness - os.nice(0)) > 0:
        os.nice(missing)
