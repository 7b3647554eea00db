"""The currency of amounts: by what was said, a column, the signs beside them, or their header; else it is asked."""

import re
from collections.abc import Mapping as Dictionary
from collections.abc import Set
from typing import Final

from cli.shop_exports.cell_text.amounts import CURRENCY_SIGNS, SEVERAL_CURRENCIES
from cli.shop_exports.guesses.questions import Question
from cli.shop_exports.mapping import Mapping

__all__ = ["settle_currency"]

_HEADER_CURRENCY: Final = re.compile(r"(?:^|[\s_(\[])([A-Z]{3})[\])]?$")


def settle_currency(
    columns: Dictionary[str, str], mapping: Mapping, signs: Set[str], blank: int, questions: list[Question]
) -> tuple[str | None, bool]:
    """Return the currency of amounts that name none, and whether the signs beside the amounts say it."""
    units = {unit for unit in signs if unit}
    if mapping.currency is not None:
        return mapping.currency, False
    if "currency" in columns:
        if blank:
            about = f"{blank:,} orders have an amount and no currency (column {columns['currency']})."
            questions.append(
                Question(about, [("--currency EUR", "they are in euros; or the code of another currency")])
            )
        return None, False
    sure = {_unit_currency(unit) for unit in units}
    if units and None not in sure and ("" not in signs or len(sure) == 1):
        return (next(iter(sure)), False) if len(sure) == 1 else (None, True)
    named = _HEADER_CURRENCY.search(columns.get("amount", columns.get("price", "")))
    if named and not units and _is_currency(named[1]):
        return named[1], False
    several = next((unit for unit in units if unit in SEVERAL_CURRENCIES), None)
    questions.append(_question(several))
    return None, False


def _question(sign: str | None) -> Question:
    about = "No column says in which currency the amounts are."
    if sign is not None:
        about = f"The sign {sign!r} is that of several currencies."
    first, second = SEVERAL_CURRENCIES[sign].split(", ")[:2] if sign is not None else ("EUR", "USD")
    another = f"amounts are in {second}; or the code of another currency"
    return Question(about, [(f"--currency {first}", f"amounts are in {first}"), (f"--currency {second}", another)])


def _unit_currency(unit: str) -> str | None:
    return CURRENCY_SIGNS.get(unit) or (unit.upper() if _is_currency(unit.upper()) else None)


def _is_currency(code: str) -> bool:
    import pycountry

    return len(code) == 3 and pycountry.currencies.get(alpha_3=code) is not None
