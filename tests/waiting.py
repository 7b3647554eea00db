"""Waiting for a condition, and a clock for promises of the kind "within so many seconds"."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 120.0
"""Longer than anything takes on a machine whose cores are busy with other work; only a failing test waits so long."""
_PAUSE_S = 0.05
_PRESSURE = Path("/proc/pressure/cpu")


def until(done: Callable[[], T], timeout_s: float = PATIENCE_S, what: str = "") -> T:
    """Wait for a condition and return what met it; fails with `what` after the time."""
    deadline = time.monotonic() + timeout_s
    while not (met := done()):
        assert time.monotonic() < deadline, f"not within {timeout_s:g} s: {what or done}"
        time.sleep(_PAUSE_S)
    return met


def unhurried_s() -> float:
    """Return the seconds of a clock that stands still while something on this machine waits for a core.

    So a promise in seconds is as strict as it was on a machine that has room, and says nothing on one that has none.
    Where the kernel does not tell (/proc/pressure), this is the monotonic clock.
    """
    now = time.monotonic()
    if not _PRESSURE.exists():
        return now
    some = _PRESSURE.read_text().splitlines()[0]
    return now - int(some.rpartition("total=")[2]) / 1e6


def until_within(promised_s: float, done: Callable[[], T], what: str = "") -> T:
    """As `until`, for what is promised within seconds of a machine that has room."""
    began = unhurried_s()

    def kept() -> T:
        met = done()
        assert met or unhurried_s() - began <= promised_s, f"not within {promised_s:g} s: {what or done}"
        return met

    return until(kept, what=what)


@contextmanager
def within(promised_s: float) -> Iterator[None]:
    """What is done inside takes less than that on a machine that has room."""
    began = unhurried_s()
    yield
    took_s = unhurried_s() - began
    assert took_s < promised_s, f"took {took_s:.1f} s, not {promised_s:g}"
