"""A table of results, for the terminal and for RESULTS.md."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["ResultTable", "commit_of"]


@dataclass(frozen=True)
class ResultTable:
    """One table with its title, a note on how it was measured, and the commit it is of."""

    title: str
    note: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    commit: str = ""


def commit_of(part: Mapping[str, Any]) -> str:
    """Return the commit that a part of the results was measured on, empty where it does not say."""
    return str(part.get("measured", {}).get("commit", ""))
