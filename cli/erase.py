"""`shoal erase`: forget a customer everywhere."""

import time
from typing import Annotated

import typer

from cli.local.service_addresses import KafkaOption, RedisOption, kafka_settings, state_settings
from cli.printing.output import JsonOption, print_json, tables
from events.base_error import ShoalError

__all__ = ["register"]


class ErasureWaits(ShoalError):
    """No worker has carried out the erasure yet; it stays asked for."""

    retriable = True


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("erase", epilog="Example: `shoal erase C-1042`")(erase)


def erase(
    customer_id: Annotated[str, typer.Argument(metavar="ID", help="The customer_id of the events.")],
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the worker.", min=1.0, max=3_600.0)] = 60.0,
    kafka: KafkaOption = None,
    redis: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Erase a customer: record, profile, segment, part in the model, exposures, deliveries, exclusions, dead letters.

    A salted hash stays, so that replayed events do not bring the customer back; it cannot be undone. The shop's own
    events and published segment changes leave Kafka when their retention is over.
    """
    from consumers.broker.kafka_sink import KafkaSink
    from events.topics.required_topics import require_topics
    from state.store.connection import connect
    from stream.erasure.erase_everywhere import ErasureRequests

    address, client = kafka_settings(kafka), connect(state_settings(redis).redis)
    require_topics(address)
    erasures = ErasureRequests(client, address, lambda: KafkaSink(address))
    erasures.request(customer_id, time.time_ns() // 1_000_000)
    deadline = time.monotonic() + timeout
    while (found := erasures.finish(customer_id)) is None:
        if time.monotonic() > deadline:
            raise ErasureWaits(
                f"no worker has erased {customer_id!r} within {timeout:g} s; it will be done once its partition has a "
                "worker. Then run this again, for what workers do not own (a running API does that by itself)"
            )
        time.sleep(0.1)
    if as_json:
        print_json({"erased": customer_id, "also_in": found})
    else:
        more = ", ".join(f"{number} in {place.replace('_', ' ')}" for place, number in found.items() if number)
        tables().print(f"{customer_id} is erased" + (f"; also {more}" if more else ""), markup=False)
