"""`shoal doctor`: whether Kafka and Redis are as Shoal needs them, and what changes them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from cli.local.service_addresses import KafkaOption, RedisOption, kafka_settings, state_settings
from cli.printing.output import JsonOption, print_json, tables
from events.base_error import ShoalError

if TYPE_CHECKING:
    from cli.diagnosis.finding import Finding

__all__ = ["register"]

_COLOURS = {"ok": "green", "note": "yellow", "change": "red"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor", epilog="Examples: `shoal doctor`, `shoal doctor --customers 5000000 --json`")(doctor)


def doctor(
    customers: Annotated[
        int | None, typer.Option("--customers", min=1, help="Say whether Redis has memory for so many.")
    ] = None,
    kafka: KafkaOption = None,
    redis: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look at Kafka and Redis as each service would, before one is started; exit 1 where something must be changed.

    For each finding that must be changed, the command or setting that changes it is shown. Nothing is changed.
    """
    findings = list(_findings(kafka, redis, customers))
    changes = [each for each in findings if each.state == "change"]
    if as_json:
        print_json({"ok": not changes, "findings": [each._asdict() for each in findings]})
    else:
        _print(findings)
    if changes:
        raise typer.Exit(1)


def _findings(kafka: str | None, redis_url: str | None, customers: int | None) -> "Iterator[Finding]":
    from redis import RedisError

    from cli.diagnosis.data_findings import data_findings
    from cli.diagnosis.finding import to_change
    from cli.diagnosis.kafka_findings import kafka_findings
    from cli.diagnosis.redis_findings import redis_findings
    from cli.diagnosis.secret_findings import secret_findings
    from state.campaigns.secret_keys import secret_keys
    from state.store.connection import connect
    from state.store.redis_error_messages import explained

    broker, state = kafka_settings(kafka), state_settings(redis_url)
    of_kafka = list(kafka_findings(broker))
    yield from of_kafka
    try:
        with connect(state.redis) as client:
            yield from redis_findings(client, state, broker.partitions, customers)
            yield from secret_findings(client, secret_keys(state))
            if len(of_kafka) > 1:  # it let us in
                yield from data_findings(client, broker, state)
    except RedisError as error:
        yield to_change("redis", "connection", str(explained(state.redis, error)), "shoal health")
    except ShoalError as error:
        yield to_change("redis", "connection", str(error), "export SHOAL_REDIS=redis://…   # docs/connections.md")


def _print(findings: "list[Finding]") -> None:
    from rich.markup import escape

    for each in findings:
        colour = _COLOURS[each.state]
        head = f"[{colour}]{each.state:<6}[/] {each.area:<5} {escape(each.subject)}: {escape(each.detail)}"
        tables().print(head, highlight=False, soft_wrap=True)
        if each.do:
            tables().print(f"             $ {escape(each.do)}", highlight=False, soft_wrap=True)
