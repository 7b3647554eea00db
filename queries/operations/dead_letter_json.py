"""A dead letter as JSON values."""

from typing import Any

from consumers.dead_letters.stored_letters import Letter
from events.codec.instants import rfc3339

__all__ = ["dead_letter_json"]


def dead_letter_json(letter: Letter, max_chars: int | None = None) -> dict[str, Any]:
    """Return a letter as JSON values, the original bytes as text, of at most `max_chars` characters."""
    source = letter.letter.model_dump(
        mode="json", include={"topic", "partition", "offset", "reason", "dead_lettered_at"}
    )
    return {
        "id": letter.id,
        **source,
        "key": _text(letter.key),
        "value": _text(letter.value, max_chars),
        "replayed_at": None if letter.replayed_ms is None else rfc3339(letter.replayed_ms),
    }


def _text(content: bytes | None, max_chars: int | None = None) -> str | None:
    """Return bytes as text to look at; what is not UTF-8 is shown by escapes."""
    return None if content is None else content.decode(errors="backslashreplace")[:max_chars]
