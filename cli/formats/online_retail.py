"""UCI Online Retail: the invoice lines of a British gift shop, 2010-12-01 to 2011-12-09, as Parquet or CSV."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet as pq

from cli.formats.customer_countries import Residence, latest_residences
from cli.formats.file_invalid import FileInvalid
from cli.formats.invoice_dates import invoice_instants
from cli.formats.log_in_memory import EventLog
from events.arrays import Flags, Ints
from events.schema.inputs import CustomerProfile, Order

__all__ = ["Invoice", "OnlineRetail", "Summary", "is_online_retail", "read_online_retail"]

_COLUMNS: Final = ["InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"]
_COLUMN_NAMES: Final = ", ".join(_COLUMNS)
_COUNTRY: Final = "Country"
"""A column that a file may lack."""
_MAX_NAME: Final = 40
_MAX_DECIMALS: Final = 6
_MAX_QUANTITY: Final = 10**6
_MAX_PRICE: Final = 10**6
"""The product of the two, at six decimals, is far inside 64 bits."""


class Invoice(NamedTuple):
    """One invoice of one customer; prices and the amount are in units of 10^-decimals pounds."""

    kind: Literal["placed", "refunded"]
    number: str
    customer_id: str
    at: datetime
    amount: int
    decimals: int
    lines: list[tuple[str, int, int]]


@dataclass(frozen=True)
class Summary:
    """What became of the rows: `skipped` counts them by reason; the others are in the orders and refunds.

    `profiles_skipped` counts the customers with an order or refund who have no profile, if the file has countries.
    """

    rows: int
    skipped: dict[str, int]
    orders: int
    refunds: int
    profiles: int
    profiles_skipped: dict[str, int]


@dataclass(frozen=True)
class OnlineRetail:
    """The orders and the customers' profiles of a file, each sorted by time, and the summary."""

    orders: EventLog[Invoice, Order]
    profiles: EventLog[Residence, CustomerProfile]
    summary: Summary


@dataclass(frozen=True)
class _Lines:
    """The rows of the file in columns; a customer is "" where there is none, and so is a country.

    There are no `countries` where the file has no such column.
    """

    numbers: npt.NDArray[np.object_]
    skus: npt.NDArray[np.object_]
    customers: npt.NDArray[np.object_]
    countries: npt.NDArray[np.object_] | None
    times: Ints
    quantities: Ints
    prices: Ints
    decimals: int

    @property
    def amounts(self) -> Ints:
        """What each row comes to, negative for what was returned."""
        return self.quantities * self.prices


def read_online_retail(path: Path) -> OnlineRetail:
    """Return one order for each invoice of a customer, one refund for each cancellation, one profile a customer.

    An invoice is the rows of one InvoiceNo and CustomerID: those with a positive amount make an order placed, and
    those with a negative amount of an InvoiceNo that starts with C make a refund of its own. Its time is the first
    InvoiceDate of its rows, taken as UTC; its amount is their exact sum. Rows that fit neither are counted.

    A profile has the country of the customer's latest such row that names one, and the time of that row. Customers
    whose rows only say such as "Unspecified" have none and are counted; a file without the column has no profiles.

    Raises:
        FileInvalid: a column is missing, or a row has a value that cannot be read.
    """
    lines = _read_lines(path)
    cancelled = np.char.startswith(lines.numbers.astype(np.str_), "C")
    known, amounts = lines.customers != "", lines.amounts
    taken = known & np.where(cancelled, amounts < 0, amounts > 0)
    skipped = {
        "no_customer": int((~known).sum()),
        "zero_amount": int((known & (amounts == 0)).sum()),
        "unexpected_sign": int((known & ~taken & (amounts != 0)).sum()),
    }
    rows = np.flatnonzero(taken)
    invoices, (residences, nowhere) = _invoices(lines, rows), _residences(lines, rows)
    placed = sum(invoice.kind == "placed" for invoice in invoices)
    summary = Summary(
        len(amounts),
        skipped,
        orders=placed,
        refunds=len(invoices) - placed,
        profiles=len(residences),
        profiles_skipped={"unknown_country": nowhere},
    )
    return OnlineRetail(EventLog(invoices, _order), EventLog(residences, _profile), summary)


def _residences(lines: _Lines, rows: Ints) -> tuple[list[Residence], int]:
    """Return where the customers of these rows live, and of how many that is not known."""
    if lines.countries is None:
        return [], 0
    customers = lines.customers[rows]
    found = latest_residences(customers, lines.countries[rows], lines.times[rows], lines.numbers[rows])
    return found, len(pd.unique(pd.Series(customers))) - len(found)


def is_online_retail(path: Path) -> bool:
    """Return whether a file has the columns of Online Retail."""
    try:
        names = (
            pq.read_schema(path).names if path.suffix.lower() != ".csv" else list(pd.read_csv(path, nrows=0).columns)
        )
    except (ValueError, OSError):
        return False
    return set(_COLUMNS) <= set(names)


def _invoices(lines: _Lines, rows: Ints) -> list[Invoice]:
    """Group the rows by invoice and customer, and sort the invoices by time, ties in the file's order."""
    if not len(rows):
        return []
    pairs = pd.MultiIndex.from_arrays([lines.numbers[rows], lines.customers[rows]])
    groups, _ = pd.factorize(pairs)
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    rows = rows[order]
    sums = np.abs(np.add.reduceat(lines.amounts[rows], starts)).tolist()
    times = np.minimum.reduceat(lines.times[rows], starts).tolist()
    bounds = [*starts.tolist(), len(rows)]
    skus, quantities = lines.skus[rows].tolist(), np.abs(lines.quantities[rows]).tolist()
    prices, numbers, customers = np.abs(lines.prices[rows]).tolist(), lines.numbers[rows], lines.customers[rows]
    invoices = []
    for i, (first, end) in enumerate(pairwise(bounds)):
        items = list(zip(skus[first:end], quantities[first:end], prices[first:end], strict=True))
        kind: Literal["placed", "refunded"] = "refunded" if numbers[first].startswith("C") else "placed"
        at = datetime.fromtimestamp(times[i], UTC)
        invoices.append(Invoice(kind, numbers[first], customers[first], at, sums[i], lines.decimals, items))
    return sorted(invoices, key=lambda invoice: invoice.at)


def _order(invoice: Invoice) -> Order:
    return Order.model_validate(
        {
            "event_id": f"online-retail-{invoice.number}-{invoice.customer_id}",
            "customer_id": invoice.customer_id,
            "occurred_at": invoice.at,
            "type": invoice.kind,
            "order_id": None if invoice.kind == "refunded" else invoice.number,  # it does not say of which
            "amount": _pounds(invoice.amount, invoice.decimals),
            "currency": "GBP",
            "items": [
                {"sku": sku, "quantity": quantity, "price": _pounds(price, invoice.decimals)}
                for sku, quantity, price in invoice.lines
            ],
        }
    )


def _profile(residence: Residence) -> CustomerProfile:
    """The invoice is in the event id: a file that goes on for longer may have something newer to say."""
    return CustomerProfile(
        event_id=f"online-retail-country-{residence.purchase}-{residence.customer_id}",
        customer_id=residence.customer_id,
        occurred_at=residence.at,
        country=residence.country,
    )


def _pounds(units: int, decimals: int) -> str:
    """Write an amount with two decimals, or with as many more as it needs.

    >>> _pounds(2042761, 3), _pounds(2550, 3), _pounds(7, 3)
    ('2042.761', '2.55', '0.007')
    """
    digits = str(units).rjust(decimals + 1, "0")
    whole, fraction = digits[:-decimals], digits[-decimals:]
    return f"{whole}.{fraction[:2]}{fraction[2:].rstrip('0')}"


def _read_lines(path: Path) -> _Lines:
    frame = _read_frame(path)
    quantities = pd.to_numeric(frame["Quantity"], errors="coerce").to_numpy(np.float64)
    whole = (quantities == np.rint(quantities)) & (np.abs(quantities) <= _MAX_QUANTITY)
    _require(path, frame, "Quantity", whole, "should be a whole number")
    customers = _names(path, frame, "CustomerID", least=0)
    prices, decimals = _prices(path, frame)
    return _Lines(
        _names(path, frame, "InvoiceNo"),
        _names(path, frame, "StockCode"),
        np.array([customer.removesuffix(".0") for customer in customers], np.object_),
        frame[_COUNTRY].astype("str").fillna("").to_numpy(dtype=object) if _COUNTRY in frame.columns else None,
        _seconds(path, frame),
        quantities.astype(np.int64),
        prices,
        decimals,
    )


def _names(path: Path, frame: pd.DataFrame, column: str, least: int = 1) -> npt.NDArray[np.object_]:
    """Return a column as text, "" where it is empty."""
    names = frame[column].astype("str").fillna("")
    good = names.str.len().between(least, _MAX_NAME).to_numpy(np.bool_)
    _require(path, frame, column, good, f"should have {least} to {_MAX_NAME} characters")
    return names.to_numpy(dtype=object)


def _read_frame(path: Path) -> pd.DataFrame:
    """Read the columns in use; those of a CSV file are text, which keeps prices as they are written."""
    used = [*_COLUMNS, _COUNTRY]
    try:
        if path.suffix.lower() == ".csv":
            frame = pd.read_csv(path, dtype="str", encoding_errors="replace", usecols=lambda name: name in used)
        else:
            present = pq.read_schema(path).names
            frame = pd.read_parquet(path, columns=[name for name in used if name in present])
    except (ValueError, OSError) as error:
        raise FileInvalid(str(path), "", f"cannot be read as an Online Retail file, Parquet or CSV: {error}") from error
    missing = [name for name in _COLUMNS if name not in frame.columns]
    if missing:
        raise FileInvalid(
            str(path), "", f"has no column {', '.join(missing)}; an Online Retail file has all of {_COLUMN_NAMES}"
        )
    return frame


def _prices(path: Path, frame: pd.DataFrame) -> tuple[Ints, int]:
    """Return the unit prices as integers and how many decimals these have; there are few different prices."""
    codes, distinct = pd.factorize(frame["UnitPrice"])
    exact = [_decimal(price) for price in distinct]
    good = np.array([price is not None for price in exact] + [False])
    _require(path, frame, "UnitPrice", good[codes], f"should be a price of at most {_MAX_DECIMALS} decimals")
    decimals = max([2, *(-price.normalize().as_tuple().exponent for price in exact if price)])  # type: ignore[operator]
    units = np.array([int(price.scaleb(decimals)) for price in exact if price is not None], np.int64)
    return units[codes], decimals


def _decimal(price: Any) -> Decimal | None:
    try:
        exact = Decimal(price if isinstance(price, str) else repr(float(price)))
    except ArithmeticError:
        return None
    fits = exact.is_finite() and abs(exact) <= _MAX_PRICE and exact == round(exact, _MAX_DECIMALS)
    return exact if fits else None


def _seconds(path: Path, frame: pd.DataFrame) -> Ints:
    """Return the invoice dates as seconds since 1970 UTC; text is ISO 8601, or has day and month in one order."""
    codes, distinct = pd.factorize(frame["InvoiceDate"])
    texts = pd.Series(distinct)
    instants = pd.to_datetime(texts, errors="coerce", utc=True, format="ISO8601")
    if instants.isna().all() and len(texts):
        instants = invoice_instants(path, texts)
    good = np.append(instants.notna().to_numpy(np.bool_), False)
    _require(path, frame, "InvoiceDate", good[codes], "should be as in 2010-12-01 08:26:00")
    seconds: Ints = instants.to_numpy("datetime64[s]").astype(np.int64)
    return seconds[codes]


def _require(path: Path, frame: pd.DataFrame, column: str, good: Flags, what: str) -> None:
    """Raise FileInvalid for the first row that is not good."""
    bad = np.flatnonzero(~good)
    if len(bad):
        row = int(bad[0])
        place = f"line {row + 2}" if path.suffix.lower() == ".csv" else f"row {row + 1}"
        raise FileInvalid(str(path), place, f"{column}: {what}, found {str(frame[column].iloc[row])[:40]!r}")
