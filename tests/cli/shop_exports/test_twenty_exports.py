"""Exports with the quirks of real ones, each read as pandas reads it when it is told everything."""

import gzip
import io
import zipfile
from decimal import Decimal

import pandas as pd
import pytest

from tests.cli.shop_exports.exporting import net, orders, write
from tests.cli.shop_exports.exporting import read as read_files

ZONE = "Europe/Berlin"


def plain(table: pd.DataFrame, *, amount, at, customer, order, zone=ZONE, form=None, decimal=".", thousands=None):
    """The oracle: what an export says, by pandas, told how to read it."""
    text = table[amount].astype(str).str.replace(r"[^\d.,'()\-]", "", regex=True).str.replace("'", "")
    negative = text.str.contains(r"^-|-$|\(")
    text = text.str.replace(r"[()\-]", "", regex=True)
    if thousands:
        text = text.str.replace(thousands, "")
    values = text.str.replace(decimal, ".").map(Decimal)
    values = values.where(~negative, -values)
    times = pd.to_datetime(table[at], format=form) if form else pd.to_datetime(table[at])
    times = times.dt.tz_localize(zone) if times.dt.tz is None else times
    return pd.DataFrame(
        {
            "customer": table[customer].astype(str),
            "order": table[order].astype(str),
            "amount": values,
            "at": times.dt.tz_convert("UTC"),
        }
    )


def agree(events, expected: pd.DataFrame):
    assert net(events) == expected.groupby("customer")["amount"].sum().to_dict()
    placed = {event.order_id: event.occurred_at for event in events if event.type == "placed"}
    first = expected[expected["amount"] >= 0].groupby("order")["at"].min()
    assert placed == {order: at.to_pydatetime() for order, at in first.items()}


NAMES = {"amount": "Total", "at": "Order Date", "customer": "Customer ID", "order": "Order ID"}
HEADER = "Order ID,Customer ID,Order Date,Total,Currency\n"
GERMAN = "Bestellnr;Kundennr;Datum;Betrag;Währung\r\n1;Zoë;31.01.2026 14:59;1.037,12;EUR\r\n2;b;01.02.2026 00:10;27,00;EUR\r\n"
GERMAN_NAMES = {"amount": "Betrag", "at": "Datum", "customer": "Kundennr", "order": "Bestellnr"}
ISO = HEADER + "1,a,2026-01-31T14:59:00Z,10.50,EUR\n2,b,2026-07-31T14:59:00+02:00,7,EUR\n"
LOCAL = HEADER + "1,a,31/01/2026 14:59,10.50,EUR\n2,b,02/02/2026 00:10,7.25,EUR\n"


def csv(text, **options):
    return pd.read_csv(io.StringIO(text), dtype=str, **options)


FILES = {
    "iso times with zones": (ISO, {}, lambda t: plain(csv(t).assign(**{"Order Date": lambda f: pd.to_datetime(f["Order Date"], utc=True, format="ISO8601")}), **NAMES)),
    "byte order mark": ("\ufeff" + LOCAL, {"zone": ZONE}, lambda t: plain(csv(t[1:]), **NAMES, form="%d/%m/%Y %H:%M")),
    "byte order mark before a quoted header": ('\ufeff"Order ID"' + LOCAL[8:], {"zone": ZONE}, lambda t: plain(csv(t[1:]), **NAMES, form="%d/%m/%Y %H:%M")),
    "utf-16": (LOCAL.encode("utf-16"), {"zone": ZONE}, lambda t: plain(csv(t.decode("utf-16")), **NAMES, form="%d/%m/%Y %H:%M")),
    "utf-16 without a mark": (LOCAL.encode("utf-16-le"), {"zone": ZONE}, lambda t: plain(csv(t.decode("utf-16-le")), **NAMES, form="%d/%m/%Y %H:%M")),
    "german, cp1252": (GERMAN.encode("cp1252"), {"zone": ZONE}, lambda t: plain(csv(t.decode("cp1252"), sep=";"), **GERMAN_NAMES, form="%d.%m.%Y %H:%M", thousands=".", decimal=",")),
    "tabs": (LOCAL.replace(",", "\t"), {"zone": ZONE}, lambda t: plain(csv(t, sep="\t"), **NAMES, form="%d/%m/%Y %H:%M")),
    "cr line ends": (LOCAL.replace("\n", "\r"), {"zone": ZONE}, lambda t: plain(csv(t, lineterminator="\r"), **NAMES, form="%d/%m/%Y %H:%M")),
    "a line sep=;": ("sep=;\n" + LOCAL.replace(",", ";"), {"zone": ZONE}, lambda t: plain(csv(t, sep=";", skiprows=1), **NAMES, form="%d/%m/%Y %H:%M")),
    "titles above the header, blank rows, sums of nothing": ("Report of orders\n\n" + LOCAL.replace("2,b", "\n2,b"), {"zone": ZONE}, lambda t: plain(csv(t, skiprows=1), **NAMES, form="%d/%m/%Y %H:%M")),
    "delimiters and line ends in quoted cells": ('Note,' + HEADER + '"a;b,c\nd",1,a,31/01/2026 14:59,"1,010.50",EUR\n",;""x""",2,b,01/02/2026 00:10,7.25,EUR\n', {"zone": ZONE}, lambda t: plain(csv(t), **NAMES, form="%d/%m/%Y %H:%M", thousands=",")),
    "am and pm, month first": (HEADER + "1,a,12/1/2025 8:26:00 AM,2.55,EUR\n2,b,12/31/2025 12:26:00 AM,3,EUR\n3,b,12/31/2025 12:26 PM,3,EUR\n", {"zone": "America/New_York"}, lambda t: plain(csv(t).assign(**{"Order Date": lambda f: pd.to_datetime(f["Order Date"], format="mixed")}), **NAMES, zone="America/New_York")),
    "swiss apostrophes": (HEADER + "1,a,31.01.2026,1'234.50,CHF\n2,b,28.02.2026,CHF 12.00,CHF\n", {"zone": "Europe/Zurich"}, lambda t: plain(csv(t), **NAMES, form="%d.%m.%Y", zone="Europe/Zurich")),
    "negative amounts are refunds": (HEADER + "1,a,2026-01-31 10:00,50.00,EUR\n2,b,2026-01-31 10:00,20,EUR\n1,a,2026-02-03 10:00,-20.00,EUR\n9,b,2026-02-03 10:00,(5.00),EUR\n3,b,2026-02-04 10:00,7.50-,EUR\n4,b,2026-02-04 10:00,30,EUR\n", {"zone": ZONE}, lambda t: plain(csv(t), **NAMES)),
    "day 45000 of a spreadsheet": (HEADER + "1,a,46053.5,10,EUR\n2,b,46054,11,EUR\n", {"zone": ZONE}, lambda t: plain(csv(t).assign(**{"Order Date": lambda f: pd.to_datetime(f["Order Date"].astype(float), unit="D", origin="1899-12-30")}), **NAMES)),
    "seconds and milliseconds since 1970": (HEADER + "1,a,1769868000,10,EUR\n2,b,1769868000500,11,EUR\n", {}, lambda t: plain(csv(t).assign(**{"Order Date": pd.to_datetime([1769868000000, 1769868000500], unit="ms", utc=True)}), **NAMES)),
    "two-digit years, months by name": (HEADER + "1,a,31-Jan-26,10,EUR\n2,b,01-Feb-26,11,EUR\n", {"zone": ZONE}, lambda t: plain(csv(t), **NAMES, form="%d-%b-%y")),
    "currency signs": (HEADER.replace(",Currency", "") + '1,a,2026-01-31,"€1,010.00"\n2,b,2026-01-31,€12\n', {"zone": ZONE}, lambda t: plain(csv(t), **NAMES, thousands=",")),
    "ids that a program made numbers of": (HEADER + "536365.0,17850.0,2026-01-31,10,EUR\n536366.0,13047.0,2026-01-31,12,EUR\n", {"zone": ZONE}, lambda t: plain(csv(t).assign(**{"Customer ID": ["17850", "13047"], "Order ID": ["536365", "536366"]}), **NAMES)),
    "a duplicate column, a column without a name, delimiters at the end": ("Order ID,Customer ID,Order Date,Total,Currency,Note,Note,\n1,a,2026-01-31,10,EUR,x,y,\n2,b,2026-01-31,11,EUR,,,\n", {"zone": ZONE}, lambda t: plain(csv(t), **NAMES)),
    "lines of an order": ("Order ID,Customer ID,Order Date,SKU,Quantity,Unit Price,Currency\n1,a,2026-01-31 10:00,x,2,1.50,EUR\n1,a,2026-01-31 10:00,y,1,4,EUR\n2,b,2026-01-31 10:00,x,1,1.5,EUR\n1,a,2026-01-31 10:00,z,3,0.1,EUR\n", {"zone": ZONE}, lambda t: plain(csv(t).assign(Total=lambda f: (f["Quantity"].map(Decimal) * f["Unit Price"].map(Decimal)).map(str)), **NAMES)),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_an_export_is_read_as_pandas_reads_it(name, tmp_path):
    content, said, oracle = FILES[name]
    export, events = orders(tmp_path, content, **said)
    assert export.refusals.first == []
    agree(events, oracle(content))


@pytest.mark.parametrize("name", FILES)
def test_importing_again_tells_the_same_events(name, tmp_path):
    content, said, _ = FILES[name]
    first, again = orders(tmp_path, content, **said)[1], orders(tmp_path, content, **said)[1]
    assert [event.to_json() for event in first] == [event.to_json() for event in again]
    assert len({event.event_id for event in first}) == len(first)


@pytest.mark.parametrize("pack", ["gz", "zip", "folder"])
def test_compressed_files_and_folders_are_read(pack, tmp_path):
    content = LOCAL.encode()
    if pack == "gz":
        path = write(tmp_path, gzip.compress(content), "orders.csv.gz")
    elif pack == "zip":
        path = tmp_path / "orders.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("january/orders.csv", content)
            archive.writestr("__MACOSX/._orders.csv", b"\0")
    else:
        path = tmp_path / "exports"
        path.mkdir()
        header, first, second = LOCAL.splitlines(keepends=True)
        # The second file alone could be read in two ways; the first says how.
        write(path, header + first, "1.csv")
        write(path, header + second, "2.csv")
    export, events = read_files("orders", path, zone=ZONE)
    agree(events, plain(csv(LOCAL), **NAMES, form="%d/%m/%Y %H:%M"))
    assert export.refusals.rows == 0
