"""Invariant 6: a customer who falls silent is found at risk without having to buy something first."""

from datetime import UTC, datetime, timedelta

from events.topics.partitioning import partitions_of
from tests.shop import order, purchases


def test_a_silent_customer_becomes_at_risk_within_a_sweep_exactly_once(service):
    neighbours = [name for name in map(str, range(100)) if partitions_of([name], 4)[0] == partitions_of(["anna"], 4)[0]]
    service.worker(SHOAL_SWEEP_S="0.3")
    service.publish([order("anna", f"1998-01-{day}T00:00:00Z") for day in ("01", "11")])
    service.until_processed()
    assert service.view("anna").segment == "Occasional Shoppers"
    service.publish([order(neighbours[0], "1998-05-15T00:00:00Z")])
    service.until_within(10, lambda: service.view("anna").segment == "At-Risk Customers", "anna is at risk")
    service.publish([order(neighbours[1], "1998-05-16T00:00:00Z")])
    service.until_processed()
    mine = [value for value in service.read("segment-changes") if b'"customer_id":"anna"' in value]
    late = [value for value in mine if b'"segment":"At-Risk Customers"' in value]
    assert late == mine[-1:]
    assert b'"cause":"time"' in late[0]


def test_a_worker_without_events_sweeps_without_a_pause_between_chunks(service):
    """With one, of a tenth of a second at every 10 customers, the 2,357 would take over 20 seconds."""
    service.worker(SHOAL_CLOCK="wall", SHOAL_SWEEP_CHUNK="10", SHOAL_SWEEP_S="0.1")
    service.publish(purchases())
    service.until_processed()
    (before,) = service.until(service.beats, what="the worker is heard")
    all_once = before.swept + len(service.records())
    service.until_within(12, lambda: any(beat.swept >= all_once for beat in service.beats()), "all are swept")


def test_a_stray_event_of_today_in_an_old_log_moves_nobody_by_time(service):
    """Two workers replay 1997 and 1998; then one order of this year comes for one customer of one partition."""
    settings = {"SHOAL_SWEEP_S": "0.3"}
    service.worker(**settings)
    service.worker(**settings)
    service.publish(purchases())
    service.until_processed()
    service.until_quiet()
    before = service.records()
    service.publish([order("stray", datetime.now(UTC) - timedelta(hours=1))])
    service.until_processed()
    service.until_quiet()
    after = service.records()
    assert after.pop("stray")["placed"] == 1
    assert segments(after) == segments(before)
    another = next(f"c{i}" for i in range(100) if partitions_of([f"c{i}"], 4)[0] != partitions_of(["stray"], 4)[0])
    service.publish([order(another, datetime.now(UTC))])
    service.until_processed()
    service.until_within(15, lambda: moved(after, service.records()), "two partitions agree that it is this year")


def segments(rows):
    return {name: int(row["segment"]) for name, row in rows.items()}


def moved(before, after):
    return any(after[name]["segment"] != row["segment"] for name, row in before.items())
