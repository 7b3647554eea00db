"""Prometheus metrics: requests by route, and the state of the pipeline."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from state.store.connection import KEEPS_EVERYTHING

__all__ = ["RequestMetrics"]

_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)


class RequestMetrics:
    """Counts the requests of this process, and asks for the pipeline's state when it is read."""

    def __init__(self, status: Callable[[], dict[str, Any]]) -> None:
        self.registry = CollectorRegistry()
        labels = ("method", "route")
        self._requests = Counter(
            "shoal_http_requests_total", "Requests answered", (*labels, "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "shoal_http_request_seconds", "Time to the answer", labels, registry=self.registry, buckets=_BOUNDS
        )
        self.registry.register(_PipelineCollector(status))
        self._known: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        counters = self._known.get((method, route, status))
        if counters is None:  # looking a label up costs more than counting; there are few routes
            counters = (self._requests.labels(method, route, status), self._seconds.labels(method, route))
            self._known[method, route, status] = counters
        counters[0].inc()
        counters[1].observe(seconds)

    def text(self) -> bytes:
        """Return everything in Prometheus's text format."""
        return generate_latest(self.registry)


_MODEL: Final = {
    "sums_difference": "Largest difference that the last sweeps found between the model's sums and a recomputation",
    "workers_behind": "Workers that follow an older model for longer than their settings allow",
    "segments_starving": "Segments with hardly any customers left, whose centroids are held",
    "drift_alarm": "1 while an alarm that the segments drift has not been answered by a proposed baseline",
}


class _PipelineCollector(Collector):
    def __init__(self, status: Callable[[], dict[str, Any]]) -> None:
        self._status = status

    def describe(self) -> list[Any]:
        """Return nothing, so that registering does not ask Redis."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the pipeline's gauges."""
        status = self._status()
        for name, what in (
            ("customers", "Customers known"),
            ("forgotten", "Customers erased because they had been silent for long"),
            ("events_behind", "Events published but not yet processed"),
            ("changes_unsent", "Segment changes saved but not yet acknowledged by Kafka"),
            ("partitions_without_worker", "Partitions that no live worker owns"),
        ):
            value = status[name]
            if value is not None:
                yield GaugeMetricFamily(f"shoal_{name}", what, len(value) if isinstance(value, list) else value)
        yield GaugeMetricFamily("shoal_workers", "Workers alive", len(status["workers"]))
        yield _labelled(
            "shoal_lag_events",
            "Events published but not processed by a consumer group",
            ["group", "topic", "partition"],
            {(each["group"], each["topic"], str(each["partition"])): each["events"] for each in status["lag"]},
        )
        triggers = status["triggers"]
        yield GaugeMetricFamily("shoal_deliveries_waiting", "Deliveries that are not made yet", triggers["waiting"])
        yield GaugeMetricFamily("shoal_deliveries_dead", "Deliveries that were given up", triggers["dead"])
        yield GaugeMetricFamily("shoal_problems", "What `shoal health` finds wrong now", len(status["problems"]))
        yield from _model_gauges(status["model"])
        yield from _redis_gauges(status["redis"])
        yield from _event_gauges(status)


def _event_gauges(status: dict[str, Any]) -> Iterator[GaugeMetricFamily]:
    """Yield what became of events and messages, and the jobs that fail."""
    yield _labelled(
        "shoal_skipped_messages",
        "Messages on Shoal's own topics that cannot be read",
        ["topic"],
        {(topic,): count for topic, count in status["skipped_messages"]["topics"].items()},
    )
    yield _labelled(
        "shoal_failing_job",
        "Runs of a background job that failed, one after the other",
        ["job"],
        {(job["job"],): job["failures"] for job in status["failing_jobs"]},
    )
    yield _labelled(
        "shoal_events",
        "Events by outcome: applied, duplicate, rerouted, erased, dead_lettered, left_to_segments",
        ["topic", "fate"],
        {tuple(name.split(":")): count for name, count in status["events"].items()},
    )


def _redis_gauges(redis: dict[str, Any]) -> Iterator[GaugeMetricFamily]:
    """Yield what is known of Redis."""
    yield GaugeMetricFamily("shoal_redis_writable", "1 where Redis takes writes", float(redis["writes"]))
    yield GaugeMetricFamily("shoal_redis_persists", "1 where Redis could last save to disk", float(redis["persists"]))
    if (policy := redis["maxmemory_policy"]) is not None:
        may_evict = policy != KEEPS_EVERYTHING
        yield GaugeMetricFamily("shoal_redis_may_evict", "1 where Redis may drop keys", float(may_evict))
    if redis["evicted_keys"] is not None:
        yield GaugeMetricFamily(
            "shoal_redis_evicted_keys", "Keys that Redis dropped since its start", redis["evicted_keys"]
        )


def _model_gauges(model: dict[str, Any]) -> Iterator[GaugeMetricFamily]:
    for name, what in _MODEL.items():
        yield GaugeMetricFamily(f"shoal_model_{name}", what, float(model[name]))
    yield _labelled(
        "shoal_segment_name_holds",
        "Share of a segment's members for whom its name is true, by the last sweeps",
        ["segment_id", "segment"],
        {(each["segment_id"], each["segment"]): each["holds"] for each in model["names"]},
    )


def _labelled(
    name: str, what: str, labels: Sequence[str], values: Mapping[tuple[str, ...], float]
) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(name, what, labels=labels)
    for each, value in values.items():
        gauge.add_metric(each, value)
    return gauge
