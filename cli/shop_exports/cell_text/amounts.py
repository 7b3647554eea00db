"""Amounts of money as people write them: decimal comma or point, thousands, signs of currencies, negatives."""

import re
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal, NamedTuple

__all__ = ["CURRENCY_SIGNS", "SEVERAL_CURRENCIES", "AmountForm", "DecimalMark", "amount_form", "read_amount"]

DecimalMark = Literal[".", ","]

CURRENCY_SIGNS: Final = {
    "€": "EUR",
    "£": "GBP",
    "US$": "USD",
    "R$": "BRL",
    "zł": "PLN",
    "Kč": "CZK",
    "Ft": "HUF",
    "₹": "INR",
    "₽": "RUB",
    "₺": "TRY",
    "₩": "KRW",
    "₪": "ILS",
    "฿": "THB",
    "₫": "VND",
    "₴": "UAH",
    "Fr.": "CHF",
    "SFr.": "CHF",
    **dict.fromkeys(("Euro", "Euros", "euro", "euros", "EURO"), "EUR"),
    "C$": "CAD",
    "CA$": "CAD",
    "A$": "AUD",
    "AU$": "AUD",
    "NZ$": "NZD",
    "HK$": "HKD",
    "S$": "SGD",
    "MX$": "MXN",
    "лв": "BGN",
    "lei": "RON",
    "₱": "PHP",
    "₦": "NGN",
    "CN¥": "CNY",
    "JP¥": "JPY",
}
"""What a sign before or after an amount means where it means one currency."""
SEVERAL_CURRENCIES: Final = {
    "$": "USD, CAD, AUD, …",
    "¥": "JPY, CNY",
    "￥": "JPY, CNY",
    "kr": "SEK, NOK, DKK",
    "kr.": "DKK, SEK, NOK",
}
_SPACES: Final = re.compile(r"[\s\u00a0\u2007\u2009\u202f]+")
_BODY: Final = re.compile(r"\d[\d.,'’ ]*|[.,]\d+")
_PLAIN: Final = re.compile(r"\d{1,12}(?:\.\d{1,2})?")
"""What most amounts look like."""
_CODE: Final = re.compile(r"[A-Za-z]{3}")
_GROUPED: Final = re.compile(r"\d{1,3}(['’ ]\d{3})+(?=[.,]|$)")
_THREES: Final = r"\d{1,3}(?:SEP\d{3})+|\d{1,2}(?:SEP\d{2})+SEP\d{3}"
"""Digits in groups of three, or as in India, where only the last group has three."""
_MAX_PLACES: Final = 6


class AmountForm(NamedTuple):
    """How an amount is written: the digits with their marks, its sign, the currency beside it.

    `proof` is the decimal mark that it proves, None where it proves none; it may be read in two ways if `ambiguous`.
    """

    body: str
    negative: bool
    unit: str
    proof: DecimalMark | None
    ambiguous: bool


def amount_form(text: str) -> AmountForm:
    """Take an amount apart. Raises ValueError for a text that is no amount.

    >>> amount_form("(1.234,50 €)")
    AmountForm(body='1.234,50', negative=True, unit='€', proof=',', ambiguous=False)
    >>> amount_form("1,234").ambiguous, amount_form("37,12").proof, amount_form("1,234,567").proof
    (True, ',', '.')
    """
    plain = _SPACES.sub(" ", text).strip().replace("\u2212", "-").replace("\u2013", "-")
    negative = False
    if plain.startswith("(") and plain.endswith(")"):
        plain, negative = plain[1:-1].strip(), True
    found = _BODY.search(plain)
    if not found:
        raise ValueError("is no amount")
    body = found[0].strip()
    unit = plain[: found.start()] + " " + plain[found.start() + len(found[0].rstrip()) :]
    signs = [each for each in unit if each in "+-"]
    if len(signs) > 1 or (signs and negative):
        raise ValueError("is no amount")
    unit = unit.replace("-", " ").replace("+", " ").strip()
    if unit and unit not in CURRENCY_SIGNS and unit not in SEVERAL_CURRENCIES and not _CODE.fullmatch(unit):
        raise ValueError("is no amount")
    body = re.sub(r"(?<=\d)[.,]$", "", body)
    proof, ambiguous = _proof(body)
    return AmountForm(body, negative or signs == ["-"], unit, proof, ambiguous)


def _proof(body: str) -> tuple[DecimalMark | None, bool]:
    """Return the decimal mark that the digits prove, and whether they allow both."""
    grouped = _GROUPED.match(body)
    if grouped:
        rest = body[grouped.end() :]
        return (("." if rest[0] == "." else ","), False) if rest else (None, False)
    points, commas = body.count("."), body.count(",")
    if points and commas:
        return ("." if body.rindex(".") > body.rindex(",") else ","), False
    if not points and not commas:
        return None, False
    mark: DecimalMark = "." if points else ","
    other: DecimalMark = "," if points else "."
    if points + commas > 1:
        return other, False
    before, _, after = body.partition(mark)
    if len(after) == 3 and re.fullmatch(r"[1-9]\d{0,2}", before):
        return None, True
    return mark, False


def read_amount(cell: Any, mark: DecimalMark | None) -> Decimal:
    """Return the amount that a cell holds; `mark` is the decimal mark of its column, None where no cell needs one.

    >>> read_amount("1'234.50 CHF", "."), read_amount("-12,5", ","), read_amount(9.99, None)
    (Decimal('1234.50'), Decimal('-12.5'), Decimal('9.99'))

    Raises:
        ValueError: it is no amount, or does not fit the decimal mark.
    """
    if isinstance(cell, bool):
        raise ValueError("is no amount")  # noqa: TRY004 - a value of a cell
    if isinstance(cell, int | Decimal):
        return _rounded(Decimal(cell))
    if isinstance(cell, float):
        return _rounded(Decimal(repr(cell)))
    if mark == "." and _PLAIN.fullmatch(cell):
        return Decimal(cell)
    form = amount_form(str(cell))
    amount = _value(re.sub(r"['’ ]", "", form.body), mark or ".")
    if form.body != re.sub(r"['’ ]", "", form.body) and not _GROUPED.match(form.body):
        raise ValueError("has digits in groups that are not of three")
    return -amount if form.negative else amount


def _value(body: str, mark: DecimalMark) -> Decimal:
    other = "," if mark == "." else "."
    whole, point, after = body.partition(mark)
    threes = _THREES.replace("SEP", re.escape(other))
    if other in whole and not re.fullmatch(threes, whole):
        raise ValueError(f"does not fit the decimal mark {mark!r}")
    if not re.fullmatch(r"\d*", after):
        raise ValueError(f"does not fit the decimal mark {mark!r}")
    try:
        return _rounded(Decimal(f"{whole.replace(other, '') or '0'}{'.' if point and after else ''}{after}"))
    except InvalidOperation:
        raise ValueError("is no amount") from None


def _rounded(amount: Decimal) -> Decimal:
    """Round what binary fractions add beyond the sixth place."""
    if not amount.is_finite():
        raise ValueError("is no finite amount")
    exponent = amount.as_tuple().exponent
    too_long = isinstance(exponent, int) and exponent < -_MAX_PLACES
    return round(amount, _MAX_PLACES).normalize() + Decimal(0) if too_long else amount
