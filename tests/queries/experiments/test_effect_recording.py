"""A decision is stored when it is reached, with the customers by then, and survives the thinning of the series."""

import pytest

from events.time_units import DAY_MS
from experiments import Experiment, Metric, Tallies
from queries.experiments.effect_recording import record_all_effects, record_effect
from queries.experiments.experiments import Experiments
from state.experiments.definitions import ExperimentStore
from state.experiments.effect_series import EffectInterval, EffectPoint, EffectSeriesStore
from state.experiments.reached_decisions import ReachedDecisionStore
from state.store import keys
from stream.customers.wall_or_event_time import SegmentClock
from tests.cli.experiment.experimenting import PARTITIONS, counts, tallied
from tests.experiments.tallying import START, experiment, shop

START_MS = round(START.timestamp() * 1000)
BETTER = {"A": counts(2_000, 100), "B": counts(2_000, 200)}
ALIKE = {"A": counts(4_000, 200), "B": counts(4_000, 240)}


@pytest.fixture
def recording(redis):
    """Sets the tallies at a day of the shop, and records as the service does."""
    experiments = Experiments(redis, PARTITIONS, SegmentClock("event"))
    series, decisions = EffectSeriesStore(redis), ReachedDecisionStore(redis)
    plan = experiment()
    ExperimentStore(redis).create(plan.id, plan.model_dump_json())

    def record(day, arms):
        redis.hset(keys.outcome_counts(0, keys.EXPERIMENTS_GROUP), "watermark", START_MS + day * DAY_MS)
        for partition in range(PARTITIONS):
            redis.delete(keys.tally(partition, plan.id))
        tallied(redis, plan.id, Tallies({(name, "s1"): tally for name, tally in arms.items()}))
        record_effect(experiments.all()[0], series, decisions)
        return experiments.report(experiments.get(plan.id)).report

    return record


def days_of(report):
    return [(each.decision, each.variant, (each.at - START).days, each.exposed) for each in report.reached]


@pytest.mark.long
def test_a_decision_is_reached_once_and_stays_where_it_was_however_long_the_series_grows(recording):
    recording(1, {"A": counts(50, 5), "B": counts(50, 5)})
    first = recording(3, BETTER)
    assert days_of(first) == [("keep_running", None, 1, 100), ("ship", "B", 3, 4_000)]
    for day in range(4, 300):
        found = recording(day, {name: counts(2_000 + day, tally.converted) for name, tally in BETTER.items()})
    assert days_of(found) == days_of(first)


def test_a_finding_that_goes_away_is_kept_as_one(recording):
    recording(3, BETTER)
    found = recording(5, ALIKE)
    assert days_of(found) == [("ship", "B", 3, 4_000), ("keep_running", None, 5, 8_000)]
    assert found.verdict.decision == "keep_running"
    assert [each[2] for each in days_of(recording(9, {"A": counts(9_000, 450), "B": counts(9_000, 600)}))] == [3, 5, 9]


def test_the_series_of_an_earlier_release_is_taken_over(recording, redis):
    series = EffectSeriesStore(redis)
    for day, decision in ((1, "keep_running"), (2, "ship"), (3, "ship")):
        point = EffectPoint(START_MS + day * DAY_MS, 1_000 * day, decision, {"B": EffectInterval(0.1, 0.0, 0.2)})
        series.add("banner", point)
    assert days_of(recording(7, BETTER)) == [("keep_running", None, 1, 1_000), ("ship", "B", 2, 2_000)]


def test_what_is_recorded_is_what_decides(redis):
    """After CUPED where that decides, always valid where the experiment is."""
    plan = experiment(primary_metric=Metric.REVENUE_PER_CUSTOMER)
    ExperimentStore(redis).create(plan.id, plan.model_dump_json())
    arms = {"A": shop(31, 3_000, correlation=0.95), "B": shop(32, 3_000, correlation=0.95)}
    tallied(redis, plan.id, Tallies({(name, "s1"): tally for name, tally in arms.items()}))
    experiments = Experiments(redis, PARTITIONS, SegmentClock("event"))
    series = EffectSeriesStore(redis)
    record_all_effects(experiments, series, ReachedDecisionStore(redis), 60.0)
    (row,) = experiments.report(Experiment.model_validate(plan)).report.overall.comparisons
    assert row.decided_by == "cuped"
    assert series.read(plan.id)[0].effects["B"] == (row.cuped.effect, *row.cuped.sequential.ci)
