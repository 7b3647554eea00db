"""`shoal health`: are the brokers there, are workers alive, is anything behind."""

import time
from typing import Any

import typer

from cli.local import KafkaOption, RedisOption, kafka_settings, state_settings
from cli.output import JsonOption, print_json, tables
from events.errors import ShoalError

__all__ = ["register"]

_ALIVE_MS = 15_000
_NO_CONSUMER = "experiments are declared but no consumer tallies them; start one with `shoal experiments`"


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
    for name, look, address in (("kafka", _kafka, kafka), ("redis", _redis, redis)):
        try:
            found = look(address)
            report["problems"] += found.pop("problems", [])
            report |= found
        except ShoalError as error:
            report[name] = {"ok": False}
            report["problems"].append(str(error))
    if "customers" in report and "ends" in report:
        report["lag"] = _lag(report.pop("ends"), redis)
        report["experiments"]["behind"] = report["lag"].pop("tallies")
    report.pop("ends", None)
    if "workers" in report:
        report["problems"] += _worker_problems(report)
    report["healthy"] = not report["problems"]
    return report


def _worker_problems(report: dict[str, Any]) -> list[str]:
    """Note the partitions without a worker, and return what is wrong with the workers."""
    workers = report["workers"]
    owned = {partition for worker in workers for partition in worker["partitions"]}
    orphans = report["partitions_without_worker"] = sorted(set(range(kafka_settings().partitions)) - owned)
    if not workers:
        return ["no worker is alive; start one with `shoal worker`"]
    problems = [
        f"worker {worker['worker']} has been behind the newest model for {worker['behind_s']:.0f} s; "
        "restart it if this lasts"
        for worker in workers
        if worker["behind"]
    ]
    problems += [
        f"worker {worker['worker']} found the model's sums wrong by {worker['sums_difference']:g}; "
        "this should never be: please report it"
        for worker in workers
        if worker["sums_difference"]
    ]
    if orphans:
        problems.append(f"no worker owns the partitions {orphans}; wait for the rebalance, or start one more")
    return problems


def _kafka(kafka: str | None) -> dict[str, Any]:
    from consumers.lag import end_offsets
    from events.topic_admin import check_topics
    from events.topics import CO_PARTITIONED, TALLIED, topic_specs

    settings = kafka_settings(kafka)
    findings = check_topics(settings.kafka, topic_specs(settings))
    missing = [found.topic for found in findings if found.state == "missing"]
    found: dict[str, Any] = {"kafka": {"ok": not missing, "address": settings.kafka, "missing_topics": missing}}
    if missing:
        found["problems"] = [f"topics are missing: {', '.join(missing)}; run `shoal topics create`"]
    else:
        found["ends"] = end_offsets(settings, dict.fromkeys((*CO_PARTITIONED, *TALLIED)))
    return found


def _redis(redis: str | None) -> dict[str, Any]:
    from state import keys
    from state.baselines import BaselineStore, ModelStore
    from state.connection import connect
    from state.drift import DriftAlarms
    from state.watermarks import read_fates

    state, partitions = state_settings(redis), kafka_settings().partitions
    client = connect(state.redis)
    beats, consumers = _alive(client, keys.WORKERS), _alive(client, keys.EXPERIMENT_WORKERS)
    declared = int(client.scard(keys.EXPERIMENTS))
    baseline, model = BaselineStore(client).current(), ModelStore(client).current()
    alarm = DriftAlarms(client).newest()
    return {
        "drift": alarm._asdict() if alarm else None,
        "redis": {"ok": True, "address": state.redis},
        "customers": sum(ModelStore(client).customers(partitions)),
        "events": read_fates(client, partitions, keys.SEGMENTS_GROUP),
        "baseline": baseline.baseline if baseline else 0,
        "model_version": model.version if model else 0,
        "workers": beats,
        "experiments": {
            "declared": declared,
            "consumers": consumers,
            "events": read_fates(client, partitions, keys.EXPERIMENTS_GROUP),
        },
        "problems": [_NO_CONSUMER] if declared and not consumers else [],
    }


def _alive(client: Any, kind: str) -> list[dict[str, Any]]:
    """Return the last heartbeats of the workers of a kind that are alive."""
    from state.workers import WorkerRegistry

    now_ms = time.time_ns() // 1_000_000
    beats = [beat for beat in WorkerRegistry(client, kind).beats(now_ms) if now_ms - beat.at_ms < _ALIVE_MS]
    return [beat.model_dump(exclude={"at_ms"}) | {"seconds_ago": (now_ms - beat.at_ms) / 1000} for beat in beats]


def _lag(ends: dict[tuple[str, int], int], redis: str | None) -> dict[str, int]:
    from consumers.lag import behind, stored_offsets, unsent_changes
    from events.topics import CO_PARTITIONED, TALLIED
    from state import keys
    from state.connection import connect

    client, settings = connect(state_settings(redis).redis), kafka_settings()

    def lag(group: str, topics: tuple[str, ...]) -> int:
        names = set(map(settings.topic, topics))
        mine = {place: end for place, end in ends.items() if place[0] in names}
        return behind(mine, stored_offsets(client, settings.partitions, group))

    return {
        "events": lag(keys.SEGMENTS_GROUP, CO_PARTITIONED),
        "changes": unsent_changes(client, settings.partitions),
        "tallies": lag(keys.EXPERIMENTS_GROUP, TALLIED),
    }


def _print(report: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table(title="[green]healthy[/]" if report["healthy"] else "[red]not healthy[/]", show_header=False)
    for name in ("kafka", "redis"):
        part = report[name]
        table.add_row(name, f"{'ok' if part['ok'] else 'not ok'}  {part.get('address', '')}")
    for name in ("customers", "baseline", "model_version"):
        if name in report:
            table.add_row(name.replace("_", " "), f"{report[name]:,}")
    if "lag" in report:
        table.add_row("behind", f"{report['lag']['events']:,} events, {report['lag']['changes']:,} changes unsent")
    for name, count in sorted(report.get("events", {}).items()):
        table.add_row(name.replace(":", " "), f"{count:,}")
    for worker in report.get("workers", []):
        leader = ", leader" if worker["leader"] else ""
        table.add_row("worker", f"{worker['worker']}: partitions {worker['partitions']}{leader}")
        if worker["starving"]:
            table.add_row("starving segments", ", ".join(worker["starving"]))
        if worker["drift"]:
            table.add_row("drift", worker["drift"])
    tallying = report.get("experiments", {"declared": 0, "consumers": [], "events": {}})
    if tallying["declared"] or tallying["consumers"]:
        behind = f", {tallying['behind']:,} events behind" if "behind" in tallying else ""
        table.add_row("experiments", f"{tallying['declared']:,}{behind}")
        for name, count in sorted(tallying["events"].items()):
            table.add_row(f"  {name.replace(':', ' ')}", f"{count:,}")
        for consumer in tallying["consumers"]:
            table.add_row("consumer", f"{consumer['worker']}: partitions {consumer['partitions']}")
    tables().print(table)
    for problem in report["problems"]:
        tables().print(f"[red]•[/] {problem}", highlight=False)
