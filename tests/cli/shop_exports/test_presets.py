"""The exports of known programs, with their own columns and quirks; each is recognised, or asks for what it lacks."""

import json
from decimal import Decimal

import pandas as pd
import pytest

from cli.shop_exports.guesses.questions import QuestionsOpen
from tests.cli.shop_exports.exporting import net, orders, questions, read, write

SHOPIFY_COLUMNS = [
    "Name",
    "Email",
    "Financial Status",
    "Paid at",
    "Fulfillment Status",
    "Fulfilled at",
    "Accepts Marketing",
    "Currency",
    "Subtotal",
    "Shipping",
    "Taxes",
    "Total",
    "Discount Code",
    "Discount Amount",
    "Shipping Method",
    "Created at",
    "Lineitem quantity",
    "Lineitem name",
    "Lineitem price",
    "Lineitem compare at price",
    "Lineitem sku",
    "Lineitem requires shipping",
    "Lineitem taxable",
    "Lineitem fulfillment status",
    "Billing Name",
    "Billing Country",
    "Cancelled at",
    "Payment Method",
    "Refunded Amount",
    "Vendor",
    "Id",
    "Tags",
    "Source",
]


def shopify(*rows: dict) -> str:
    return pd.DataFrame([dict.fromkeys(SHOPIFY_COLUMNS, "") | row for row in rows]).to_csv(index=False)


def first_row(name, email, status, total, at="2026-01-31 14:59:00 +0100", **more):
    row = {
        "Name": name,
        "Email": email,
        "Financial Status": status,
        "Currency": "EUR",
        "Total": total,
        "Subtotal": "1.00",
    }
    return (
        row
        | {
            "Created at": at,
            "Lineitem quantity": "2",
            "Lineitem price": "9.90",
            "Lineitem sku": "MUG",
            "Lineitem name": "Mug",
            "Source": "web",
        }
        | more
    )


def below(name, email, sku):
    return {
        "Name": name,
        "Email": email,
        "Created at": "2026-01-31 14:59:00 +0100",
        "Lineitem quantity": "1",
        "Lineitem price": "5.00",
        "Lineitem sku": sku,
        "Lineitem name": "Cup",
    }


def test_shopify(tmp_path):
    content = shopify(
        first_row("#1001", "Ann@Example.com", "paid", "42.02"),
        below("#1001", "Ann@Example.com", "CUP"),
        below("#1001", "Ann@Example.com", ""),
        first_row("#1002", "bob@example.com", "refunded", "32.89", **{"Refunded Amount": "32.89"}),
        first_row("#1003", "bob@example.com", "partially_refunded", "50.00", **{"Refunded Amount": "12.50"}),
        first_row("#1004", "cid@example.com", "voided", "9.00", **{"Cancelled at": "2026-02-01 10:00:00 +0100"}),
        first_row("#1005", "cid@example.com", "pending", "9.00"),
        first_row("#1006", "cid@example.com", "authorized", "9.00"),
        first_row("#1007", "dee@example.com", "paid", "80.00", Currency="USD"),
        first_row(
            "#1008",
            "dee@example.com",
            "refunded",
            "20.00",
            **{"Refunded Amount": "20.00", "Cancelled at": "2026-02-01 10:00:00 +0100"},
        ),
        first_row("#1009", "", "paid", "20.00"),
    )
    export, events = orders(tmp_path, content)
    assert export.mapping.preset == "shopify"
    assert net(events) == {
        "ann@example.com": Decimal("42.02"),
        "bob@example.com": Decimal("37.50"),
        "dee@example.com": Decimal(80),
    }
    assert [(event.order_id, event.type) for event in events] == [
        *(("#1001", "placed"), ("#1002", "placed"), ("#1002", "refunded"), ("#1003", "placed"), ("#1003", "refunded")),
        *(("#1007", "placed"), ("#1008", "placed"), ("#1008", "cancelled")),
    ]
    assert [(item.sku, item.quantity) for item in events[0].items] == [("MUG", 2), ("CUP", 1)]
    assert events[0].occurred_at.isoformat() == "2026-01-31T13:59:00+00:00"
    assert events[-1].occurred_at.isoformat() == "2026-02-01T09:00:00+00:00"
    assert dict(export.summary.no_sales) == {"voided": 1, "pending": 1, "authorized": 1}
    assert dict(export.summary.currencies) == {"EUR": 7, "USD": 1}
    (refused,) = export.refusals.first
    assert (refused.row, refused.column) == (12, "Email")


WOO = (
    "order_id,order_number,order_date,status,shipping_total,order_total,order_currency,payment_method,customer_id,customer_email,line_items\n"
    "1,1,2026-01-31 14:59:00,completed,4.90,37.12,EUR,stripe,12317,a@example.com,name:Mug|quantity:1\n"
    "2,2,2026-01-31 15:00:00,processing,4.90,10.00,EUR,stripe,0,Guest@Example.com,x\n"
    "3,3,2026-01-31 15:01:00,refunded,4.90,20.00,EUR,stripe,12317,a@example.com,x\n"
    "4,4,2026-01-31 15:02:00,wc-cancelled,4.90,20.00,EUR,stripe,12317,a@example.com,x\n"
    "5,5,2026-01-31 15:03:00,on-hold,4.90,20.00,EUR,bacs,12317,a@example.com,x\n"
    "6,6,2026-01-31 15:03:00,pending,4.90,20.00,EUR,bacs,12317,a@example.com,x\n"
    "7,7,2026-01-31 15:03:00,failed,4.90,20.00,EUR,bacs,12317,a@example.com,x\n"
)


def test_woocommerce(tmp_path):
    assert questions("orders", write(tmp_path, WOO)).keys() == {"--zone"}
    export, events = orders(tmp_path, WOO, zone="Europe/Berlin")
    assert export.mapping.preset == "woocommerce"
    assert net(events) == {"12317": Decimal("37.12"), "guest@example.com": Decimal(10)}
    assert dict(export.summary.events) == {"placed": 4, "refunded": 1, "cancelled": 1}
    assert dict(export.summary.no_sales) == {"on-hold": 1, "pending": 1, "failed": 1}


def test_woocommerce_by_another_plugin(tmp_path):
    content = (
        "Order Number,Order Status,Order Date,Email (Billing),Order Total Amount,Order Refund Amount\n"
        "1,Completed,2026-01-31 14:59,a@example.com,37.12,7.12\n2,On hold,2026-01-31 14:59,a@example.com,20.00,\n"
    )
    _, events = orders(tmp_path, content, preset="woocommerce", zone="UTC", currency="EUR")
    assert net(events) == {"a@example.com": Decimal(30)}


def test_magento(tmp_path):
    content = (
        "ID,Purchase Point,Purchase Date,Bill-to Name,Ship-to Name,Grand Total (Base),Grand Total (Purchased),Status,Customer Email,Total Refunded\n"
        '000000001,"Main Website\nMain Store","Jan 31, 2026, 2:59:00 PM",A,A,$35.00,$35.00,Complete,a@example.com,$0.00\n'
        '000000002,Main,"Feb 1, 2026, 12:10:00 AM",A,A,"$1,035.50","$1,035.50",Closed,a@example.com,"$1,035.50"\n'
        '000000003,Main,"Feb 1, 2026, 12:10:00 PM",A,A,$5.00,$5.00,Canceled,b@example.com,\n'
        '000000004,Main,"Feb 1, 2026, 12:10:00 PM",A,A,$7.00,$7.00,Processing,b@example.com,\n'
        '000000005,Main,"Feb 1, 2026, 12:10:00 PM",A,A,$9.00,$9.00,Suspected Fraud,b@example.com,\n'
    )
    assert questions("orders", write(tmp_path, content)).keys() == {"--zone", "--currency"}
    export, events = orders(tmp_path, content, zone="America/New_York", currency="USD")
    assert export.mapping.preset == "magento"
    assert net(events) == {"a@example.com": Decimal(35), "b@example.com": Decimal(7)}
    assert events[0].order_id == "000000001"
    assert events[0].occurred_at.isoformat() == "2026-01-31T19:59:00+00:00"


def test_stripe(tmp_path):
    content = (
        "id,Description,Created (UTC),Amount,Amount Refunded,Currency,Converted Amount,Status,Customer ID,Customer Email,Captured\n"
        "ch_1,x,2026-01-31 14:59:00,37.12,0.00,eur,37.12,Paid,cus_1,a@example.com,true\n"
        "ch_2,x,2026-01-31 14:59:00,20.00,20.00,eur,20.00,Refunded,cus_1,a@example.com,true\n"
        "ch_3,x,2026-01-31 14:59:00,20.00,5.50,eur,20.00,Paid,,B@example.com,true\n"
        "ch_4,x,2026-01-31 14:59:00,99.00,0.00,eur,99.00,Failed,cus_1,a@example.com,false\n"
        "ch_5,x,2026-01-31 14:59:00,99.00,0.00,eur,99.00,requires_payment_method,cus_1,a@example.com,false\n"
        "ch_6,x,2026-01-31 14:59:00,99.00,0.00,eur,99.00,canceled,cus_1,a@example.com,false\n"
    )
    export, events = orders(tmp_path, content)
    assert export.mapping.preset == "stripe"
    assert net(events) == {"cus_1": Decimal("37.12"), "b@example.com": Decimal("14.50")}
    assert sum(export.summary.no_sales.values()) == 3


def test_online_retail_2(tmp_path):
    path = tmp_path / "online_retail_II.xlsx"
    rows = [
        ("489434", "85048", "LIGHTS", 12, pd.Timestamp("2009-12-01 07:45"), 6.95, 13085.0, "United Kingdom"),
        ("489434", "79323P", "CHERRY", 2, pd.Timestamp("2009-12-01 07:46"), 6.75, 13085.0, "United Kingdom"),
        ("489435", "22350", "BOWL", 1, pd.Timestamp("2009-12-01 07:46"), 2.55, None, "United Kingdom"),
        ("C489449", "22087", "BUNTING", -3, pd.Timestamp("2009-12-01 10:33"), 2.95, 13085.0, "Australia"),
    ]
    names = ["Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"]
    with pd.ExcelWriter(path) as book:
        for sheet in ("Year 2009-2010", "Year 2010-2011"):  # the two years overlap
            pd.DataFrame(rows, columns=names).to_excel(book, sheet_name=sheet, index=False)
    export, events = read("orders", path)
    assert export.mapping.preset == "online-retail-2"
    placed, credit = events
    assert (placed.amount, placed.currency, placed.customer_id) == (Decimal("96.9"), "GBP", "13085")
    assert (credit.amount, credit.type, credit.order_id) == (Decimal("8.85"), "refunded", None)
    assert (export.refusals.rows, export.summary.repeated) == (1, 4)


def test_rees46(tmp_path):
    content = (
        "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n"
        "2019-10-01 00:00:00 UTC,view,1,2,electronics.phone,x,100.00,7,s1\n"
        "2019-10-01 00:01:00 UTC,cart,1,2,electronics.phone,x,100.00,7,s1\n"
        "2019-10-01 00:02:00 UTC,purchase,1,2,electronics.phone,x,100.00,7,s1\n"
        "2019-10-01 00:02:30 UTC,view,1,2,electronics.phone,x,100.00,8,s2\n"
        "2019-10-01 00:03:00 UTC,purchase,3,2,,x,25.49,8,s2\n"
        "2019-10-01 00:03:00 UTC,purchase,4,2,,x,9.99,7,s1\n"
    )
    assert questions("orders", write(tmp_path, content)).keys() == {"--currency"}
    export, events = orders(tmp_path, content, currency="USD")
    assert export.mapping.preset == "rees46"
    assert net(events) == {"7": Decimal("109.99"), "8": Decimal("25.49")}
    assert {event.order_id for event in events} == {"s1", "s2"}


def parameters(**values):
    return [
        {
            "key": key,
            "value": {
                "string_value": value if isinstance(value, str) else None,
                "int_value": value if isinstance(value, int) else None,
            },
        }
        for key, value in values.items()
    ]


def test_ga4(tmp_path):
    def row(name, at, user=None, **more):
        return {
            "event_date": "20210131",
            "event_timestamp": str(at),
            "event_name": name,
            "user_pseudo_id": "111.222",
            "user_id": user,
        } | more

    rows = [
        row("page_view", 1612069307495281, event_params=parameters(ga_session_id=661084800, page_title="Home")),
        row("purchase", 1612069407495281, event_params=parameters(currency="USD", ga_session_id=661084800), ecommerce={"transaction_id": "T1", "purchase_revenue": 44.5}),
        row("purchase", 1612069507495281, "u9", event_params=parameters(currency="USD"), ecommerce={"transaction_id": "T2", "purchase_revenue": 10}),
        row("refund", 1612079507495281, "u9", event_params=parameters(currency="USD"), ecommerce={"transaction_id": "T2", "refund_value": 4}),
        row("purchase", 1612069407495281, event_params=parameters(currency="USD"), ecommerce={"transaction_id": "(not set)", "purchase_revenue": 1}),
    ]  # fmt: skip
    export, events = orders(tmp_path, "".join(json.dumps(each) + "\n" for each in rows), "events.jsonl")
    assert export.mapping.preset == "ga4"
    assert net(events) == {"111.222": Decimal("44.5"), "u9": Decimal(6)}
    assert events[0].occurred_at.isoformat() == "2021-01-31T05:03:27.495281+00:00"
    assert "order_id: '(not set)' stands for a missing id" in str(export.refusals.first[0])


@pytest.mark.parametrize("off", ["none", None])
def test_a_preset_can_be_turned_off(off, tmp_path):
    export, _ = orders(tmp_path, WOO, zone="UTC", preset=off)
    assert export.mapping.preset == (None if off else "woocommerce")


def test_olist(tmp_path):
    write(
        tmp_path,
        "order_id,customer_id,order_status,order_purchase_timestamp,order_approved_at\n"
        "o1,c1,delivered,2017-10-02 10:56:33,x\no2,c2,canceled,2017-11-02 10:56:33,x\no3,c3,shipped,2017-12-02 10:56:33,\no4,c4,created,2018-01-02 10:56:33,\n",
        "olist_orders_dataset.csv",
    )
    write(
        tmp_path,
        "customer_id,customer_unique_id,customer_zip_code_prefix,customer_city,customer_state\n"
        "c1,u1,01151,sao paulo,SP\nc2,u1,01151,sao paulo,SP\nc3,u1,04195,santos,SP\nc4,u2,04195,santos,SP\n",
        "olist_customers_dataset.csv",
    )
    write(tmp_path, "order_id,payment_sequential,payment_type,payment_installments,payment_value\n"
        "o1,1,credit_card,1,18.12\no1,2,voucher,1,2.00\no2,1,boleto,1,50.00\no3,1,boleto,1,7.5\no4,1,boleto,1,7.5\n", "olist_order_payments_dataset.csv")  # fmt: skip
    export, events = read("orders", tmp_path)
    assert export.mapping.preset == "olist"
    assert net(events) == {"u1": Decimal("27.62")}
    assert (events[0].currency, events[0].occurred_at.isoformat()) == ("BRL", "2017-10-02T13:56:33+00:00")
    assert dict(export.summary.no_sales) == {"created": 1}
    _, (first, second) = read("customers", tmp_path)
    assert [(each.customer_id, each.city, each.country) for each in (first, second)] == [
        ("u1", "santos", "BR"),
        ("u2", "santos", "BR"),
    ]


def test_instacart(tmp_path):
    content = (
        "order_id,user_id,eval_set,order_number,order_dow,order_hour_of_day,days_since_prior_order\n"
        "2539329,1,prior,1,2,08,\n473747,1,prior,3,3,12,21.0\n2398795,1,prior,2,3,07,15.0\n2168274,2,prior,1,2,11,\n"
    )
    path = write(tmp_path, content)
    with pytest.raises(QuestionsOpen, match="--first-day"):
        read("orders", path)
    export, events = read("orders", path, first_day="2017-01-01")
    assert export.mapping.preset == "instacart"
    found = {event.order_id: (event.customer_id, event.occurred_at.isoformat(), event.amount) for event in events}
    assert found == {
        "2539329": ("1", "2017-01-01T08:00:00+00:00", 0),
        "2398795": ("1", "2017-01-16T07:00:00+00:00", 0),
        "473747": ("1", "2017-02-06T12:00:00+00:00", 0),
        "2168274": ("2", "2017-01-01T11:00:00+00:00", 0),
    }
