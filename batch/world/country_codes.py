"""ISO codes of countries from the codes and names that CRMs hold."""

from functools import cache
from typing import Final

import pycountry

__all__ = ["country_code", "country_name"]

_ALSO: Final = {
    "england": "GB",
    "scotland": "GB",
    "wales": "GB",
    "northern ireland": "GB",
    "great britain": "GB",
    "uk": "GB",
    "eire": "IE",
    "holland": "NL",
    "rsa": "ZA",
    "uae": "AE",
    "brasil": "BR",
    "deutschland": "DE",
    "españa": "ES",
    "italia": "IT",
    "österreich": "AT",
    "schweiz": "CH",
    "suisse": "CH",
    "turkey": "TR",
    "russia": "RU",
}
"""Common names that are in no standard, in lower case."""


@cache
def country_code(said: str) -> str | None:
    """Return the ISO 3166-1 numeric code of a profile's country, or None where it is unknown.

    Codes of two and three letters are understood, and English names, as ISO writes them and as they are used.

    >>> country_code("GB"), country_code("United Kingdom"), country_code("EIRE"), country_code("Unspecified")
    ('826', '826', '372', None)
    """
    name = said.strip()
    try:
        found = pycountry.countries.lookup(_ALSO.get(name.lower(), name))
    except LookupError:
        return None
    return str(found.numeric)


@cache
def country_name(code: str) -> str:
    """Return the usual English name of a country by its numeric code.

    >>> country_name("826"), country_name("410")
    ('United Kingdom', 'South Korea')
    """
    found = pycountry.countries.get(numeric=code)
    return str(getattr(found, "common_name", found.name)) if found else code
