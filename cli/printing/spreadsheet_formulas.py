"""Text that a spreadsheet would run as a formula, in CSV files that people open (OWASP: CSV Injection).

A name from outside that begins with `=` could fetch a page with the figures beside it, or start a program.
"""

import re
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    import pyarrow

__all__ = ["GuardOption", "guard_table", "guard_text"]

_BEGINNING: Final = r"\A[=+\-@\t\r\n＝＋－＠]"  # noqa: RUF001 - spreadsheets take the wide forms, too
_NUMBER: Final = r"\A[+-]?[0-9]+([.,][0-9]+)?\z"

GuardOption = Annotated[
    bool,
    typer.Option(
        "--guard-formulas/--no-guard-formulas",
        help="In CSV, put ' before text that begins with = + - @ tab or line break, so that no spreadsheet runs it.",
    ),
]


def guard_text(text: str) -> str:
    """Return the text as it stays text in a spreadsheet; a number stays a number.

    >>> guard_text("=1+1"), guard_text("@SUM(A1)"), guard_text("-3.5"), guard_text("Loyal Customers")
    ("'=1+1", "'@SUM(A1)", '-3.5', 'Loyal Customers')
    """
    runs = re.search(_BEGINNING, text) and not re.search(_NUMBER.replace(r"\z", r"\Z"), text)
    return f"'{text}" if runs else text


def guard_table(table: "pyarrow.Table") -> "pyarrow.Table":
    """Return the table with each column of text as `guard_text` has it; numbers and times are as they were."""
    import pyarrow as pa
    from pyarrow import compute as pc

    for place, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            text = table.column(place)
            runs = pc.and_not(pc.match_substring_regex(text, _BEGINNING), pc.match_substring_regex(text, _NUMBER))
            table = table.set_column(place, field, pc.if_else(runs, pc.binary_join_element_wise("'", text, ""), text))
    return table
