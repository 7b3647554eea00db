"""The report of a baseline: a JSON document of its metrics, charts of them, and one HTML page that opens offline.

A fitted candidate and its baseline enter; nothing is computed anew. Begin reading at `document`.
"""

from typing import Final

__all__ = ["EVENT_FILES"]

EVENT_FILES: Final = "files of events"
"""`proposed_by` of a baseline that was fitted on files, without Redis, so that no customer has a segment yet."""
