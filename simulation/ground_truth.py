"""What is true of a simulated shop, as JSON Lines beside its events: first the scenario, then each customer."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from events.arrays import Ints
from simulation.behaviour.ab_test import Experiment
from simulation.customers.groups import Group
from simulation.customers.population import customer_ids, group_sizes
from simulation.event_json import instants
from simulation.scenarios.scenario import Scenario

__all__ = ["customer_lines", "departure_lines", "scenario_truth"]


def scenario_truth(scenario: Scenario, customers: int, seed: int, start: datetime) -> dict[str, Any]:
    """Return the truth of the whole run: groups, scripted changes, effects of the experiment, all parameters."""

    def at(day: int) -> str:
        return (start.astimezone(UTC) + timedelta(days=day)).isoformat().replace("+00:00", "Z")

    sizes = group_sizes(scenario.groups, customers).tolist()
    experiment = scenario.experiment
    return {
        "kind": "scenario",
        "name": scenario.name,
        "seed": seed,
        "customers": customers,
        "start": at(0),
        "groups": [
            _group_truth(group, size) | {"from": at(group.from_day)}
            for group, size in zip(scenario.groups, sizes, strict=True)
        ],
        "changes": _changes(scenario, at),
        "experiment": experiment and _experiment_truth(experiment, scenario.group_names, at),
        "scenario": scenario.model_dump(mode="json"),
    }


def _group_truth(group: Group, size: int) -> dict[str, Any]:
    buying = group.buying
    leaves = buying.dropout.a / (buying.dropout.a + buying.dropout.b) if buying.dropout else 0.0
    return {
        "group": group.name,
        "customers": size,
        "orders_per_week": buying.r / buying.alpha,
        "dropout": leaves,
        "mean_order": group.spend.mean,
    }


def _changes(scenario: Scenario, at: Any) -> list[dict[str, Any]]:
    """Return the scripted changes by time: regimes that begin and end, groups that appear later."""
    found = [(group.from_day, f"group {group.name} appears", [group.name]) for group in scenario.groups]
    changes = [each for each in found if each[0] > 0]
    for regime in scenario.regimes:
        groups = regime.groups or scenario.group_names
        changes.append((regime.from_day, f"{regime.name} begins", groups))
        if regime.until_day is not None:
            changes.append((regime.until_day, f"{regime.name} ends", groups))
    changes.sort(key=lambda change: change[0])
    return [{"at": at(day), "day": day, "change": what, "groups": groups} for day, what, groups in changes]


def _experiment_truth(experiment: Experiment, groups: Sequence[str], at: Any) -> dict[str, Any]:
    return {
        "experiment": experiment.experiment,
        "control": experiment.control,
        "from": at(experiment.from_day),
        "until": at(experiment.until_day),
        "effects": [
            {
                "group": group,
                "variant": variant,
                "conversion_rate": experiment.rate(group, variant),
                "conversion_effect": experiment.effect(group, variant).conversion,
                "purchase_rate": experiment.effect(group, variant).purchase_rate,
            }
            for group in groups
            for variant in experiment.variants
        ],
    }


def customer_lines(people: npt.NDArray[np.void], scenario: Scenario) -> list[bytes]:
    """Return one line for each customer (n,): group, traits, variant."""
    names = [json.dumps(name) for name in scenario.group_names]
    shapes = np.array([group.spend.p for group in scenario.groups])
    experiment = scenario.experiment
    variants = [json.dumps(name) for name in experiment.variants] if experiment else ["null"]
    rows = zip(
        customer_ids(people["number"]),
        people["group"].tolist(),
        instants(people["joined"]),
        (people["rate"] * 7).tolist(),
        people["dropout"].tolist(),
        (shapes[people["group"]] / people["nu"]).tolist(),
        people["online"].tolist(),
        people["variant"].tolist(),
        strict=True,
    )
    return [
        f'{{"kind":"customer","customer_id":"{customer}","group":{names[group]},"joined_at":"{joined}",'
        f'"orders_per_week":{rate:.9g},"dropout":{dropout:.9g},"mean_order":{order:.9g},'
        f'"online":{"true" if online else "false"},"variant":{variants[variant]}}}'.encode()
        for customer, group, joined, rate, dropout, order, online, variant in rows
    ]


def departure_lines(customers: Sequence[str], at: Ints, reason: str) -> list[bytes]:
    """Return one line for each customer that leaves for good."""
    rows = zip(customers, instants(at), strict=True)
    return [
        f'{{"kind":"left","customer_id":"{customer}","at":"{when}","reason":"{reason}"}}'.encode()
        for customer, when in rows
    ]
