"""`shoal accept-gap`: go on without a part of a topic that is lost."""

import time
from typing import Annotated

import typer

from cli.local.audited import on_record
from cli.local.service_addresses import KafkaOption, RedisOption, kafka_settings, state_settings
from cli.printing.decision_options import ByOption, account
from cli.printing.output import JsonOption, print_json, tables

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("accept-gap", epilog="Example: `shoal accept-gap orders 3`")(accept_gap)


def accept_gap(
    topic: Annotated[str, typer.Argument(metavar="TOPIC", help="Its name without prefix, as `orders`.")],
    partition: Annotated[
        int | None, typer.Argument(metavar="[PARTITION]", help="Only this one; all if not given.", min=0)
    ] = None,
    by: ByOption = None,
    kafka: KafkaOption = None,
    redis: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Continue after messages that Kafka has deleted; workers name the command where they stop.

    Every consumer group that reads the topic goes on where it begins now. What is skipped stays listed in `shoal
    health`: the figures of its customers lack it. It cannot be undone.
    """
    from consumers.continuity.gap_acceptance import accept_gaps
    from queries.operations.accepted_gap_json import accepted_gap_json
    from state.store.connection import connect

    client = connect(state_settings(redis).redis)
    on_record(redis, "gap.accept", detail=topic if partition is None else f"{topic} partition {partition}")
    now_ms = time.time_ns() // 1_000_000
    gaps = accept_gaps(client, kafka_settings(kafka), topic, partition, by or account(), now_ms)
    shown = [accepted_gap_json(each) for each in gaps]
    if as_json:
        print_json({"accepted": shown})
        return
    for each in shown:
        where = f"{each['topic']} partition {each['partition']}"
        said = f"{where}: {each['group']} stood at {each['from']:,} and goes on at {each['to']:,} ({each['reason']})"
        tables().print(said, markup=False, soft_wrap=True)
