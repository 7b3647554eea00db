"""`shoal erase`: forget a customer everywhere."""

import time
from typing import Annotated

import typer

from cli.local import KafkaOption, RedisOption, kafka_settings, state_settings
from cli.output import JsonOption, print_json, tables
from events.errors import ShoalError

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
    from consumers.dead_letter_log import DeadLetterLog
    from consumers.sink import KafkaSink
    from events.partitioning import partitions_of
    from state.connection import connect
    from state.erasure_places import forget_elsewhere
    from state.erasures import ErasureQueue

    address, client = kafka_settings(kafka), connect(state_settings(redis).redis)
    partition = int(partitions_of([customer_id], address.partitions)[0])
    queue = ErasureQueue(client)
    queue.request(partition, customer_id)
    deadline = time.monotonic() + timeout
    while queue.is_waiting(partition, customer_id):
        if time.monotonic() > deadline:
            raise ErasureWaits(
                f"no worker has erased {customer_id!r} within {timeout:g} s; it will be done once the partition "
                f"{partition} has a worker. Then run this again, for what workers do not own"
            )
        time.sleep(0.1)
    found = forget_elsewhere(client, customer_id, address.partitions)
    found["dead_letters"] = DeadLetterLog(address, client).forget(customer_id, KafkaSink(address))
    if as_json:
        print_json({"erased": customer_id, "also_in": found})
    else:
        more = ", ".join(f"{number} in {place.replace('_', ' ')}" for place, number in found.items() if number)
        tables().print(f"{customer_id} is erased" + (f"; also {more}" if more else ""), markup=False)
