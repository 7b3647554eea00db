"""`shoal erase`: forget a customer everywhere."""

import time
from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from cli.local.audited import on_record
from cli.local.service_addresses import KafkaOption, RedisOption, kafka_settings, state_settings
from cli.printing.output import JsonOption, print_json, tables
from events.base_error import ShoalError

if TYPE_CHECKING:
    from stream.erasure.erase_everywhere import ErasureRequests

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

    A person is erased under all ids: those that were merged into the customer, or the one that it was merged into.
    """
    from consumers.broker.kafka_sink import KafkaSink
    from consumers.entries.entry_log import EntryLog
    from events.topics.required_topics import require_topics
    from state.store.connection import connect
    from stream.erasure.erase_everywhere import ErasureRequests

    address, client = kafka_settings(kafka), connect(state_settings(redis).redis)
    require_topics(address)
    erasures = ErasureRequests(client, address, lambda: KafkaSink(address), EntryLog(address, client))
    on_record(redis, "customer.erase", erasures.person(customer_id))
    person = erasures.request(customer_id, time.time_ns() // 1_000_000)
    found = _finish(erasures, person, timeout)
    if as_json:
        print_json({"erased": customer_id, "ids": person, "also_in": found})
        return
    others = [each for each in person if each != customer_id]
    one = f", and with it {', '.join(others)}, which {'is' if len(others) == 1 else 'are'} the same person"
    more = ", ".join(f"{number} in {place.replace('_', ' ')}" for place, number in found.items() if number)
    said = f"{customer_id} is erased{one if others else ''}" + (f"; also {more}" if more else "")
    tables().print(said, markup=False, highlight=False, soft_wrap=True)


def _finish(erasures: "ErasureRequests", person: list[str], timeout_s: float) -> dict[str, int]:
    """Wait for workers, erase what they do not own, and return the number of erased items by place.

    Raises ErasureWaits.
    """
    found, left, deadline = Counter[str](), list(person), time.monotonic() + timeout_s
    while left:
        for customer_id in list(left):
            if (erased := erasures.finish(customer_id)) is not None:
                found.update(erased)
                left.remove(customer_id)
        if left and time.monotonic() > deadline:
            raise ErasureWaits(
                f"no worker has erased {left[0]!r} within {timeout_s:g} s; it will be done once its partition has a "
                "worker. Then run this again, for what workers do not own (a running API does that by itself)"
            )
        if left:
            time.sleep(0.1)
    return dict(found)
