"""Decisions are kept when they are reached, in order, bounded, each once while it stands."""

from state.experiments.reached_decisions import ReachedDecision, ReachedDecisionStore


def test_a_decision_is_kept_when_it_is_reached_and_not_again_while_it_stands(redis):
    store = ReachedDecisionStore(redis)
    first = ReachedDecision("ship", "B", 1_000, 694)
    for reached in (first, first._replace(at_ms=2_000, exposed=800), ReachedDecision("keep_running", None, 3_000, 900)):
        store.add("banner", reached)
    assert store.read("banner") == [first, ReachedDecision("keep_running", None, 3_000, 900)]
    store.add("banner", first._replace(at_ms=4_000))
    store.add("banner", first._replace(variant="C", at_ms=5_000))
    assert [each.at_ms for each in store.read("banner")] == [1_000, 3_000, 4_000, 5_000]
    assert store.read("other") == []


def test_a_decision_that_comes_and_goes_does_not_grow_without_limit(redis):
    store = ReachedDecisionStore(redis)
    for at in range(301):
        store.add("banner", ReachedDecision("ship" if at % 2 else "keep_running", None, at, at))
    found = [each.at_ms for each in store.read("banner")]
    assert len(found) <= 101
    assert found == sorted(found)
    assert found[0] == 0
    assert found[-40:] == list(range(261, 301))
