"""What a baseline is, for people: a document of its figures, pictures of them, and one page that opens offline."""

from typing import Final

__all__ = ["EVENT_FILES"]

EVENT_FILES: Final = "files of events"
"""Who asked for a baseline that was fitted without Redis, so that nobody has a segment yet."""
