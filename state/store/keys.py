"""The names of the keys in Redis. All that partition p owns carries the hash tag `{p}`, so it lives in one slot."""

from collections.abc import Iterable
from typing import Final

SEGMENTS_GROUP: Final = "segments"
"""The consumer group that folds orders, web sessions and profiles."""

EXPERIMENTS_GROUP: Final = "experiments"
"""The consumer group that tallies exposures, conversions and orders."""

BASELINE_CURRENT: Final = "baseline:current"
BASELINE_LAST: Final = "baseline:last"
MODEL_CURRENT: Final = "model:current"
FORMAT: Final = "format"
TRIGGERS: Final = "triggers"
DEAD_DELIVERIES: Final = "deliveries:dead"
ATTEMPTS: Final = "deliveries:attempts"
REPLAYED: Final = "dead-letters:replayed"
WORKERS: Final = "workers"
EXPERIMENT_WORKERS: Final = "workers:experiments"
TRIGGER_WORKERS: Final = "workers:triggers"
EXPERIMENTS: Final = "experiments"
"""Set: the ids of all experiments."""
EFFECT_SERIES_TURN: Final = "looks:turn"
"""String that expires: one API process looks at the experiments, not each of them."""
SUPPRESSED_SCOPES: Final = "suppressed"
"""Set: the scopes that have had customers."""
BATCH_LOCK: Final = "lock:batch"
ERASURE_LOCK: Final = "lock:erasure"
ERASURES: Final = "erasures"
"""Hash: customer who is being erased → when that was asked for, ms; the id leaves it when nothing holds it any more."""
DRIFT: Final = "drift"
DRIFT_OBSERVATIONS: Final = "drift:observations"


def customers(partition: int) -> str:
    """Hash: customer_id → packed record."""
    return f"customers:{{{partition}}}"


def profiles(partition: int) -> str:
    """Hash: customer_id → the newest CRM profile as JSON."""
    return f"profiles:{{{partition}}}"


def offsets(partition: int, group: str) -> str:
    """Hash: topic → the next offset to read."""
    return f"offsets:{{{partition}}}:{group}"


def epoch(partition: int, group: str) -> str:
    """Integer: bumped by each worker that takes the partition over."""
    return f"epoch:{{{partition}}}:{group}"


def outcome_counts(partition: int, group: str) -> str:
    """Hash: `<topic>:<outcome>` → number of events, `watermark` → ms, and `revision` → number of writes."""
    return f"fates:{{{partition}}}:{group}"


def outbox(partition: int) -> str:
    """List: segment changes saved but not yet acknowledged by Kafka."""
    return f"outbox:{{{partition}}}"


def flows(partition: int, day: str) -> str:
    """Hash: `<from>:<to>:<cause>` → moves of one day; expires."""
    return f"flows:{{{partition}}}:{day}"


def model(partition: int) -> str:
    """Hash: sums and counts by centroid of the partition's customers, and the baseline they are under."""
    return f"model:{{{partition}}}"


def segment(customer_id: str) -> str:
    """String: the customer's current segment as JSON, for readers."""
    return segments([customer_id])[0]


def segments(customer_ids: Iterable[str]) -> list[str]:
    """Return the keys of many customers' segments: thousands a batch, for which a call each is too much."""
    return [f"segment:{customer_id}" for customer_id in customer_ids]


def baseline(number: int) -> str:
    """String: one baseline as JSON."""
    return f"baseline:{number}"


def erased(partition: int) -> str:
    """Set: salted hashes of the partition's erased customers."""
    return f"erased:{{{partition}}}"


def erasing(partition: int) -> str:
    """Set: customers whom the partition's owner is asked to erase."""
    return f"erasing:{{{partition}}}"


def deliveries(trigger: str) -> str:
    """Hash: delivery id → what the trigger's webhook has still to be told, as JSON."""
    return f"deliveries:{{{trigger}}}"


def deliveries_due(trigger: str) -> str:
    """Sorted set: delivery ids by the time when each is due, ms."""
    return f"deliveries:{{{trigger}}}:due"


def deliveries_seen(trigger: str) -> str:
    """Sorted set: delivery ids of the last week by the time when each came, ms."""
    return f"deliveries:{{{trigger}}}:seen"


def contacts(customer_id: str) -> str:
    """Sorted set: what was sent about a customer, by time, ms; kept for as long as a cap counts."""
    return f"contacts:{customer_id}"


def experiment(experiment_id: str) -> str:
    """String: one experiment's definition as JSON."""
    return f"experiment:{experiment_id}"


def purchases(partition: int) -> str:
    """Hash: customer_id → the customer's recent orders and conversions, packed."""
    return f"purchases:{{{partition}}}"


def exposed(partition: int, experiment_id: str) -> str:
    """Hash: customer_id → when first exposed, to what, in which segment, and what the customer counts for, packed."""
    return f"exposed:{{{partition}}}:{experiment_id}"


def tally(partition: int, experiment_id: str) -> str:
    """Hash: sums of an experiment's customers by `<variant>/<segment_id>`, and counts of what was left out."""
    return f"tally:{{{partition}}}:{experiment_id}"


def looks(experiment_id: str) -> str:
    """List: what was seen of an experiment from time to time, as JSON, the oldest first; bounded."""
    return f"looks:{experiment_id}"


def suppressed(scope: str) -> str:
    """Set: the customers that a scope leaves out; `all`, `campaign:<name>` or `segment:<id>`."""
    return f"suppressed:{scope}"


def baseline_report(number: int) -> str:
    """String: what the report of a baseline is made from, as JSON."""
    return f"baseline:{number}:report"
