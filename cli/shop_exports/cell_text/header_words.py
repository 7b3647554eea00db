"""The fields that a shop's export may fill, and the headers by which their columns are known."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final, Literal

import yaml

from cli.shop_exports.cell_text.month_names import without_accents

__all__ = ["AMOUNTS", "ATTRIBUTE", "INSTANTS", "Kind", "fields_of", "guess_columns", "plain_header"]

Kind = Literal["orders", "customers", "sessions"]

ATTRIBUTE: Final = "attributes."
"""What the name of a profile's own attribute begins with."""
AMOUNTS: Final = ("amount", "price", "refunded_amount", "income")
INSTANTS: Final = ("occurred_at", "cancelled_at", "refunded_at", "started_at", "signed_up_at")

_WORDS: Final = Path(__file__).with_name("header_words.yaml")


@cache
def fields_of(kind: Kind) -> dict[str, list[str]]:
    """Return the fields of a kind of export, each with the headers that mean it, the surest first."""
    fields: dict[str, list[str]] = yaml.safe_load(_WORDS.read_text(encoding="utf-8"))[kind]
    return fields


def plain_header(name: str) -> str:
    """Return a header in the form in which headers are compared.

    >>> plain_header("Währung"), plain_header("customerId"), plain_header("Order_No."), plain_header("N° commande")
    ('wahrung', 'customer id', 'order no', 'n commande')
    """
    spaced = "".join(
        f" {each}" if each.isupper() and before.islower() else each
        for before, each in zip(" " + name, name, strict=False)
    )
    letters = "".join(
        each if each.isalnum() or each in "#." else " " for each in without_accents(spaced).replace("°", " ")
    )
    return " ".join(letters.replace(".", " ").split())


def guess_columns(kind: Kind, columns: Sequence[str], given: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the columns that may be each field, the surest first; one that is `given` to a field is no other's.

    >>> guess_columns("orders", ["Bestellnr", "Kundennr", "Datum", "Betrag", "Note"], {})
    {'order_id': ['Bestellnr'], 'customer_id': ['Kundennr'], 'occurred_at': ['Datum'], 'amount': ['Betrag']}
    """
    taken = set(given.values())
    by_header: dict[str, list[str]] = {}
    for column in columns:
        if column not in taken:
            by_header.setdefault(plain_header(column.partition("#")[0] if "#" in column[1:] else column), []).append(
                column
            )
    found: dict[str, list[str]] = {}
    for field, headers in fields_of(kind).items():
        if field in given:
            continue
        hits = [column for header in headers for column in by_header.get(plain_header(header), [])]
        hits = [column for column in dict.fromkeys(hits) if column not in taken]
        if hits:
            found[field] = hits
    return found
