"""The names of months in the languages of common exports."""

import unicodedata
from typing import Final

__all__ = ["month_number", "without_accents"]

_MONTHS: Final = (
    "january jan januar janner jaenner januari janvier janv enero ene gennaio gen janeiro stycznia sty",
    "february feb februar februari fevrier fevr fev febrero febbraio fevereiro lutego lut",
    "march mar marz maerz mrz maart mrt mars marzo marco marca",
    "april apr avril avr abril abr aprile kwietnia kwi",
    "may mai mei mayo maggio mag maio maja maj",
    "june jun juni juin junio giugno giu junho czerwca cze",
    "july jul juli juillet juil julio luglio lug julho lipca lip",
    "august aug augustus aout agosto ago sierpnia sie augusti",
    "september sep sept septembre septiembre settembre set setembro wrzesnia wrz",
    "october oct oktober okt octobre octubre ottobre ott outubro out pazdziernika paz",
    "november nov novembre noviembre novembro listopada lis",
    "december dec dezember dez decembre diciembre dic dicembre dezembro grudnia gru",
)
_NUMBERS: Final = {name: number for number, names in enumerate(_MONTHS, 1) for name in names.split()}


def without_accents(text: str) -> str:
    """Return a text in lower case without the marks of its letters.

    >>> without_accents("Février Straße")
    'fevrier strasse'
    """
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("ł", "l"))
    return "".join(each for each in decomposed if not unicodedata.combining(each))


def month_number(name: str) -> int | None:
    """Return the number of a month by its name or its abbreviation, None of another word.

    >>> month_number("Dez."), month_number("août"), month_number("Monday")
    (12, 8, None)
    """
    return _NUMBERS.get(without_accents(name).rstrip("."))
