"""`shoal export customer`: everything that is held about one person, as one JSON document."""

import time
from pathlib import Path
from typing import Annotated

import typer

from cli.local.audited import on_record
from cli.local.service_addresses import KafkaOption, RedisOption, kafka_settings, state_settings
from cli.printing.output import print_json

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("customer", epilog="Example: `shoal export customer 00001 --to 00001.json`")(customer)


def customer(
    customer_id: Annotated[str, typer.Argument(metavar="ID", help="The customer_id of the events.")],
    to: Annotated[
        Path | None, typer.Option(help="File to write, for its owner only; without it, the document is printed.")
    ] = None,
    events: Annotated[
        bool, typer.Option("--events", help="Also the person's events on the input topics; reads these from the start.")
    ] = False,
    kafka: KafkaOption = None,
    redis: RedisOption = None,
) -> None:
    """Write everything that is held about a person, under all ids, as one JSON document."""
    import msgspec

    from cli.local.inspector_connection import inspector
    from queries.customers.customer_lookup import CustomerLookup
    from queries.subject_access.personal_data import PersonalData
    from state.store.connection import connect

    client, broker = connect(state_settings(redis).redis), kafka_settings(kafka)
    on_record(redis, "customer.export", [customer_id], "everything held")
    lookup = CustomerLookup(client, inspector(redis, client), broker)
    document = PersonalData(client, lookup, broker).document(customer_id, time.time_ns() // 1_000_000, events=events)
    if to is None:
        print_json(document)
        return
    to.touch(mode=0o600)
    to.chmod(0o600)
    to.write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=2))
    print_json({"file": str(to), "customer_id": document["customer_id"], "redis_keys": len(document["redis_keys"])})
