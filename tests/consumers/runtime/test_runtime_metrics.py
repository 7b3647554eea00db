"""A counter of saved events grows only, also where a batch takes back what an earlier one has counted."""

from prometheus_client import CollectorRegistry

from consumers.runtime.runtime_metrics import ProcessedEvents


def test_what_a_batch_takes_back_is_taken_off_what_comes_next():
    registry = CollectorRegistry()
    processed = ProcessedEvents(registry)

    def counted(outcome: str) -> float | None:
        labels = {"topic": "orders", "outcome": outcome}
        return registry.get_sample_value("shoal_processed_events_total", labels)

    processed.add({"orders:applied": 10, "orders:duplicate": 0})
    assert (counted("applied"), counted("duplicate")) == (10, None)
    processed.add({"orders:applied": -4, "orders:duplicate": 4})
    assert (counted("applied"), counted("duplicate")) == (10, 4)
    processed.add({"orders:applied": 3})
    assert counted("applied") == 10
    processed.add({"orders:applied": 3})
    assert counted("applied") == 12
