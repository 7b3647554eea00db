"""One name for each country, whatever a file calls it."""

from batch.world.country_codes import country_code, country_name

__all__ = ["usual_country"]


def usual_country(declared: str) -> str | None:
    """Return the usual English name of the country that is meant, or None where none is.

    What is no country of ISO 3166-1 (a union of states, two islands that are two countries) is none.

    >>> [usual_country(declared) for declared in ("EIRE", "RSA", "USA", "Brasil", "Channel Islands", "Unspecified")]
    ['Ireland', 'South Africa', 'United States', 'Brazil', None, None]
    """
    code = country_code(declared)
    return country_name(code) if code else None
