"""One line of the checklist."""

from typing import Literal, NamedTuple

__all__ = ["Finding", "fine", "to_change", "worth_knowing"]

State = Literal["ok", "note", "change"]


class Finding(NamedTuple):
    """What was looked at, what was found, and where it must be changed, the command or setting that does it."""

    area: str
    subject: str
    state: State
    detail: str
    do: str | None = None


def fine(area: str, subject: str, detail: str) -> Finding:
    """Return what is as it has to be."""
    return Finding(area, subject, "ok", detail)


def worth_knowing(area: str, subject: str, detail: str, do: str | None = None) -> Finding:
    """Return what may be as it is, and what could be done about it."""
    return Finding(area, subject, "note", detail, do)


def to_change(area: str, subject: str, detail: str, do: str) -> Finding:
    """Return what must be changed, and how."""
    return Finding(area, subject, "change", detail, do)
