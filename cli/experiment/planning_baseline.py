"""What customers do without an experiment, overall and by segment: where planning begins."""

from collections import Counter
from datetime import timedelta
from typing import NamedTuple

from events.base_error import ShoalError
from events.time_units import DAY_S
from experiments import Experiment, NotComputable, Tallies
from experiments.planning.sample_size import rate_baseline
from experiments.statistics.metric_samples import measure
from experiments.statistics.sample import Sample
from experiments.statistics.value_or_reason import Reason, Result
from queries.experiments.experiments import Experiments
from queries.experiments.order_rates import order_rates_since
from state.partitions.partition_store import PartitionStore
from state.store import keys

__all__ = ["Baseline", "NoBaseline", "of_control", "of_records"]

_CHUNK = 5_000


class NoBaseline(ShoalError):
    """Nobody has been known for long enough."""


class Baseline(NamedTuple):
    """The metric's present mean and spread in a segment (None: all customers), from so many customers."""

    segment_id: str | None
    customers: int
    sample: Result[Sample]


def of_control(experiment: Experiment, tallies: Tallies) -> list[Baseline]:
    """Return the primary metric of an experiment's control, overall and by segment."""
    parts: list[tuple[str | None, Tallies]] = [(None, tallies)]
    parts += [(segment, tallies.of_segment(segment)) for segment in tallies.segments]
    metric = experiment.primary_metric
    arms = [(segment, part.arm(experiment.control)) for segment, part in parts]
    return [Baseline(segment, arm.exposed, _usable(measure(metric, arm))) for segment, arm in arms]


def of_records(stored: Experiments, window: timedelta) -> list[Baseline]:
    """Return the share of customers who ordered within the last `window`, overall and by the segment held before it.

    All known customers, also those whom an experiment would not meet; who visits converts more often.

    Raises NoBaseline.
    """
    since_ms = int((stored.now() - window).timestamp() * 1000)
    customers, ordered = Counter[str](), Counter[str]()
    store = PartitionStore(stored.client, keys.SEGMENTS_GROUP)
    for partition in range(stored.partitions):
        cursor, seen = 0, set[str]()
        while True:
            cursor, batch = store.scan(partition, cursor, _CHUNK)
            fresh = [place for place, name in enumerate(batch.ids) if name not in seen]
            seen.update(batch.ids)
            for segment, found in order_rates_since(batch.rows[fresh], since_ms).items():
                customers[segment] += found.customers
                ordered[segment] += found.ordered
            if cursor == 0:
                break
    if not customers:
        raise NoBaseline(
            f"no customer was known {window.total_seconds() / DAY_S:g} days ago, so there is no rate to plan with; "
            "give --rate, or --mean with --sd"
        )
    return [
        _rate(None, customers.total(), ordered.total()),
        *(_rate(segment, customers[segment], ordered[segment]) for segment in sorted(customers)),
    ]


def _rate(segment: str | None, customers: int, ordered: int) -> Baseline:
    return Baseline(segment, customers, _usable(rate_baseline(ordered / customers)))


def _usable(sample: Result[Sample]) -> Result[Sample]:
    if not isinstance(sample, NotComputable) and sample.variance <= 0.0:
        return NotComputable(Reason.ZERO_VARIANCE)
    return sample
