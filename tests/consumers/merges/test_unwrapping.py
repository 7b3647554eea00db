"""The topic of merges: what is on it is read, whatever else is on it is rejected with the reason."""

import json

from consumers.merges.messages import (
    CustomerHandover,
    ForwardedEvent,
    MergeDecision,
    encode_merge_message,
    with_customer_id,
)
from consumers.merges.unwrapping import unwrap_merges
from tests.building import topic_slice

DECISION = MergeDecision("visitor", "anna")
HANDOVER = CustomerHandover("visitor", "anna", {"record": b"\x00\xff"}, ["cookie"])
EVENT = ForwardedEvent("visitor", "anna", "orders", b'{"customer_id":"anna"}', b"")


def sent(values):
    return topic_slice("merges-segments", [(0, offset, b"anna", value) for offset, value in enumerate(values)])


def test_messages_are_read_as_they_were_written():
    values = [encode_merge_message(each) for each in (DECISION, EVENT, HANDOVER)]
    unwrapped = unwrap_merges(sent(values), ["orders"])
    assert [message for _, message in unwrapped.messages] == [DECISION, HANDOVER]
    (orders,) = unwrapped.events
    assert (orders.topic, orders.values.tolist(), orders.keys.tolist()) == ("orders", [EVENT.value], [b"anna"])
    assert orders.offsets.tolist() == [1]
    assert not unwrapped.rejections


def test_other_bytes_are_rejected_with_the_reason():
    values = [None, b"", b"hello", b"{}", b'{"kind": "other"}', b"\xff", encode_merge_message(EVENT)]
    unwrapped = unwrap_merges(sent(values), [])
    assert not unwrapped.messages
    assert [each.index for each in unwrapped.rejections] == list(range(7))
    assert "no events of 'orders' are read here" in unwrapped.rejections[-1].reason


def test_an_event_gets_another_customer_and_keeps_all_else():
    value = b'\xef\xbb\xbf{"amount": 1.50, "customer_id": "a", "n": 12345678901234567890123, "t": "\\u00e9"}'
    changed = with_customer_id(value, 'b "c"')
    assert b"1.50" in changed
    assert b"12345678901234567890123" in changed
    assert json.loads(changed)["customer_id"] == 'b "c"'
    assert json.loads(changed)["t"] == "é"
