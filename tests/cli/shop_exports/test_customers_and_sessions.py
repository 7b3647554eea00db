"""Exports of customers and of visits: a profile a row, a session a visit."""

import pytest

from cli.shop_exports.guesses.questions import QuestionsOpen
from tests.cli.shop_exports.exporting import questions, read, write

AS_OF = "2026-02-01T00:00:00Z"


def test_customers_in_german(tmp_path):
    content = (
        "Kundennr;E-Mail;Land;Stadt;Alter;Newsletter;Kunde seit;Stufe;PLZ\r\n"
        "17;a@example.com;DE;Köln;34;ja;31.01.2024;3;01234\r\n"
        ";B@Example.com;AT;Wien;;nein;01.02.2024;;\r\n"
        "19;c@example.com;DE;;alt;ja;01.02.2024;;\r\n"
    )
    said = {
        "as_of": AS_OF,
        "zone": "Europe/Berlin",
        "columns": {"attributes.tier": "Stufe", "attributes.postcode": "PLZ"},
    }
    export, (first, second) = read("customers", write(tmp_path, content.encode("cp1252")), **said)
    assert (first.customer_id, first.city, first.country, first.age) == ("17", "Köln", "DE", 34)
    assert first.consent.marketing is True
    assert first.attributes == {"tier": 3, "postcode": "01234"}
    assert first.signed_up_at.isoformat() == "2024-01-30T23:00:00+00:00"
    assert (second.customer_id, second.consent.marketing, second.age) == ("b@example.com", False, None)
    assert "age" not in second.model_fields_set  # what is not told is not cleared
    assert "row 4, column Alter: should be a whole number of years, found 'alt'" in str(export.refusals.first[0])


def test_customers_of_shopify(tmp_path):
    content = (
        "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address City,Default Address Country Code,Total Spent,Total Orders,Tags\n"
        "'7001,A,B,Ann@example.com,yes,Berlin,DE,42.02,1,\n'7002,C,D,bob@example.com,no,,,0,0,\n'7003,E,F,,no,,,0,0,\n"
    )
    path = write(tmp_path, content)
    assert questions("customers", path).keys() == {"--as-of"}
    export, events = read("customers", path, as_of=AS_OF)
    assert export.mapping.preset == "shopify"
    assert [(each.customer_id, each.consent.marketing, each.country) for each in events] == [
        ("ann@example.com", True, "DE"),
        ("bob@example.com", False, None),
    ]
    assert export.refusals.rows == 1


def test_a_profile_that_changed_has_another_event_id(tmp_path):
    header = "customer_id,updated_at,city\n"
    before = read("customers", write(tmp_path, header + "a,2026-01-01T00:00:00Z,Rome\n"))[1]
    again = read("customers", write(tmp_path, header + "a,2026-01-01T00:00:00Z,Rome\n"))[1]
    after = read("customers", write(tmp_path, header + "a,2026-01-02T00:00:00Z,Bonn\n"))[1]
    assert before[0].event_id == again[0].event_id != after[0].event_id


def test_sessions_of_a_row_each(tmp_path):
    content = (
        "Session ID,Visitor ID,User ID,Start,Duration,Page Views,Device,Source\n"
        "s1,v1,a,2026-01-31T10:00:00Z,00:03:20,5,mobile,google\n"
        "s2,v2,,2026-01-31T10:00:00Z,61.5,1,desktop,\n"
        "s3,v2,,2026-01-31T10:00:00Z,61.5,many,desktop,\n"
    )
    path = write(tmp_path, content)
    export, events = read("sessions", path, columns={"visitor_id": "Visitor ID"})
    found = [(each.customer_id, each.pages, each.duration_s, each.occurred_at.isoformat()) for each in events]
    assert found == [("a", 5, 200.0, "2026-01-31T10:03:20+00:00"), ("v2", 1, 61.5, "2026-01-31T10:01:01.500000+00:00")]
    assert "column Page Views: should be a whole number, found 'many'" in str(export.refusals.first[0])


def test_sessions_of_pages_and_clicks(tmp_path):
    content = (
        "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n"
        "2019-10-01 00:00:00 UTC,view,1,2,,x,100.00,7,s1\n"
        "2019-10-01 00:02:30 UTC,view,1,2,,x,100.00,8,s2\n"
        "2019-10-01 00:01:00 UTC,cart,1,2,,x,100.00,7,s1\n"
        "2019-10-01 00:04:00 UTC,view,3,2,,x,25.49,7,s1\n"
    )
    export, events = read("sessions", write(tmp_path, content))
    assert export.mapping.preset == "rees46"
    found = {
        each.session_id: (each.customer_id, each.pages, each.cart_adds, each.started_at.minute, each.occurred_at.minute)
        for each in events
    }
    assert found == {"s1": ("7", 2, 1, 0, 4), "s2": ("8", 1, 0, 2, 2)}


def test_sessions_without_a_zone_are_asked_about(tmp_path):
    path = write(tmp_path, "session_id,customer_id,started_at,pages\ns,a,2026-01-31 10:00,1\n")
    with pytest.raises(QuestionsOpen, match="--zone"):
        read("sessions", path)
