"""`shoal wait`: return when everything published so far has been processed."""

import time
from typing import Annotated

import redis
import typer

from cli.local import KafkaOption, RedisOption, kafka_settings, state_settings
from cli.output import JsonOption, errors, print_json, tables
from events.errors import ShoalError
from state import keys
from state.watermarks import read_fates

__all__ = ["NotProcessed", "register", "wait_until_processed"]


class NotProcessed(ShoalError):
    """The time was up before everything was processed."""

    retriable = True


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("wait", epilog="Example: `shoal import cdnow CDNOW_master.txt && shoal wait --timeout 120`")(wait)


def wait(
    timeout: Annotated[float, typer.Option(help="Seconds to wait at most.", min=0.0)] = 300.0,
    kafka: KafkaOption = None,
    redis_url: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Return when everything published so far has been processed and its segment changes are sent."""
    started = time.monotonic()
    events = wait_until_processed(kafka, redis_url, timeout)
    seconds = round(time.monotonic() - started, 3)
    if as_json:
        print_json({"processed": events, "seconds": seconds})
    else:
        tables().print(f"{events:,} events processed")


def wait_until_processed(kafka: str | None, redis_url: str | None, timeout_s: float) -> int:
    """Wait for the stored offsets to reach the topics' present ends; return the number of events processed in all.

    Raises NotProcessed, KafkaUnreachable, RedisUnreachable.
    """
    from rich.progress import Progress

    from consumers.lag import behind, end_offsets, stored_offsets, unsent_changes
    from events.topics import CO_PARTITIONED
    from state.connection import connect

    address, client = kafka_settings(kafka), connect(state_settings(redis_url).redis)
    deadline = time.monotonic() + timeout_s
    ends = end_offsets(address, CO_PARTITIONED)
    rerouted = _rerouted(client, address.partitions)
    total = sum(ends.values())
    with Progress(console=errors(), transient=True) as progress:
        bar = progress.add_task("processing", total=total)
        while True:
            missing = behind(ends, stored_offsets(client, address.partitions, keys.SEGMENTS_GROUP))
            unsent = unsent_changes(client, address.partitions)
            progress.update(bar, completed=total - missing)
            if not missing and not unsent:
                if (now := _rerouted(client, address.partitions)) == rerouted:
                    return total
                rerouted = now  # events were published anew, to their right partitions
                ends = end_offsets(address, CO_PARTITIONED)
                total = sum(ends.values())
            if time.monotonic() > deadline:
                raise NotProcessed(
                    f"after {timeout_s:g} s, {missing:,} of {total:,} events are not processed and {unsent:,} changes "
                    "not sent. Is a worker running? Look with `shoal health`."
                )
            time.sleep(0.05)


def _rerouted(client: redis.Redis, partitions: int) -> int:
    fates = read_fates(client, partitions, keys.SEGMENTS_GROUP)
    return sum(count for name, count in fates.items() if name.endswith(":rerouted"))
