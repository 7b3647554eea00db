"""Which merges hold: each customer once, never into itself, and the same whenever it is decided again."""

from hypothesis import given
from hypothesis import strategies as st

from consumers.inputs.identities import IdentityColumns
from consumers.merges.identity_decisions import decide_merges
from tests.building import examples, hashes_of, ints


def events(pairs):
    previous, survivors = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    return IdentityColumns(survivors, hashes_of(len(pairs)), ints([0] * len(pairs)), previous)


def known(merged):
    return lambda ids: {name: merged[name] for name in ids if name in merged}


def person(merged, name):
    seen = set()
    while name in merged:
        assert name not in seen, "a merge goes round in a circle"
        seen.add(name)
        name = merged[name]
    return name


def test_a_chain_holds_whatever_comes_first():
    for pairs in ([("a", "b"), ("b", "c")], [("b", "c"), ("a", "b")]):
        decided = decide_merges(events(pairs), known({}))
        assert decided.merged == {"a": "b", "b": "c"}
        assert not decided.refused


def test_of_both_directions_the_later_is_refused():
    decided = decide_merges(events([("a", "b"), ("b", "a")]), known({}))
    assert decided.merged == {"a": "b"}
    assert "both directions cannot hold" in decided.refused[1]


def test_a_way_back_through_others_is_refused():
    decided = decide_merges(events([("c", "a")]), known({"a": "b", "b": "c"}))
    assert not decided.merged
    assert "'c' is the id of this person" in decided.refused[0]


def test_a_second_survivor_is_refused_and_the_reason_names_the_two():
    decided = decide_merges(events([("a", "d")]), known({"a": "b", "b": "c"}))
    assert "merged into 'b' before" in decided.refused[0]
    assert "'c' and 'd'" in decided.refused[0]


def test_what_is_known_is_counted_as_repeated():
    decided = decide_merges(events([("a", "b"), ("a", "c"), ("a", "b")]), known({"a": "b", "b": "c"}))
    assert (decided.merged, decided.refused, decided.repeated) == ({}, {}, 3)


names = st.sampled_from("abcdef")
merges = st.lists(st.tuples(names, names).filter(lambda pair: pair[0] != pair[1]), max_size=12)


@given(merges, st.integers(0, 12))
@examples(200)
def test_decisions_are_the_same_in_any_batches_and_when_they_are_made_again(pairs, cut):
    whole = decide_merges(events(pairs), known({}))
    first = decide_merges(events(pairs[:cut]), known({}))
    second = decide_merges(events(pairs[cut:]), known(first.merged))
    assert first.merged | second.merged == whole.merged
    assert len(first.refused) + len(second.refused) == len(whole.refused)
    for name in "abcdef":
        person(whole.merged, name)
    assert not decide_merges(events(pairs), known(whole.merged)).merged
