"""What the status of an order means for its sale."""

from functools import cache
from pathlib import Path
from typing import Final, Literal

import yaml

from cli.shop_exports.cell_text.month_names import without_accents

__all__ = ["MEANINGS", "Meaning", "meaning_of", "plain_status"]

Meaning = Literal["sale", "refunded", "partially_refunded", "cancelled", "no_sale"]
MEANINGS: Final[tuple[Meaning, ...]] = ("sale", "refunded", "partially_refunded", "cancelled", "no_sale")

_WORDS: Final = Path(__file__).with_name("status_words.yaml")


@cache
def _by_word() -> dict[str, Meaning]:
    meanings = yaml.safe_load(_WORDS.read_text(encoding="utf-8"))
    return {word: meaning for meaning, words in meanings.items() for word in words}


def plain_status(status: str) -> str:
    """Return a status in the form in which statuses are compared.

    >>> plain_status("wc-on-hold"), plain_status("Partially_Refunded")
    ('on hold', 'partially refunded')
    """
    return " ".join(without_accents(status).replace("_", " ").replace("-", " ").split()).removeprefix("wc ")


def meaning_of(status: str, own: dict[str, Meaning] | None = None) -> Meaning | None:
    """Return what a status means, by the shop's own words first; None of a word that could mean several things.

    >>> meaning_of("Pending"), meaning_of("Completed"), meaning_of("closed"), meaning_of("No", {"no": "no_sale"})
    ('no_sale', 'sale', None, 'no_sale')
    """
    word = plain_status(status)
    return (own or {}).get(word) or _by_word().get(word)
