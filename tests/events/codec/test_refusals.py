"""Reasons for refusals: what a value looks like is named with what to do; no regular expressions, no names of types."""

import json
import re

import pytest

from events.codec.struct_decoder import BatchDecoder
from events.schema.example_messages import EXAMPLES
from events.schema.inputs import INPUTS

ORDER = json.dumps(EXAMPLES["orders"]).encode()
ODD_VALUES = [None, True, -1, 1.5, 1e300, "", "x" * 300, "2026-01-01", [], [1], {}, {"a": 1}, "É", "euro"]


def reason(value, topic="orders"):
    (rejection,) = BatchDecoder(INPUTS[topic]).decode([value]).rejections
    return rejection.reason


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b"\0\0\0\0\x07" + ORDER, "Schema Registry"),
        (b"\xef\xbb\xbf" + ORDER, "byte order mark"),
        (ORDER.decode().encode("utf-16"), "byte order mark"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b'{"before": null, "after": {"id": 1}, "op": "c", "source": {}}', "Debezium"),
        (b'{"specversion": "1.0", "type": "order", "data": {}}', "CloudEvent"),
        (b'{"schema": {}, "payload": {"before": null}}', "Kafka Connect"),
    ],
)
def test_what_a_value_looks_like_is_named_with_what_to_do(value, said):
    assert said in reason(value)
    assert "publish" in reason(value)


def test_an_event_that_is_valid_may_have_such_fields():
    event = EXAMPLES["orders"] | {"specversion": "1.0", "before": 1, "after": 2}
    assert BatchDecoder(INPUTS["orders"]).decode([json.dumps(event).encode()]).rejections == []


@pytest.mark.parametrize("topic", INPUTS)
def test_no_reason_shows_a_regular_expression_or_a_type(topic):
    for name in INPUTS[topic].model_fields:
        for odd in ODD_VALUES:
            value = json.dumps(EXAMPLES[topic] | {name: odd}).encode()
            for rejection in BatchDecoder(INPUTS[topic]).decode([value]).rejections:
                said = rejection.reason
                assert not re.search(
                    r"\^\[|Expected|`|regex|pattern|valid (string|integer|dict)|\bNone\b|pydantic", said
                ), said
                assert len(said) < 250, said
