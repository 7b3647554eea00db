"""Which phase the micro-batch loop is in: how long it polls, and what it does when no events come.

          no events            no events           no events             work is due
RUNNING ───────────► LINGERING ─────────► TRIMMED ─────────► BACKGROUND ◄───────────► IDLE
   ▲                     │                   │                   │     nothing is due   │
   └──────── events ─────┴───────────────────┴───────────────────┴──────────────────────┘
"""

from enum import Enum, auto
from types import MappingProxyType
from typing import Final

__all__ = ["IllegalTransition", "Phase", "State"]


class State(Enum):
    """The states of the loop, each named for what the last poll brought."""

    RUNNING = auto()
    """Events came, or a failure was recovered from."""
    LINGERING = auto()
    """No events came; where none come for 10 ms, the outboxes are trimmed."""
    TRIMMED = auto()
    """No events came, and the outboxes are trimmed; where none come for 100 ms, background work has the worker."""
    BACKGROUND = auto()
    """No events come, and background work is perhaps due: a piece of it is done after each poll."""
    IDLE = auto()
    """No events come, and no background work was due when last asked for."""


_POLL_S: Final = MappingProxyType(
    {State.RUNNING: 0.0, State.LINGERING: 0.01, State.TRIMMED: 0.1, State.BACKGROUND: 0.0, State.IDLE: 0.1}
)
_NO_EVENTS: Final = MappingProxyType(
    {
        State.RUNNING: State.LINGERING,
        State.LINGERING: State.TRIMMED,
        State.TRIMMED: State.BACKGROUND,
        State.BACKGROUND: State.BACKGROUND,
        State.IDLE: State.BACKGROUND,
    }
)


class IllegalTransition(Exception):
    """A bug: the loop says that something has happened which cannot happen in its state."""


class Phase:
    """The state of one loop; it knows neither Kafka nor Redis, and changes by what the loop says has happened."""

    def __init__(self) -> None:
        self.state = State.TRIMMED  # nothing has been saved yet

    @property
    def poll_timeout_s(self) -> float:
        """How long the next poll may wait for a first event."""
        return _POLL_S[self.state]

    def polled(self, *, events: bool) -> State:
        """Take note of what a poll brought, and return the new state."""
        self.state = State.RUNNING if events else _NO_EVENTS[self.state]
        return self.state

    def background_done(self, *, more: bool) -> State:
        """Take note of a piece of background work, and whether more of it is due; return the new state.

        Raises IllegalTransition in any state but BACKGROUND.
        """
        if self.state is not State.BACKGROUND:
            raise IllegalTransition(f"background work was done while {self.state.name}")
        self.state = State.BACKGROUND if more else State.IDLE
        return self.state

    def failed(self) -> State:
        """Take note of a failure, after which the loop goes on without waiting; return the new state."""
        self.state = State.BACKGROUND if self.state in {State.BACKGROUND, State.IDLE} else State.RUNNING
        return self.state
