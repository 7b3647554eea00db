"""The error of a file that does not hold what it should."""

from typing import Self

from events.base_error import ShoalError

__all__ = ["FileInvalid"]


class FileInvalid(ShoalError):
    """A file, or one line or row of it, is not as expected.

    `published` is the number of events that were sent before it was met; None where nothing is being sent.

    >>> print(FileInvalid("orders.jsonl", "line 17", "amount: missing").after(16))
    orders.jsonl line 17: amount: missing; 16 events before it were published, none after it
    """

    def __init__(self, file: str, place: str, reason: str, published: int | None = None) -> None:
        sent = "" if published is None else f"; {published:,} events before it were published, none after it"
        super().__init__(f"{' '.join(filter(None, (file, place)))}: {reason}{sent}")
        self.file = file
        self.place = place
        self.reason = reason
        self.published = published

    def after(self, published: int) -> Self:
        """Return this error with the number of events that were sent before it."""
        return type(self)(self.file, self.place, self.reason, published)
