"""CDNOW: every purchase of 23,570 new customers of a CD shop, 1997-01-01 to 1998-06-30, and its 1/10 sample."""

import importlib.util
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from cli.formats.file_invalid import FileInvalid
from cli.formats.log_in_memory import EventLog
from events.base_error import ShoalError
from events.schema.inputs import Item, Order

__all__ = ["Purchase", "SampleMissing", "read_cdnow", "sample_path"]

_COLUMNS: Final = "customer_id date number_of_cds dollar_value"
_SAMPLE_COLUMNS: Final = 5
_AMOUNT: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?")


class SampleMissing(ShoalError):
    """The CDNOW sample is not on this machine."""


class Purchase(NamedTuple):
    """One row: `nth` counts the rows of this customer on this day, from 1."""

    customer_id: str
    date: str
    nth: int
    cds: int
    dollars: str


def sample_path() -> Path:
    """Return the path of the 1/10 sample inside the installed package Lifetimes, which is not imported.

    Raises:
        SampleMissing: it is not installed.
    """
    spec = importlib.util.find_spec("lifetimes")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder, "datasets", "CDNOW_sample.txt")
        if path.is_file():
            return path
    raise SampleMissing(
        "the CDNOW sample comes with the Python package Lifetimes, which is not installed here: "
        "install Shoal with its extra [embedded], or give the path of a CDNOW file"
    )


def read_cdnow(path: Path) -> EventLog[Purchase, Order]:
    """Return the orders of `CDNOW_master.txt` or `CDNOW_sample.txt` by date, those of one day in the file's order.

    Each row is an order: rows of $0 are orders, and rows that are alike are purchases of their own. The event id is
    made from customer, date and the row's place among that customer's rows of the day, so reading a file again, or
    the sample after the whole, gives the same ids. In the sample, the customer is the first column (the id in the
    whole data set), not the second (the id within the sample).

    Raises:
        FileInvalid: a row is not as in these files.
    """
    return EventLog(sorted(_purchases(path), key=lambda purchase: purchase.date), _order)


def _purchases(path: Path) -> Iterator[Purchase]:
    rows_of_day: Counter[tuple[str, str]] = Counter()
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            cells = line.split()
            if not cells or (number == 1 and " ".join(cells) == _COLUMNS):
                continue
            try:
                customer_id, date, cds, dollars = _checked(cells)
            except ValueError as error:
                raise FileInvalid(str(path), f"line {number}", str(error)) from None
            rows_of_day[customer_id, date] += 1
            yield Purchase(customer_id, date, rows_of_day[customer_id, date], cds, dollars)


def _checked(cells: list[str]) -> tuple[str, str, int, str]:
    if len(cells) == _SAMPLE_COLUMNS:
        del cells[1]
    if len(cells) != len(_COLUMNS.split()):
        raise ValueError(f"a CDNOW row has the columns {_COLUMNS}, found {' '.join(cells)[:60]!r}")
    customer_id, date, cds, dollars = cells
    if not re.fullmatch("[0-9]{1,32}", customer_id):
        raise ValueError(f"customer_id: should be a number, found {customer_id[:20]!r}")
    try:
        _midnight(date)
    except ValueError:
        raise ValueError(f"date: should be as in 19970101, found {date[:20]!r}") from None
    if not re.fullmatch("[0-9]{1,6}", cds):
        raise ValueError(f"number_of_cds: should be a whole number, found {cds[:20]!r}")
    if not _AMOUNT.fullmatch(dollars):
        raise ValueError(f"dollar_value: should be an amount such as 11.77, found {dollars[:20]!r}")
    return customer_id, date, int(cds), dollars


@lru_cache(maxsize=1024)
def _midnight(date: str) -> datetime:
    return datetime.strptime(date, "%Y%m%d").replace(tzinfo=UTC)


def _order(purchase: Purchase) -> Order:
    name = f"cdnow-{purchase.customer_id}-{purchase.date}-{purchase.nth}"
    return Order.model_validate(
        {
            "event_id": name,
            "customer_id": purchase.customer_id,
            "occurred_at": _midnight(purchase.date),
            "order_id": name,
            "amount": purchase.dollars,
            "currency": "USD",
            "items": [Item(sku="cd", quantity=purchase.cds)],
        }
    )
