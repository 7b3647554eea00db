"""Ids of orders and sessions that stand for none are found by their hashes, and no other id with them."""

import pytest

from consumers.inputs.placeholder_hashes import PlaceholderHashes
from consumers.settings import PLACEHOLDER_IDS
from events.codec.id_hashes import text_hashes

NAMES = ["1007", "0", "SO-77", "nullable", "undefined-1", "guest 5", "12", "-12"]


@pytest.mark.parametrize("written", [each for each in PLACEHOLDER_IDS if each != "0"])
def test_each_is_found_as_programs_write_it(written):
    cases = [written, written.lower(), written.upper(), written.title()]
    forms = [*cases, f'"{written}"', f"'{written.upper()}'", f" {written}", f"{written.lower()} ", f" {written} "]
    found = PlaceholderHashes()
    assert found.places(text_hashes([*NAMES, *forms])) == [len(NAMES) + i for i in range(len(forms))]
    assert all(repr(form) in found.refusal(form, "order_id") for form in forms)


def test_other_ids_are_names():
    found = PlaceholderHashes()
    assert found.places(text_hashes([*NAMES, *(f"o-{i}" for i in range(200_000))])) == []
    assert [found.refusal(name, "order_id") for name in NAMES] == [None] * len(NAMES)


def test_what_a_shop_lists_are_customers_and_what_it_leaves_out_are_names():
    asked = PlaceholderHashes(["4711", "undefined"])
    assert asked.places(text_hashes(["4711", "undefined", "null", " "])) == [1, 3]
    assert PlaceholderHashes([]).places(text_hashes(["undefined", " "])) == []
