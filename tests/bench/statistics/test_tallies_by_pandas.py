"""The benchmark's truth, by pandas, and the tests' oracle, in plain Python, agree on a simulated experiment."""

import json
from datetime import timedelta

from bench.statistics.experiment_consumer import definition, raw_events
from bench.statistics.tallies_by_pandas import frame, true_tallies
from tests.simulation.watching import START
from tests.tally_oracle import tallied


def test_pandas_and_plain_python_agree():
    events = raw_events(1_500)
    begin = START + timedelta(days=25)
    made = definition(begin, 10)
    shown, orders = (frame([each.value for each in events if each.topic == name]) for name in ("exposures", "orders"))
    found = true_tallies(made, shown, orders)
    described = {
        "id": "banner", "attribution": "orders", "start": begin.isoformat(),
        "stop": (begin + timedelta(days=10)).isoformat(),
        "window_days": 10, "retention_days": 14, "pre_period_days": 20,
    }  # fmt: skip
    cells, _ = tallied([(each.topic, json.loads(each.value)) for each in events], described, lambda *_: "all")
    assert found == {variant: values for (variant, _), values in cells.items()}
    assert found.keys() == {"A", "B"}
    assert all(min(values[:11]) > 0 for values in found.values())
