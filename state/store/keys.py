"""The names of the keys in Redis. Keys of partition p have the hash tag `{p}`, so a cluster keeps them in one slot."""

from collections.abc import Callable, Iterable
from typing import Final


def _of_partition(name: str) -> Callable[[int], str]:
    return lambda partition: f"{name}:{{{partition}}}"


def _of_partition_and(name: str) -> Callable[[int, str], str]:
    return lambda partition, other: f"{name}:{{{partition}}}:{other}"


def _of_trigger(name: str, suffix: str = "") -> Callable[[str], str]:
    return lambda trigger: f"{name}:{{{trigger}}}{suffix}"


def _of(name: str) -> Callable[[str], str]:
    return lambda other: f"{name}:{other}"


SEGMENTS_GROUP: Final = "segments"
"""The consumer group that folds orders, web sessions and profiles."""

EXPERIMENTS_GROUP: Final = "experiments"
"""The consumer group that tallies exposures, conversions and orders."""

TRIGGERS_GROUP: Final = "triggers"
"""The consumer group that queues the deliveries of segment changes."""

BASELINE_CURRENT: Final = "baseline:current"
BASELINE_LAST: Final = "baseline:last"
MODEL_CURRENT: Final = "model:current"
FORMAT: Final = "format"
TRIGGERS: Final = "triggers"
API_KEYS: Final = "api:keys"
"""Hash: id of an API key → the key as JSON, with the hash of its secret."""
ENTRIES: Final = "entries"
"""Hash: `next`, the offset up to which the topic of entries is in Redis; `salt`, of the keys of suppressions there."""
ENTRIES_LOCK: Final = "lock:entries"
"""String that expires: what people enter is written one at a time."""
DELIVERIES_NEXT: Final = "deliveries:next"
"""Sorted set: triggers by the time when the first of their deliveries is due, ms; those without any are not in it."""
DEAD_DELIVERIES: Final = "deliveries:dead"
ATTEMPTS: Final = "deliveries:attempts"
REPLAYED: Final = "dead-letters:replayed"
DELETED_LETTERS: Final = "dead-letters:deleted"
"""Hash: id of a dead letter that was deleted → the offset of what deletes it and how many copies it had; `next`, the
offset up to which the topic was looked through for that."""
WORKERS: Final = "workers"
EXPERIMENT_WORKERS: Final = "workers:experiments"
TRIGGER_WORKERS: Final = "workers:triggers"
EXPERIMENTS: Final = "experiments"
"""Set: the ids of all experiments."""
EXPERIMENT_SUMMARIES: Final = "experiments:summaries"
"""Hash: id of an experiment → its verdict as of a time, as JSON; a cache."""
EFFECT_SERIES_TURN: Final = "looks:turn"
"""String that expires: one API process looks at the experiments, not each of them."""
SUPPRESSED_SCOPES: Final = "suppressed"
"""Set: the scopes that have had customers."""
BATCH_LOCK: Final = "lock:batch"
ERASURE_LOCK: Final = "lock:erasure"
FORGOTTEN: Final = "forgotten"
"""Integer: customers who were erased because they had been silent for SHOAL_FORGET_AFTER_DAYS."""
ERASURES: Final = "erasures"
"""Hash: customer who is being erased → when that was asked for, ms; the id leaves it when nothing holds it any more."""
PROBE: Final = "probe:"
"""Beginning of strings that live for a moment: written to see whether Redis takes writes."""
SKIPPED_MESSAGES: Final = "skipped-messages"
"""Hash: `<topic>/<partition>/<offset>` of a message of our topics that cannot be read → why, since when, JSON."""
FAILING_JOBS: Final = "failing-jobs"
"""Hash: name of a background job whose last run failed → since when and why, JSON."""
ACCEPTED_GAPS: Final = "accepted-gaps"
"""List: parts of topics that somebody agreed to go on without, as JSON, the latest first."""
DRIFT: Final = "drift"
DRIFT_OBSERVATIONS: Final = "drift:observations"

customers: Final = _of_partition("customers")
"""By partition, a hash: customer_id → packed record."""
profiles: Final = _of_partition("profiles")
"""By partition, a hash: customer_id → the profile as JSON (`state.customers.profile_documents`)."""
offsets: Final = _of_partition_and("offsets")
"""By partition and group, a hash: topic → the next offset to read."""
logs: Final = _of_partition_and("logs")
"""By partition and group, a hash: topic → the ids of the cluster and of the topic that its offset belongs to."""
epoch: Final = _of_partition_and("epoch")
"""By partition and group, an integer: incremented by each worker that takes the partition over."""
outcome_counts: Final = _of_partition_and("fates")
"""By partition and group, a hash: `<topic>:<outcome>` → events, `watermark` → ms, `revision` → number of writes.

Of the group `segments` also `customers` → number of records."""
outbox: Final = _of_partition("outbox")
"""By partition, a list: segment changes saved but not yet acknowledged by Kafka."""
flows: Final = _of_partition_and("flows")
"""By partition and day, a hash: `<from>:<to>:<cause>` → number of changes; expires."""
model: Final = _of_partition("model")
"""By partition, a hash: sums and counts by centroid of its customers, and the baseline that they belong to."""
merged: Final = _of_partition_and("merged")
"""By partition and group, a hash: customer who was merged → the id that later events of that customer count for."""
merging: Final = _of_partition("merging")
"""By partition, a hash as `merged`: merges that were published, and that Redis has lost; carried out next."""
handovers: Final = _of_partition_and("handovers")
"""By partition and group, a hash: customer who was merged → what was known of it, until Kafka has that."""
aliases: Final = _of_partition_and("aliases")
"""By partition and customer, a set: the ids that were merged into the customer; of the group `segments` alone."""
IDENTITIES_PARTITION: Final = 0
"""The partition whose owner decides on all merges."""
IDENTITIES: Final = f"identities:{{{IDENTITIES_PARTITION}}}"
"""Hash: customer who was merged → the id that it was merged into, for all customers; owned with partition 0."""
erased: Final = _of_partition("erased")
"""By partition, a set: salted hashes of its erased customers."""
erasing: Final = _of_partition("erasing")
"""By partition, a set: customers whom its owner is asked to erase."""
purchases: Final = _of_partition("purchases")
"""By partition, a hash: customer_id → the customer's recent orders and conversions, packed."""
exposed: Final = _of_partition_and("exposed")
"""By partition and experiment, a hash: customer_id → first exposure and what the customer counts for, packed."""
enrolled: Final = _of_partition("enrolled")
"""By partition, a hash: customer_id → the experiments that the customer was exposed to, as hashes of their ids."""
tally: Final = _of_partition_and("tally")
"""By partition and experiment, a hash: sums by `<variant>/<segment_id>`, and counts of what was left out."""
experiment: Final = _of("experiment")
"""By experiment, a string: its definition as JSON."""
effect_series: Final = _of("looks")
"""By experiment, a list: its effect from time to time, as JSON, the oldest first; bounded."""
reached_decisions: Final = _of("reached")
"""By experiment, a list: each decision of its verdict when it was reached, as JSON, the first one first; bounded."""
suppressed: Final = _of("suppressed")
"""By scope (`all`, `campaign:<name>` or `segment:<id>`), a set: the suppressed customers."""
deliveries: Final = _of_trigger("deliveries")
"""By trigger, a hash: delivery id → a delivery that the webhook has not received yet, as JSON."""
deliveries_due: Final = _of_trigger("deliveries", ":due")
"""By trigger, a sorted set: delivery ids by the time when each is due, ms."""
deliveries_seen: Final = _of_trigger("deliveries", ":seen")
"""By trigger, a sorted set: delivery ids of the last week by the time when each came, ms."""
contacts: Final = _of("contacts")
"""By customer, a sorted set: what was sent about the customer, by time, ms; kept for as long as a cap counts."""


def sealing_key(day: int) -> str:
    """String that expires: what the bytes of a day's dead letters are encrypted with where they hold no JSON."""
    return f"dead-letters:key:{day}"


def baseline(number: int) -> str:
    """String: one baseline as JSON."""
    return f"baseline:{number}"


def baseline_report(number: int) -> str:
    """String: what the report of a baseline is made from, as JSON."""
    return f"baseline:{number}:report"


def segment(customer_id: str) -> str:
    """String: the customer's current segment as JSON, for readers."""
    return segments([customer_id])[0]


def segments(customer_ids: Iterable[str]) -> list[str]:
    """Return the keys of many customers' segments: thousands a batch, for which a call each is too much."""
    return [f"segment:{customer_id}" for customer_id in customer_ids]
