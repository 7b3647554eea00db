"""The looks at an experiment are kept in order, bounded, the newer ones whole."""

from state.experiments.effect_series import EffectInterval, EffectPoint, EffectSeriesStore


def look(at_ms: int) -> EffectPoint:
    return EffectPoint(at_ms, 10 + at_ms, "keep_running", {"free": EffectInterval(0.01, -0.02, None)})


def test_a_look_comes_back_as_it_was(redis):
    store = EffectSeriesStore(redis)
    store.add("banner", look(1))
    store.add("other", look(2))
    assert store.read("banner") == [look(1)]
    assert store.read("nothing") == []


def test_a_long_series_keeps_its_first_and_its_newest_looks(redis):
    store = EffectSeriesStore(redis)
    for at in range(1_000):
        store.add("banner", look(at))
    found = [each.at_ms for each in store.read("banner")]
    assert len(found) <= 240
    assert found == sorted(found)
    assert found[0] == 0
    assert found[-100:] == list(range(900, 1_000))


def test_one_process_has_the_turn(redis):
    assert EffectSeriesStore(redis).claim_turn(30.0)
    assert not EffectSeriesStore(redis).claim_turn(30.0)
