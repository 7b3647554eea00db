"""A table of results, for the terminal and for RESULTS.md."""

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Sheet"]


@dataclass(frozen=True)
class Sheet:
    """One table with its title, a note on how it was measured, and the commit it is of."""

    title: str
    note: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    commit: str = ""
