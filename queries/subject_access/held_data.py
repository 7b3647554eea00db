"""What was found about a person: sections of a document, and the keys in Redis that they were read from."""

import base64
from dataclasses import dataclass, field
from typing import Any, Final

__all__ = ["HeldData", "readable"]


_SECTIONS: Final = (
    "sessions",
    "hashes_of_events",
    "profiles",
    "current_segments",
    "unsent_changes",
    "merges",
    "handovers",
    "erasure",
    "suppressions",
    "contacts",
    "deliveries",
    "attempts",
    "purchases",
    "enrolments",
    "exposures",
)


@dataclass
class HeldData:
    """Sections by name, and by key in Redis the section that tells what it holds of the person."""

    sections: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in _SECTIONS})
    keys: dict[str, str] = field(default_factory=dict)

    def add(self, section: str, key: str, found: list[Any]) -> None:
        """Append what a key holds of the person to a section; a key that holds nothing is not noted."""
        self.sections[section].extend(found)
        if found:
            self.keys[key] = section


def readable(value: bytes) -> str:
    """Return bytes as text, those that are none as base64.

    >>> readable(b"abc"), readable(bytes([255]))
    ('abc', 'base64:/w==')
    """
    try:
        return value.decode()
    except UnicodeDecodeError:
        return f"base64:{base64.b64encode(value).decode()}"
