"""Profiles: whatever the order, grouping and repetition of events, the same document is kept, byte by byte."""

import json
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.codec.id_hashes import event_hashes
from state.customers import profile_documents
from state.customers.profile_documents import merged, read_profiles, without_field_times
from tests.building import NOW_MS, examples, profile_document

ABSENT = object()
FIELDS = ("city", "age", "consent", "attributes")
values = st.none() | st.integers(0, 9) | st.booleans() | st.lists(st.integers(0, 2), max_size=2)
tellings = st.fixed_dictionaries(
    {"at": st.integers(0, 4)},
    optional={
        "city": st.none() | st.sampled_from(["Bonn", "Berlin"]),
        "age": st.none() | st.integers(0, 9),
        "consent": st.none() | st.fixed_dictionaries({"marketing": st.none() | st.booleans()}),
        "attributes": st.none() | st.dictionaries(st.sampled_from(["a", "b", "a.b", ""]), values, max_size=3),
    },
)
histories = st.lists(tellings, min_size=1, max_size=8)


def events_of(history, shift=0):
    """The events of a history, as JSON; few times, so that equal ones are frequent."""
    return [
        profile_document(f"e{i + shift}", NOW_MS + told["at"], **{name: told[name] for name in FIELDS if name in told})
        for i, told in enumerate(history)
    ]


def kept(*documents):
    return merged(read_profiles(documents)).document()


def consent(*documents):
    return (json.loads(kept(*documents))["consent"] or {}).get("marketing")


def told(*documents):
    """What readers see of the documents merged, without the names of the newest event."""
    document = without_field_times(kept(*documents))
    return {name: value for name, value in document.items() if name in FIELDS}


def plainly(history):
    """What the documentation says of a history, in plain Python."""
    by_age = sorted(
        enumerate(history), key=lambda pair: (pair[1]["at"], int(event_hashes([f"e{pair[0]}"], "customers")[0]))
    )
    found, attributes, cleared, consent = {}, {}, False, ABSENT
    for _, telling in by_age:
        found.update({name: telling[name] for name in ("city", "age") if name in telling})
        if "attributes" in telling:
            if telling["attributes"] is None:
                attributes, cleared = {}, True
            else:
                attributes.update(telling["attributes"])
        if "consent" in telling:
            marketing = telling["consent"] and telling["consent"]["marketing"]
            # A no holds until a yes is told; null clears a yes.
            if marketing is not None or consent is not False:
                consent = marketing
    if attributes or cleared:
        found["attributes"] = attributes or None
    if consent is not ABSENT:
        found["consent"] = None if consent is None else {"marketing": consent}
    return found


@given(histories, st.randoms(use_true_random=False))
@examples(300)
def test_any_order_grouping_and_repetition_keeps_the_same_document(history, chance):
    events = events_of(history)
    sent = events + chance.choices(events, k=3)
    chance.shuffle(sent)
    groups = [[] for _ in range(chance.randint(1, 4))]
    for event in sent:
        chance.choice(groups).append(event)
    # Each group is merged, kept and read again, as a micro-batch's are.
    found = kept(*[kept(*group) for group in groups if group])
    assert found == kept(*events)
    assert kept(found) == kept(found, found) == found


@given(histories)
@examples(300)
def test_a_document_holds_what_a_plain_loop_finds(history):
    assert told(*events_of(history)) == plainly(history)


@given(histories, histories, histories)
@examples(100)
def test_merging_is_associative_commutative_and_idempotent(one, two, three):
    a, b, c = (merged(read_profiles(events_of(some, shift))) for shift, some in ((0, one), (10, two), (20, three)))
    together = merged([a, b, c])
    assert merged([merged([a, b]), c]) == merged([a, merged([c, b])]) == merged([c, b, a]) == together
    assert merged([a, a]) == merged([a]) == a
    assert merged([together, b]) == together


@given(histories, st.randoms(use_true_random=False))
@examples(100)
def test_the_newest_attributes_are_kept_in_any_order(history, chance):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(profile_documents, "MAX_ATTRIBUTES", 2)
        events = events_of(history)
        shuffled = chance.sample(events, len(events))
        assert reduce(lambda kept_so_far, event: kept(kept_so_far, event), shuffled[1:], kept(shuffled[0])) == kept(
            *events
        )
        assert len(told(*events).get("attributes") or {}) <= 2


def test_what_an_earlier_release_kept_is_as_of_its_event():
    before = profile_document("old", NOW_MS, city="Bonn", age=None, consent=None, attributes={"a": 1})
    assert told(before, profile_document("later", NOW_MS + 1, age=3)) == {
        "city": "Bonn",
        "age": 3,
        "consent": None,
        "attributes": {"a": 1},
    }
    assert told(before, profile_document("sooner", NOW_MS - 1, age=3, city="Berlin"))["city"] == "Bonn"
    # A no that comes late is a no still.
    assert told(before, profile_document("sooner", NOW_MS - 1, consent={"marketing": False}))["consent"] == {
        "marketing": False
    }


def test_the_document_names_its_newest_event_and_when_other_fields_were_told():
    first = profile_document("first", NOW_MS, city="Bonn", age=3)
    second = profile_document("second", NOW_MS + 1_000, age=4)
    document = json.loads(kept(first, second))
    assert (document["event_id"], document["city"], document["age"]) == ("second", "Bonn", 4)
    assert document["field_times"] == [[NOW_MS, int(event_hashes(["first"], "customers")[0]), "city"]]
    assert "field_times" not in without_field_times(kept(first, second))
    assert "field_times" not in json.loads(kept(first))


def test_values_are_kept_as_they_were_sent():
    attributes = {"vip": True, "tags": ["a", None], "address": {"city": "X"}, "x": None, "big": 10**30, "one": 1.0}
    assert told(profile_document("e", attributes=attributes)) == {"attributes": attributes}
    assert b'"one":1.0' in kept(profile_document("e", attributes=attributes))


NO = {"consent": {"marketing": False}}
OPT_OUTS = {
    "said no": [NO],
    "said no, then a profile with only a city": [NO, {"city": "Berlin"}],
    "said no, then a profile with no consent at all": [NO, {"consent": None, "city": "Bonn"}],
}


@pytest.mark.parametrize("history", OPT_OUTS.values(), ids=OPT_OUTS)
def test_consent_that_was_withdrawn_stays_withdrawn_until_it_is_given_again(history):
    events = events_of([{"at": at} | fields for at, fields in enumerate(history)])
    assert consent(*events) is False
    given_again = profile_document("yes", NOW_MS + 9, consent={"marketing": True})
    assert consent(given_again, *events) is True
