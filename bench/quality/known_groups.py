"""Do the segments find groups that are known? And how well could anybody tell the groups apart?"""

import json
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from threadpoolctl import threadpool_limits

from batch.candidate import build_candidate
from batch.data.customer_table import CustomerTable
from batch.data.table_from_event_files import CustomerTableBuilder
from batch.fit_options import FitOptions
from bench.quality.data.worker_on_redis import HALF_LIFE_MS
from simulation.event_merging import TOPICS, TRUTH
from simulation.scenarios.named_scenarios import named_scenario
from simulation.scenarios.scenario import Scenario
from simulation.shop import Shop
from stream.customers.features import FEATURES

__all__ = ["measure_known_groups", "shop_of"]

Labels = npt.NDArray[np.str_]

_START: Final = datetime(2025, 1, 1, tzinfo=UTC)
_SHOPS: Final = {"default": 365, "stationary": 300, "separate-groups": 300}
_SEEDS: Final = range(1, 6)
_CUSTOMERS: Final = 2_000
_FIT_SEED: Final = 42


def shop_of(scenario: Scenario, customers: int, seed: int, days: int) -> tuple[CustomerTable, Labels]:
    """Return the customers of a simulated shop after so many days, folded from its events, and their true groups."""
    log, groups = CustomerTableBuilder(half_life_ms=HALF_LIFE_MS), dict[str, str]()
    for batch in Shop(scenario, customers, seed, _START).batches(days):
        for place, topic in enumerate(TOPICS):
            if rejected := log.add(topic, batch.of(place).values.tolist()):
                raise ValueError(f"an event of the simulated shop was refused: {rejected[0].reason}")
        for line in map(json.loads, batch.of(TRUTH).values):
            if line["kind"] == "customer":
                groups[line["customer_id"]] = line["group"]
    table = log.table()
    return table, np.array([groups[name] for name in table.ids])


def measure_known_groups() -> dict[str, Any]:
    """Return, by shop and seed, adjusted Rand indices against the truth.

    `default`: a re-baseline of recency, frequency and monetary of all, without the stages of the lifecycle. `lifelong`:
    of orders, average order value and recency. `told`: a gradient-boosted classifier with every feature, told the
    groups of four fifths of the customers, on the last fifth. No clustering is told anything, so where even that one
    fails, the customers do not show their group.
    """
    found: dict[str, Any] = {}
    for name, days in _SHOPS.items():
        found[name] = []
        for seed in _SEEDS:
            table, truth = shop_of(named_scenario(name), _CUSTOMERS, seed, days)
            found[name].append(
                {
                    "default": _found(table, truth, _RFM),
                    "lifelong": _found(table, truth, _LIFELONG),
                    "told": _told(table, truth),
                }
            )
    return found


_RFM: Final = FitOptions(features=("recency", "frequency", "monetary"), lifecycle=None)
_LIFELONG: Final = FitOptions(features=("orders", "average_order_value", "recency"), lifecycle=None)


def _found(table: CustomerTable, truth: Labels, options: FitOptions) -> dict[str, float]:
    made = build_candidate(table, options, number=1, seed=_FIT_SEED, now=_START)
    return {"agreement": float(adjusted_rand_score(truth, made.labels)), "k": made.k}


def _told(table: CustomerTable, truth: Labels) -> float:
    folds = StratifiedKFold(5, shuffle=True, random_state=_FIT_SEED)
    with threadpool_limits(1):
        said = cross_val_predict(
            HistGradientBoostingClassifier(random_state=_FIT_SEED), table.matrix(list(FEATURES)), truth, cv=folds
        )
    return float(adjusted_rand_score(truth, said))
