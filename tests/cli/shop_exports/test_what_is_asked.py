"""Where an export can be read in several ways it is asked, with what each answer means; where it cannot, it is read."""

import pytest

from cli.formats.file_invalid import FileInvalid
from cli.shop_exports.guesses.questions import QuestionsOpen
from tests.cli.shop_exports.exporting import orders, questions, write

HEADER = "order_id,customer_id,occurred_at,amount,currency\n"
GOOD = "1,a,2026-01-31T10:00:00Z,10.50,EUR\n"

ASKED = {
    "day or month": (HEADER + "1,a,01/12/2010 08:26Z,1,EUR\n", "--date-format", ["dmy: day first: '01/12/2010 08:26Z' is 1 December 2010", "mdy: month first: '01/12/2010 08:26Z' is 12 January 2010"]),
    "day or month, with dashes": (HEADER + "1,a,01-12-2010 08:26Z,1,EUR\n", "--date-format", ["1 December 2010", "12 January 2010"]),
    "two-digit years": (HEADER + "1,a,10/11/12 08:26Z,1,EUR\n", "--date-format", ["10 November 2012", "11 October 2012", "12 November 2010"]),
    "no order reads all": (HEADER + "1,a,13/12/2010 08:26Z,1,EUR\n2,a,12/13/2010 08:26Z,1,EUR\n", "--date-format", ["refuses such as '12/13/2010 08:26Z'", "refuses such as '13/12/2010 08:26Z'"]),
    "some are iso, others ambiguous": (HEADER + "1,a,2010-12-01T08:26Z,1,EUR\n2,a,12/2/2010 08:26Z,1,EUR\n", "--date-format", ["12 February 2010", "2 December 2010"]),
    "no zone": (HEADER + "1,a,2026-07-01 10:00,1,EUR\n", "--zone", ["2026-07-01T10:00:00Z", "2026-07-01T08:00:00Z"]),
    "thousands or decimals": (HEADER + "1,a,2026-07-01T10:00Z,1.234,EUR\n2,a,2026-07-01T10:00Z,12,EUR\n", "--decimal", [".: it is 1.234", ",: it is 1234"]),
    "points and commas": (HEADER + '1,a,2026-07-01T10:00Z,"12,50",EUR\n2,a,2026-07-01T10:00Z,12.50,EUR\n', "--decimal", ["refuses such as '12,50'", "refuses such as '12.50'"]),
    "no currency": (HEADER.replace(",currency", "") + "1,a,2026-07-01T10:00Z,1\n", "--currency", ["EUR", "USD"]),
    "a sign of several currencies": (HEADER.replace(",currency", "") + "1,a,2026-07-01T10:00Z,$1\n", "--currency", ["USD", "CAD"]),
    "orders without a currency": (HEADER + GOOD + "2,a,2026-07-01T10:00Z,1,\n", "--currency", ["EUR"]),
    "a status": (HEADER.replace("\n", ",status\n") + GOOD.replace("\n", ",closed\n"), "--status", ["closed=sale: they count", "closed=no_sale: they are left out"]),
    "rows of one order": (HEADER + GOOD + GOOD, "--order-rows", ["sum: the rows are lines", "same: each row repeats"]),
    "an order at two times": (HEADER + GOOD + GOOD.replace("10:00:00Z,10.50", "11:00:00Z,12"), "--order-rows", ["sum: ", "each: the row of the latest time"]),
    "two totals": ("Order ID,Customer ID,Date,Total,Grand Total,Currency\n1,a,2026-07-01T10:00Z,1,2,EUR\n", "--map", ["amount=Total: it is '1' there", "amount='Grand Total': it is '2' there"]),
    "unknown columns": ("A,B\n1,2\n", "--map", ["order_id=COLUMN"]),
}  # fmt: skip


@pytest.mark.parametrize("case", ASKED)
def test_what_can_be_read_in_several_ways_is_asked(case, tmp_path):
    content, option, meanings = ASKED[case]
    offered = questions("orders", write(tmp_path, content))[option]
    for meaning, choice in zip(meanings, offered, strict=False):
        assert meaning in choice
    with pytest.raises(QuestionsOpen, match="nothing was published"):
        orders(tmp_path, content)


CERTAIN = {
    "a day above twelve": (HEADER + "1,a,01/12/2010 08:26Z,1,EUR\n2,a,13/12/2010 08:26Z,1,EUR\n", {}),
    "the same day either way": (HEADER + "1,a,05/05/2010 08:26Z,1,EUR\n", {}),
    "two digits after the comma": (HEADER + '1,a,2026-07-01T10:00Z,"37,12",EUR\n2,a,2026-07-01T10:00Z,"1,234",EUR\n', {}),
    "whole amounts": (HEADER + "1,a,2026-07-01T10:00Z,1234,EUR\n", {}),
    "a currency in the header": (HEADER.replace("amount,currency", "Total (EUR)") + "1,a,2026-07-01T10:00Z,1234\n", {"columns": {"amount": "Total (EUR)"}}),
    "two totals that say the same": ("Order ID,Customer ID,Date,Total,Grand Total,Currency\n1,a,2026-07-01T10:00Z,1,1,EUR\n", {}),
    "lines of one order": (HEADER + GOOD + GOOD.replace("10.50", "3"), {}),
    "what was said": (HEADER + "1,a,01/12/2010 08:26,1.234,EUR\n", {"date_format": "%d/%m/%Y %H:%M", "zone": "UTC", "decimal": ","}),
}  # fmt: skip


@pytest.mark.parametrize("case", CERTAIN)
def test_what_can_be_read_in_one_way_is_read(case, tmp_path):
    content, said = CERTAIN[case]
    export, events = orders(tmp_path, content, **said)
    assert events
    assert export.refusals.first == []
    assert {event.currency for event in events} == {"EUR"}


@pytest.mark.parametrize(
    ("given", "month"),
    [
        ("dmy", 12),
        ("mdy", 1),
        ("%d/%m/%Y %H:%M", 12),
        ("%m/%d/%Y", 1),
        ("DD/MM/YYYY HH:mm", 12),
    ],
)
def test_a_date_format_settles_it(given, month, tmp_path):
    _, (event,) = orders(tmp_path, HEADER + "1,a,01/12/2010 08:26,1,EUR\n", date_format=given, zone="UTC")
    assert (event.occurred_at.month, event.occurred_at.hour) == (month, 8)


REFUSED = {
    "a zero byte": (b"order_id,customer_id,occurred_at,amount,currency\n1,zo\0e,2026-01-31T10:00:00Z,1,EUR\n", "row 2: holds a NUL character"),
    "too many cells": (HEADER + "1,a,2026-01-31T10:00:00Z,37,12,EUR\n", "row 2: has 6 cells, the header names 5 columns"),
    "no customer": (HEADER + "1,,2026-01-31T10:00:00Z,1,EUR\n", "row 2, column customer_id: a row needs a customer"),
    "a placeholder": (HEADER + "1,[object Object],2026-01-31T10:00:00Z,1,EUR\n", "column customer_id: stands for a missing id"),
    "no amount": (HEADER + "1,a,2026-01-31T10:00:00Z,,EUR\n", "column amount: amount is missing"),
    "what is no amount": (HEADER + "1,a,2026-01-31T10:00:00Z,free,EUR\n", "column amount: is no amount, found 'free'"),
    "what is no date": (HEADER + "1,a,yesterday,1,EUR\n", "column occurred_at: is no date that can be read, found 'yesterday'"),
    "no day of the calendar": (HEADER + "1,a,2026-02-30T10:00:00Z,1,EUR\n", "column occurred_at: is no"),
    "a date of a database that is none": (HEADER + "1,a,0000-00-00 00:00:00,1,EUR\n", "column occurred_at: is no"),
    "a rounded id": (HEADER + "5.0E+09,a,2026-01-31T10:00:00Z,1,EUR\n", "column order_id: is a number that a spreadsheet has rounded"),
    "a currency": (HEADER + "1,a,2026-01-31T10:00:00Z,1,money\n", "column currency: should be three letters such as EUR, found 'money'"),
    "before there were shops": (HEADER + "1,a,1970-01-01T00:00:00Z,1,EUR\n", "occurred_at: lies before 1990-01-01"),
    "a quotation mark": (HEADER + '1,"a"b,2026-01-31T10:00:00Z,1,EUR\n', "row 2: a quotation mark stands inside a quoted cell"),
    "the hour that comes twice": (HEADER + "1,a,2026-10-25 02:30,1,EUR\n", "showed twice: it is 2026-10-25T00:30:00Z (--repeated-hour first) or 2026-10-25T01:30:00Z"),
    "the hour that never was": (HEADER + "1,a,2026-03-29 02:30,1,EUR\n", "the clock in Europe/Berlin skipped that day"),
    "groups that are not of three": (HEADER + '1,a,2026-01-31T10:00:00Z,"1,23,4.50",EUR\n', "column amount: does not fit the decimal mark '.'"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_row_that_cannot_be_used_is_refused_with_row_column_and_value(case, tmp_path):
    content, reason = REFUSED[case]
    content = content.encode() if isinstance(content, str) else content
    good = b"9,z,2026-01-31T10:00:00Z,2.50,EUR\n"
    export, events = orders(tmp_path, content + good, zone="Europe/Berlin")
    assert [event.order_id for event in events] == ["9"]
    assert export.refusals.rows == 1
    assert reason in str(export.refusals.first[0])


UNREADABLE = {
    "nothing": (b"", "is empty"),
    "a header that is data": (b"1,a,2026-01-31T10:00:00Z,1,EUR\n", "should name the columns"),
    "an open quotation mark": (HEADER.encode() + b'1,"a,2026\n2,b,2026\n', "row 2: a quotation mark opens a cell that is never closed"),
    "cyrillic": ("order_id,customer_id,occurred_at,amount,currency,note\n1,a,2026-01-31T10:00:00Z,1,RUB,Спасибо за быструю доставку заказа\n".encode("cp1251"), "can be read in several ways: --encoding"),
    "an old workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "save it as .xlsx"),
    "a cut archive": (b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03abc", "cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_file_that_cannot_be_read_is_refused_with_a_sentence(case, tmp_path):
    content, reason = UNREADABLE[case]
    with pytest.raises(FileInvalid) as refused:
        orders(tmp_path, content)
    assert reason in str(refused.value)


def test_only_a_header_is_no_order(tmp_path):
    export, events = orders(tmp_path, HEADER)
    assert (events, export.summary.rows, export.refusals.rows) == ([], 0, 0)


def test_the_hour_that_comes_twice_is_what_is_said(tmp_path):
    content = HEADER + "1,a,2026-10-25 02:30,1,EUR\n"
    for said, hour in (("first", 0), ("second", 1)):
        _, (event,) = orders(tmp_path, content, zone="Europe/Berlin", repeated_hour=said)
        assert event.occurred_at.hour == hour


def test_a_damaged_row_of_utf_8_is_refused_and_the_others_are_read(tmp_path):
    rows = "".join(f"{n},zoë{n},2026-01-31T10:00:00Z,1,EUR\n" for n in range(5)).encode()
    export, events = orders(tmp_path, HEADER.encode() + rows + b"9,zo\xeb,2026-01-31T10:00:00Z,1,EUR\n")
    assert [event.customer_id for event in events] == [f"zoë{n}" for n in range(5)]
    assert "row 7: holds the byte 0xEB, which is not UTF-8" in str(export.refusals.first[0])


READ = {
    "lines quoted as a whole": '"order_id,customer_id,occurred_at,amount,currency"\n"1,a,2026-01-31T10:00Z,5,EUR"\n',
    "ids kept from a spreadsheet": HEADER + "=\"1\",'7,2026-01-31T10:00Z,5,EUR\n",
    "a currency in words": HEADER + "1,a,2026-01-31T10:00Z,5 Euro,EUR\n",
    "midnight at the end of a day": HEADER + "1,a,2026-01-30 24:00Z,5,EUR\n",
    "a zone by its name": HEADER + "1,a,2026-01-31 11:00 CET,5,EUR\n",
    "a browser's date": HEADER + "1,a,Sat Jan 31 2026 11:00:00 GMT+0100 (Central European Standard Time),5,EUR\n",
    "a mail's date": HEADER + '1,a,"Sat, 31 Jan 2026 11:00:00 +0100",5,EUR\n',
    "an ordinal": HEADER + '1,a,"January 31st, 2026 10:00 AM UTC",5,EUR\n',
    "french": "N° commande;Client;Date de commande;Montant total;Devise;Statut\n1;a;31/01/2026 à 10:00Z;5,00 €;EUR;payée\n",
    "spanish": "Número de pedido;Cliente;Fecha;Importe;Moneda;Estado\n1;a;31/01/2026 10:00Z;5,00;EUR;completado\n",
    "polish": "Numer zamówienia;Klient;Data zamówienia;Kwota;Waluta;Status\n1;a;31.01.2026 10:00Z;5,00;EUR;opłacone\n",
    "german, with the month's name": "Bestellnr;Kunde;Datum;Summe;Währung\n1;a;31. Jan. 2026, 10:00Z;5,00;EUR\n",
    "a guest": "order_id,customer_id,email,occurred_at,amount,currency\n1,0,A@Example.com,2026-01-31T10:00Z,5,EUR\n",
}  # fmt: skip


@pytest.mark.parametrize("case", READ)
def test_the_habits_of_programs_and_languages_are_known(case, tmp_path):
    export, (event,) = orders(tmp_path, READ[case])
    assert export.refusals.first == []
    assert (event.order_id, float(event.amount), event.currency, event.type) == ("1", 5.0, "EUR", "placed")
    assert event.occurred_at.isoformat() in ("2026-01-31T10:00:00+00:00", "2026-01-31T00:00:00+00:00")
    assert event.customer_id in ("a", "7", "a@example.com")


def test_a_row_of_totals_below_the_orders_is_refused_not_asked_about(tmp_path):
    export, events = orders(tmp_path, HEADER + GOOD + ",,,10.50,\n")
    assert len(events) == 1
    assert export.refusals.rows == 1
