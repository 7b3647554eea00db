"""A dead letter holds the refused message whole, where it stood, and why."""

import base64

import pytest

from consumers.dead_letters.letter import RejectedMessage, dead_letter
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
