"""`shoal merge`: say that two customer ids are one person."""

import hashlib
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli.local.audited import on_record
from cli.local.service_addresses import KafkaOption, RedisOption, kafka_settings, state_settings
from cli.printing.output import JsonOption, print_json, tables
from events.base_error import ShoalError

if TYPE_CHECKING:
    from events.schema.inputs import Identity

__all__ = ["MergeRefused", "register"]

_EPILOG = "Example: `shoal merge visitor-9f2c 00001`: the visitor is customer 00001 from now on"


class MergeRefused(ShoalError):
    """These two ids cannot be one person."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("merge", epilog=_EPILOG)(merge)


def merge(
    previous_id: Annotated[str, typer.Argument(metavar="PREVIOUS", help="The id that is merged into the other.")],
    customer_id: Annotated[str, typer.Argument(metavar="SURVIVOR", help="The id that the person goes on under.")],
    *,
    wait: Annotated[bool, typer.Option("--wait", help="Return once the merge is carried out, or say it was not.")] = (
        False
    ),
    timeout: Annotated[float, typer.Option(help="Seconds to wait at most.", min=0.0)] = 60.0,
    kafka: KafkaOption = None,
    redis: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that two customer ids are one person: PREVIOUS is merged into SURVIVOR, with all that is known and will come.

    It cannot be taken back. If both directions are published, the first one counts, and a customer is merged once: what
    cannot hold is among the dead letters, with the reason.
    """
    event = _event(previous_id, customer_id, datetime.now(UTC))
    on_record(redis, "customer.merge", [previous_id, customer_id])
    _publish(event, kafka)
    carried_out = _carried_out(event, kafka, redis, timeout) if wait else None
    if as_json:
        asked = event.model_dump(mode="json", include={"event_id", "previous_id", "customer_id", "occurred_at"})
        print_json({"topic": "identities", **asked, "merged": carried_out})
    elif carried_out:
        tables().print(f"{previous_id} was merged into {customer_id}", markup=False, highlight=False)
    else:
        tables().print(f"asked for: {previous_id} is {customer_id} from now on", markup=False, highlight=False)


def _event(previous_id: str, customer_id: str, now: datetime) -> "Identity":
    """Return the event; its id is that of the pair and the moment. Raises MergeRefused."""
    from pydantic import ValidationError

    from consumers.inputs.bounds import EventBounds
    from consumers.settings import ConsumerSettings
    from events.codec.refusals import worded
    from events.schema.inputs import Identity

    named = f"{previous_id}\0{customer_id}\0{now.isoformat()}"
    event_id = "merge-" + hashlib.sha256(named.encode()).hexdigest()[:32]
    try:
        event = Identity(event_id=event_id, customer_id=customer_id, previous_id=previous_id, occurred_at=now)
    except ValidationError as error:
        raise MergeRefused(worded(error)) from error
    bounds = EventBounds.from_settings(ConsumerSettings())
    if refused := bounds.refusal(event, time.time_ns() // 1_000_000):
        raise MergeRefused(refused)
    return event


def _publish(event: "Identity", kafka: str | None) -> None:
    from shoal_client import Publisher

    settings = kafka_settings(kafka)
    with Publisher(settings.kafka, settings.topic_prefix, security=settings.security) as publisher:
        publisher.publish("identities", event.model_dump(mode="json", exclude_none=True))


def _carried_out(event: "Identity", kafka: str | None, redis: str | None, timeout_s: float) -> bool:
    """Wait for the merge. Raises NotProcessed, and MergeRefused where the ids did not become one person."""
    from cli.feeding.await_processing import wait_until_processed
    from events.topics.partitioning import partition_of
    from state.customers.person_ids import PersonIdsReader
    from state.erasures.erased_customers import was_erased
    from state.store.connection import connect

    wait_until_processed(kafka, redis, timeout_s)
    client, partitions = connect(state_settings(redis).redis), kafka_settings(kafka).partitions
    ids = [event.previous_id, event.customer_id]
    if erased := [each for each in ids if was_erased(client, partition_of(each, partitions), each)]:
        raise MergeRefused(
            f"{event.previous_id!r} was not merged into {event.customer_id!r}: merges of a customer who was erased, as "
            f"{erased[0]!r} was, are ignored. If the other id is the same person, erase it too"
        )
    reader = PersonIdsReader(client, partitions)
    previous, survivor = reader.many(ids)
    other_way = previous.customer_id == event.previous_id  # SURVIVOR went up in PREVIOUS before
    if other_way or previous.customer_id != survivor.customer_id:
        raise MergeRefused(
            f"{event.previous_id!r} was not merged into {event.customer_id!r}; "
            "`shoal dead-letters list --topic identities` says why"
        )
    return True
