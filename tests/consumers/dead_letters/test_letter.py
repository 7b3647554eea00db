"""A dead letter holds the refused message whole, where it stood, and why."""

import base64

import pytest

from consumers.broker.message_headers import pack_headers
from consumers.dead_letters.letter import MAX_VALUE_BYTES, RejectedMessage, dead_letter
from consumers.dead_letters.stored_letters import Letter
from events.codec.byte_columns import BinaryColumn
from events.schema.outputs import DeadLetter
from tests.building import NOW, NOW_MS, topic_slice

MESSAGES = topic_slice(
    "t-orders", [(3, 7, b"a", b"good"), (5, 2**40, b"\xff\0key", b'{"amount": \xfe}'), (5, 9, None, None)]
)


def letter_of(position, reason="it is odd"):
    return DeadLetter.model_validate_json(dead_letter(RejectedMessage(MESSAGES, position, reason), NOW_MS))


def test_it_says_where_the_message_stood_and_why_it_was_refused():
    letter = letter_of(1, 'amount: should be a "number" – ✗')
    assert (letter.topic, letter.partition, letter.offset) == ("t-orders", 5, 2**40)
    assert letter.reason == 'amount: should be a "number" – ✗'
    assert letter.dead_lettered_at == NOW


@pytest.mark.parametrize("position", [0, 1])
def test_the_bytes_come_back_whole_whatever_they_are(position):
    letter = letter_of(position)
    assert base64.b64decode(letter.key) == MESSAGES.keys[position]
    assert base64.b64decode(letter.value) == MESSAGES.values[position]


def test_a_missing_key_or_value_is_null():
    letter = letter_of(2)
    assert (letter.key, letter.value) == (None, None)


def test_the_headers_come_back_in_their_order():
    headers = [("trace", b"\xff"), ("trace", None), ("source", b"shop")]
    messages = MESSAGES._replace(packed_headers=BinaryColumn.of([b"", pack_headers(headers), b""]))
    letter = DeadLetter.model_validate_json(dead_letter(RejectedMessage(messages, 1, "odd"), NOW_MS))
    assert Letter("", letter, None).headers == headers
    assert letter_of(1).headers == []


def test_headers_that_do_not_fit_beside_the_value_are_left_out_and_told_of():
    value, packed = b"x" * (MAX_VALUE_BYTES - 1_000), pack_headers([("trace", b"t" * 2_000)])
    messages = topic_slice("t-orders", [(0, 1, b"a", value)])._replace(packed_headers=BinaryColumn.of([packed]))
    letter = DeadLetter.model_validate_json(dead_letter(RejectedMessage(messages, 0, "odd"), NOW_MS))
    assert letter.headers == []
    assert letter.reason == "odd; its headers do not fit into a dead letter"
    assert len(base64.b64decode(letter.value)) == len(value)
