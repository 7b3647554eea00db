"""Customer ids that stand for none: found in any case and padding, and no other id with them."""

import pytest

from consumers.inputs import placeholder_ids
from consumers.inputs.bounds import EventBounds
from consumers.inputs.placeholder_ids import PlaceholderIds
from consumers.settings import ConsumerSettings

CUSTOMERS = [
    "anna",
    "10",
    "00",
    "guest-1",
    "nulla",
    "-12",
    "n",
    "undefined0",
    "O",
    "Ωmega",
    "a a",
    "0001",
    "true story",
]


@pytest.fixture(params=["compiled", "plain"])
def places(request, monkeypatch):
    if request.param == "plain":
        monkeypatch.setattr(placeholder_ids, "_with_ends", None)
    return PlaceholderIds().places


@pytest.mark.parametrize("written", ConsumerSettings().placeholder_ids)
def test_each_is_found_in_any_case_and_padding(places, written):
    forms = [written, written.upper(), written.lower(), written.title(), f" {written}\t", f"\u2003{written}\u00a0"]
    assert places(["anna", *forms, "berta"]) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    "written",
    [
        '"null"',
        "'undefined'",
        "`guest`",
        "\"'null'\"",
        '" "',
        "\u200bnull",
        "null\ufeff",
        "gu\u200best",
        "\uff4e\uff55\uff4c\uff4c",
        "\u00adnull",
        "\u200b",
        '" 0 "',
    ],
)
def test_each_is_found_in_quotes_with_characters_that_nobody_sees_and_in_full_width_letters(places, written):
    assert places(["anna", written, "berta"]) == [1]


@pytest.mark.parametrize("written", ['"anna"', "o'", "'", "d'arc", "\u200banna", "\uff41nna", "'guest", "0'"])
def test_customers_may_be_called_with_quotes(places, written):
    assert places([written]) == []


def test_blank_ids_are_found_and_customers_are_not(places):
    assert places([*CUSTOMERS, " ", "", "\t\n", "\u2003"]) == [len(CUSTOMERS) + i for i in range(4)]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("guest, [object Object],", ("guest", "[object Object]")),
        ('["guest", "a,b"]', ("guest", "a,b")),
        ("[object Object]", ("[object Object]",)),
        ("", ()),
        ("[]", ()),
    ],
)
def test_the_list_is_json_or_separated_by_commas(monkeypatch, text, ids):
    monkeypatch.setenv("SHOAL_PLACEHOLDER_IDS", text)
    assert ConsumerSettings().placeholder_ids == ids


def test_an_empty_list_finds_nothing():
    assert PlaceholderIds(()).places(["null", " ", ""]) == []


def test_the_bounds_of_a_test_are_those_of_the_settings():
    plain, asked = EventBounds(), EventBounds.from_settings(ConsumerSettings())
    assert plain.earliest_ms == asked.earliest_ms
    assert plain.placeholders.places(["null", "anna"]) == asked.placeholders.places(["null", "anna"]) == [0]
