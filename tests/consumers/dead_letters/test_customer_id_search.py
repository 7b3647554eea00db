"""An id is found in refused bytes however it is spelled, and nowhere else."""

import json
import time

import pytest

from consumers.dead_letters.customer_id_search import holds_id, named_texts

ANNA = "anna-7@x.example"
ESCAPED = "".join(f"\\u{ord(each):04x}" for each in ANNA)
UPPER = "".join(f"\\u{ord(each):04X}" for each in ANNA)
FOUND = {
    "JSON": json.dumps({"customer_id": ANNA}).encode(),
    "JSON escapes": f'{{"customer_id": "{ESCAPED}", "amount": "much"}}'.encode(),
    "JSON escapes, upper case": f'{{"customer_id": "{UPPER}"}}'.encode(),
    "escaped slash": json.dumps({"customer_id": ANNA}).replace("@", "\\u0040").encode(),
    "UTF-8 with a mark": json.dumps({"customer_id": ANNA}).encode("utf-8-sig"),
    "UTF-16": json.dumps({"customer_id": ANNA}).encode("utf-16"),
    "UTF-16 without a mark": json.dumps({"customer_id": ANNA}).encode("utf-16-be"),
    "UTF-32": json.dumps({"customer_id": ANNA}).encode("utf-32-le"),
    "UTF-16, cut off": json.dumps({"customer_id": ANNA}).encode("utf-16-le")[:-3],
    "single quotes": f"{{'customer_id': '{ANNA}'}}".encode(),
    "form-encoded": b"amount=much&customer_id=anna-7%40x.example",
    "form-encoded, plus": b"name=a+b&customer_id=+anna-7%40x.example+",
    "padding": json.dumps({"customer_id": f"  {ANNA}\t\n"}).encode(),
    "JSON in JSON": json.dumps({"payload": json.dumps({"customer_id": ANNA})}).encode(),
    "a name twice": f'{{"customer_id": "{ANNA}", "customer_id": "bert"}}'.encode(),
    "in a list, as a name": json.dumps([{ANNA: 1}]).encode(),
    "XML": b"<order><customer>anna-7&#64;x.example</customer></order>",
    "a line of a table": f"1998-01-01;{ANNA};12.5".encode(),
    "cut off": f'{{"customer_id": "{ANNA}", "amo'.encode(),
    "cut off in the id's string": f'{{"customer_id": "{ANNA}'.encode(),
    "an odd quote before it": f'x" {{"customer_id": "{ANNA}"}}'.encode(),
    "not UTF-8 beside it": b'\xff\xfe\x00 {"customer_id": "anna-7@x.example"}',
    "in words": f"refused {ANNA}: no such order".encode(),
}


@pytest.mark.parametrize("spelled", FOUND)
def test_an_id_is_found(spelled):
    assert holds_id(FOUND[spelled], ANNA)
    assert not holds_id(FOUND[spelled], "bert-8"), "who is not in it is not found"
    if spelled != "in words":
        assert ANNA in named_texts(FOUND[spelled]).texts, "also by who knows only a hash of it"


@pytest.mark.parametrize(
    "spelled",
    [b'{"customer_id": 42}', b'{"customer_id": 42.0}', b'{"customer_id": "42"}', b'{"customer_id": 4.2e1}',
     b"{'customer_id': 42}", b"customer_id=42&amount=1", b'{"customer_id": 42, "amo', b"<customer_id>42</customer_id>"],
)  # fmt: skip
def test_a_number_is_an_id_under_the_name_of_one(spelled):
    assert holds_id(spelled, "42")


@pytest.mark.parametrize("spelled", [b'{"customer_id": "7", "amount": 42}', b'{"customer_id": "7", "amount": 42, '])
def test_a_number_elsewhere_is_none(spelled):
    assert not holds_id(spelled, "42")
    assert holds_id(spelled, "7")


def test_part_of_another_id_is_none():
    assert not holds_id(b"refused hannanna", "anna")
    assert not holds_id(b'{"customer_id": "anna-8"}', "anna")


def test_it_says_where_an_id_may_have_been_missed():
    assert named_texts(FOUND["JSON escapes"]).complete
    assert named_texts(FOUND["UTF-16"]).complete
    assert not named_texts(FOUND["single quotes"]).complete
    assert not named_texts(b"\x1f\x8b\x08 compressed").complete


@pytest.mark.parametrize("unit", [b'"\\"', b"'\\", b"[", b'{"a":', b"&#", b"\0\xd8", b"%", b"1e9", b'"1e999999999",'])
def test_no_bytes_take_long(unit):
    content = unit * (300_000 // len(unit))
    began = time.process_time()
    holds_id(content, ANNA)
    assert time.process_time() - began < 10.0
