"""What an export leaves open: it can be read in several ways, and only its owner knows which is meant."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from events.base_error import ShoalError

__all__ = ["Question", "QuestionsOpen", "as_documents"]


@dataclass(frozen=True)
class Question:
    """What is not certain, and the options that settle it, each with what the export means then."""

    about: str
    choices: Sequence[tuple[str, str]]

    def __str__(self) -> str:
        width = max(len(option) for option, _ in self.choices)
        return "\n".join([self.about, *(f"    {option:<{width}}  {meaning}" for option, meaning in self.choices)])


class QuestionsOpen(ShoalError):
    """An export can be read in several ways; nothing is published before it is said which is meant."""

    def __init__(self, questions: Sequence[Question]) -> None:
        told = "\n\n".join(f"{number}. {question}" for number, question in enumerate(questions, 1))
        one = len(questions) == 1
        super().__init__(
            f"{'one thing' if one else f'{len(questions)} things'} that the file does not say; "
            f"nothing was published. Add {'an option' if one else 'these options'} "
            f"(--write-mapping FILE keeps them for the next time):\n\n{told}"
        )
        self.questions = tuple(questions)


def as_documents(questions: Sequence[Question]) -> list[dict[str, Any]]:
    """Return questions as JSON values."""
    return [
        {"about": each.about, "choices": [{"option": option, "meaning": meaning} for option, meaning in each.choices]}
        for each in questions
    ]
