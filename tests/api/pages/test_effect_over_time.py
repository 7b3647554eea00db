"""The service looks at experiments by itself, keeps what changed, and the page draws it."""

from api.access.scopes import Scope
from api.pages.figures.effect_over_time import effect_over_time_chart
from events.time_units import DAY_MS
from queries.experiments.effect_recording import record_effect
from queries.experiments.experiments import Experiments
from state.experiments.effect_series import EffectInterval, EffectPoint, EffectSeriesStore
from state.experiments.reached_decisions import ReachedDecision, ReachedDecisionStore
from state.store import keys
from stream.customers.wall_or_event_time import SegmentClock
from tests.api.conftest import PARTITIONS
from tests.api.endpoints.test_experiments import BANNER


def looks(*told: tuple[float, float, float]) -> list[EffectPoint]:
    return [
        EffectPoint(
            at * DAY_MS, 100 * (at + 1), "keep_running" if low <= 0 else "ship", {"B": EffectInterval(mid, low, high)}
        )
        for at, (low, mid, high) in enumerate(told)
    ]


def test_nothing_is_kept_before_somebody_is_exposed_nor_twice(shop):
    shop.post("/v1/experiments", BANNER, Scope.EXPERIMENTS_WRITE)
    experiments = Experiments(shop.redis, PARTITIONS, SegmentClock("event"))
    store, decisions, name = EffectSeriesStore(shop.redis), ReachedDecisionStore(shop.redis), BANNER["id"]
    record_effect(experiments.all()[0], store, decisions)
    assert decisions.read(name) == []
    assert store.read(name) == []
    shop.redis.hset(keys.tally(0, name), "A/s1", "7")
    standing = experiments.all()[0]
    record_effect(standing, store, decisions)
    record_effect(standing, store, decisions)
    (kept,) = store.read(name)
    assert kept.exposed == 7
    assert kept.at_ms == round(standing.report.at.timestamp() * 1000)
    assert decisions.read(name) == [ReachedDecision("keep_running", None, kept.at_ms, 7)]


def test_the_band_is_the_interval_and_rates_are_in_points():
    figure = effect_over_time_chart(looks((-0.02, 0.01, 0.04), (0.005, 0.02, 0.035)), rate=True)
    low, high, line = figure["data"]
    assert (low["y"], high["y"], line["y"]) == ([-2.0, 0.5], [4.0, 3.5], [1.0, 2.0])
    assert high["fill"] == "tonexty"
    assert line["x"] == ["1970-01-01 00:00:00", "1970-01-02 00:00:00"]


def test_one_look_is_no_series_and_what_cannot_be_said_is_left_out():
    assert effect_over_time_chart(looks((-0.02, 0.01, 0.04)), rate=True) is None
    unknown = EffectPoint(0, 5, "keep_running", {"B": EffectInterval(None, None, None)})
    figure = effect_over_time_chart([unknown, *looks((-1.0, 0.0, 1.0), (-0.5, 0.0, 0.5))], rate=False)
    assert figure["data"][2]["y"] == [0.0, 0.0]
