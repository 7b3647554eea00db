"""What experiments hold of a person: exposures, the share in the tallies, and the purchases behind it."""

from collections.abc import Sequence
from typing import Any

import redis

from events.codec.amount_columns import SCALE
from events.codec.instants import rfc3339
from events.topics.partitioning import partition_of
from experiments import Experiment
from queries.customers.purchases import purchases_of
from queries.subject_access.held_data import HeldData
from state.experiments.definitions import ExperimentStore
from state.experiments.enrolments import Enrolments, experiment_hash
from state.experiments.exposed_customers import ExposedCustomers, out_of_comparison, segment_id
from state.store import keys

__all__ = ["add_experiment_data"]


def add_experiment_data(held: HeldData, client: redis.Redis, ids: Sequence[str], partitions: int) -> None:
    """Add what experiments hold under a person's ids."""
    store: Any = client
    definitions = ExperimentStore(client).all()
    names = {experiment_hash(name): name for name in definitions}
    for customer_id in ids:
        home = partition_of(customer_id, partitions)
        made = purchases_of(client, customer_id, partitions)
        found: list[dict[str, Any]] = [
            {"customer_id": customer_id, "at": rfc3339(each.at_ms), "kind": each.kind, "amount": each.amount}
            for each in made
        ]
        held.add("purchases", keys.purchases(home), found)
        if not made and store.hexists(keys.purchases(home), customer_id):
            held.keys[keys.purchases(home)] = "purchases"
        enrolled = store.hget(keys.enrolled(home), customer_id)
        hashes = [] if enrolled is None else Enrolments.unpack([enrolled]).lists.values.tolist()
        enrolments = [{"customer_id": customer_id, "experiment": names.get(each, str(each))} for each in hashes]
        held.add("enrolments", keys.enrolled(home), enrolments)
        for name, definition in definitions.items():
            value = store.hget(keys.exposed(home, name), customer_id)
            if value is not None:
                share = _share(value, Experiment.model_validate_json(definition))
                held.add("exposures", keys.exposed(home, name), [{"customer_id": customer_id, **share}])


def _share(value: bytes, experiment: Experiment) -> dict[str, Any]:
    """Return a first exposure and what the person adds to the tally of its variant."""
    customer = ExposedCustomers.unpack([value])
    row, place = customer.rows[0], int(customer.rows[0]["variant"])
    variants = [each.name for each in experiment.variants]
    counts = ("exposures", "orders", "retention_orders", "before", "after", "unmatched")
    return {
        "experiment": experiment.id,
        "variant": variants[place] if place < len(variants) else str(place),
        "segment_id": segment_id(int(row["segment"])),
        "first_exposed_at": rfc3339(int(row["first_at"])),
        "in_comparison": not bool(out_of_comparison(customer.rows)[0]),
        **{name: int(row[name]) for name in counts},
        "revenue": int(row["revenue"]) / SCALE,
        "pre_revenue": int(row["pre_revenue"]) / SCALE,
    }
