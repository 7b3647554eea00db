"""`shoal health`: whether Kafka and Redis answer, workers run, and events wait to be processed."""

from collections.abc import Iterator
from typing import Any

import typer

from cli.local.service_addresses import KafkaOption, RedisOption, kafka_settings, state_settings
from cli.printing.output import JsonOption, print_json, tables
from events.base_error import ShoalError

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("health", epilog="Example: `shoal health --json`")(health)


def health(kafka: KafkaOption = None, redis: RedisOption = None, as_json: JsonOption = False) -> None:
    """Show what is running and what became of the events; exit 1 where something is wrong."""
    report = _report(kafka, redis)
    if as_json:
        print_json(report)
    else:
        _print(report)
    if not report["healthy"]:
        raise typer.Exit(1)


def _report(kafka: str | None, redis: str | None) -> dict[str, Any]:
    report: dict[str, Any] = {"healthy": False, "problems": []}
    for name, check, address in (("kafka", _kafka, kafka), ("redis", _redis, redis)):
        try:
            found = check(address)
            report["problems"] += found.pop("problems", [])
            report |= found
        except ShoalError as error:
            report[name] = {"ok": False}
            report["problems"].append(str(error))
    ends = report.pop("ends", None)
    if "customers" in report and ends is not None:
        report["lag"] = _lag(ends, report["changes_unsent"], kafka, redis)
        report["experiments"]["behind"] = report["lag"].pop("tallies")
        report["problems"] += _discontinuities(kafka, redis)
    report["healthy"] = not report["problems"]
    return report


def _kafka(kafka: str | None) -> dict[str, Any]:
    from events.topics.administration import partition_counts
    from events.topics.required_topics import partition_problem
    from events.topics.specs import topic_specs
    from queries.operations.pipeline_status import input_ends

    settings = kafka_settings(kafka)
    specs = topic_specs(settings)
    counts = partition_counts(settings.kafka, specs, settings.security)
    missing = [spec.name for spec in specs if spec.name not in counts]
    problem = partition_problem(settings.kafka, specs, counts)
    found: dict[str, Any] = {"kafka": {"ok": not problem, "address": settings.kafka, "missing_topics": missing}}
    if problem:
        found["problems"] = [problem]
    else:
        found["ends"] = input_ends(settings)
    return found


def _redis(redis: str | None) -> dict[str, Any]:
    from redis import RedisError

    from queries.operations.pipeline_status import state_status
    from state.store.connection import connect
    from state.store.redis_error_messages import explained, without_password

    state = state_settings(redis)
    client = connect(state.redis)
    try:
        found = state_status(client, kafka_settings().partitions, may_evict=state.redis_eviction == "allow")
    except RedisError as error:
        raise explained(state.redis, error) from error
    found["redis"] = {"ok": found["redis"]["ok"], "address": without_password(state.redis), **found["redis"]}
    return found


def _lag(ends: dict[tuple[str, int], int], unsent: int, kafka: str | None, redis: str | None) -> dict[str, int]:
    from queries.operations.pipeline_status import lags
    from state.store.connection import connect

    found = lags(connect(state_settings(redis).redis), kafka_settings(kafka), ends)
    return {"events": found["events"], "changes": unsent, "tallies": found["tallies"]}


def _discontinuities(kafka: str | None, redis: str | None) -> list[str]:
    from consumers.continuity.continuity_check import discontinuities
    from state.store.connection import connect

    return discontinuities(connect(state_settings(redis).redis), kafka_settings(kafka))


def _print(report: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table(title="[green]healthy[/]" if report["healthy"] else "[red]not healthy[/]", show_header=False)
    for rows in (_pipeline_rows, _worker_rows, _experiment_rows, _trigger_rows, _skipped_rows, _gap_rows):
        for cells in rows(report):
            table.add_row(*cells)
    tables().print(table)
    for problem in report["problems"]:
        tables().print(f"[red]•[/] {problem}", highlight=False)


def _pipeline_rows(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name in ("kafka", "redis"):
        part = report[name]
        yield name, f"{'ok' if part['ok'] else 'not ok'}  {part.get('address', '')}"
    for name in ("customers", "baseline", "model_version"):
        if name in report:
            yield name.replace("_", " "), f"{report[name]:,}"
    if "lag" in report:
        yield "behind", f"{report['lag']['events']:,} events, {report['lag']['changes']:,} changes unsent"
    for name, count in sorted(report.get("events", {}).items()):
        yield name.replace(":", " "), f"{count:,}"


def _worker_rows(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for worker in report.get("workers", []):
        leader = ", leader" if worker["leader"] else ""
        yield "worker", f"{worker['worker']}: partitions {worker['partitions']}{leader}"
        if worker["starving"]:
            yield "starving segments", ", ".join(worker["starving"])
        if worker["drift"]:
            yield "drift", worker["drift"]


def _experiment_rows(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    tallies = report.get("experiments", {"declared": 0, "consumers": [], "events": {}})
    if tallies["declared"] or tallies["consumers"]:
        behind = f", {tallies['behind']:,} events behind" if "behind" in tallies else ""
        yield "experiments", f"{tallies['declared']:,}{behind}"
        for name, count in sorted(tallies["events"].items()):
            yield f"  {name.replace(':', ' ')}", f"{count:,}"
        for consumer in tallies["consumers"]:
            yield "consumer", f"{consumer['worker']}: partitions {consumer['partitions']}"


def _trigger_rows(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    triggers = report.get("triggers", {"declared": 0, "services": []})
    if triggers["declared"] or triggers["services"]:
        yield "triggers", f"{triggers['declared']:,}, {triggers['waiting']:,} waiting, {triggers['dead']:,} dead"
        for service in triggers["services"]:
            yield "trigger service", service["worker"]


def _skipped_rows(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    skipped = report.get("skipped_messages", {"count": 0})
    if skipped["count"]:
        more = " or more" if skipped["more"] else ""
        yield "skipped messages", f"{skipped['count']:,}{more} on Shoal's own topics, where nobody else should write"
        for each in skipped["latest"]:
            yield f"  {each['topic']}", f"partition {each['partition']}, offset {each['offset']}: {each['reason']}"


def _gap_rows(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for each in report.get("accepted_gaps", []):
        what = f"{each['topic']} partition {each['partition']}, {each['from']:,} to {each['to']:,}, {each['reason']}"
        yield "accepted gap", f"{each['group']}: {what}; accepted by {each['by']}, {each['at']}"
