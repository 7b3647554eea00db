"""Lists of experiments say what the reports say, and judge again only what has changed."""

import pytest

from events.time_units import DAY_MS
from experiments import Tallies
from queries.experiments.experiments import Experiments
from queries.experiments.summaries import ExperimentSummaries
from state.experiments.definitions import ExperimentStore
from state.store import keys
from stream.customers.wall_or_event_time import SegmentClock
from tests.cli.experiment.experimenting import PARTITIONS, counts, tallied
from tests.experiments.tallying import START, experiment

START_MS = round(START.timestamp() * 1000)
BETTER = {"A": counts(2_000, 100), "B": counts(2_000, 200)}
ALIKE = {"A": counts(2_000, 100), "B": counts(2_000, 104)}


class Shop:
    """Experiments in Redis, with a clock that counts how often the time was asked for."""

    def __init__(self, redis):
        self.redis, self.now = redis, 0.0
        self.experiments = Experiments(redis, PARTITIONS, SegmentClock("event"))
        self.day(1)

    def day(self, number):
        self.redis.hset(keys.outcome_counts(0, keys.EXPERIMENTS_GROUP), "watermark", START_MS + round(number * DAY_MS))

    def add(self, *names):
        for name in names:
            plan = experiment().model_copy(update={"id": name})
            ExperimentStore(self.redis).create(name, plan.model_dump_json())

    def tally(self, name, arms):
        tallied(self.redis, name, Tallies({(arm, "s1"): tally for arm, tally in arms.items()}))

    def summaries(self, budget_s=1e9):
        def tick():
            self.now += 1.0
            return self.now

        return {each.experiment.id: each for each in ExperimentSummaries(self.experiments, budget_s, tick).all()}


@pytest.fixture
def shop(redis):
    return Shop(redis)


def test_a_summary_says_what_the_report_says(shop):
    shop.add("banner", "mail", "new")
    shop.tally("banner", BETTER)
    shop.tally("mail", ALIKE)
    for _ in range(2):
        found = shop.summaries()
        for standing in shop.experiments.all():
            said, summary = standing.report, found[standing.experiment.id]
            assert (summary.decision, summary.sentence) == (said.verdict.decision, said.verdict.sentence)
            assert (summary.status, summary.exposed) == (standing.status, sum(a.exposed for a in said.overall.arms))
    assert [found[name].decision for name in ("banner", "mail", "new")] == ["ship", "keep_running", "keep_running"]


def test_what_has_changed_is_judged_again(shop):
    shop.add("banner", "mail")
    shop.tally("banner", ALIKE)
    before = shop.summaries()
    shop.day(1.01)
    shop.tally("banner", BETTER)
    after = shop.summaries()
    assert (before["banner"].decision, after["banner"].decision) == ("keep_running", "ship")
    assert after["banner"].at_ms > before["banner"].at_ms
    assert after["mail"] == before["mail"]


def test_forecasts_are_an_hour_old_at_most(shop):
    shop.add("banner")
    before = shop.summaries()["banner"]
    shop.day(1.1)
    assert shop.summaries()["banner"].at_ms > before.at_ms


def test_where_more_has_changed_than_can_be_judged_in_time_the_oldest_are_judged_first(shop):
    names = [f"e{i}" for i in range(6)]
    shop.add(*names)
    first = shop.summaries(budget_s=0.0)
    assert first.keys() == set(names), "what was never judged is judged, however long that takes"
    seen = []
    for turn in range(1, 4):
        shop.day(1 + turn / 1_000)
        for name in names:
            shop.tally(name, {"A": counts(2_000 + turn, 100), "B": counts(2_000, 200)})
        found = shop.summaries(budget_s=2.0)
        newest = max(each.at_ms for each in found.values())
        seen.append([name for name in names if found[name].at_ms == newest])
    assert [len(each) for each in seen] == [2, 2, 2]
    assert sorted(name for each in seen for name in each) == names
