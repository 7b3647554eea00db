"""Drift on the simulated shop: an alarm after a change, none where nothing changes."""

import pytest

from bench.quality.data.late_regimes import scenario_with_change_on
from bench.quality.data.order_logs import simulated
from bench.quality.drift_alarms import alarms
from events.time_units import DAY_MS

pytestmark = pytest.mark.slow

BASELINE, TURN, DAYS = 360, 420, 510
"""Days; by the baseline the decayed sums of the first customers have settled."""


def alarms_in(scenario, turn):
    log, _ = simulated(scenario_with_change_on(scenario, turn, DAYS), 2_000, 1, DAYS)
    return alarms(log, int(log.columns.times[0]) // DAY_MS * DAY_MS + BASELINE * DAY_MS, 5)


def test_there_is_no_alarm_while_nothing_changes():
    assert alarms_in("promotion", 10_000) == []


@pytest.mark.parametrize("scenario", ["new-group", "dying-group", "promotion"])
def test_a_change_raises_an_alarm_and_not_before_it(scenario):
    found = alarms_in(scenario, TURN)
    assert found
    assert min(each["day"] for each in found) > TURN - BASELINE
