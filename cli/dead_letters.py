"""`shoal dead-letters`: what was refused, why, and publishing it again after a fix."""

from typing import Annotated, Any

import typer

from cli.local.audited import on_record
from cli.local.service_addresses import KafkaOption, RedisOption, kafka_settings, state_settings
from cli.printing.output import JsonOption, errors, print_json, tables

__all__ = ["app"]

app = typer.Typer(help="Events that were refused: list them, publish them again.", no_args_is_help=True)

TopicOption = Annotated[str | None, typer.Option(help="Only those of this topic (its name without prefix).")]


@app.command("list", epilog="Example: `shoal dead-letters list --topic orders --limit 5`")
def list_all(
    topic: TopicOption = None,
    limit: Annotated[int, typer.Option(help="Most letters to show, the newest.", min=1, max=1_000_000)] = 50,
    kafka: KafkaOption = None,
    redis: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the events that were refused, with the reason and where each stood."""
    from rich.markup import escape
    from rich.table import Table

    from queries.operations.dead_letter_json import dead_letter_json

    log = _log(kafka, redis)
    shown = [dead_letter_json(each) for each in log.latest(limit, topic)]
    total = len(shown) if len(shown) < limit else max(len(shown), log.count(topic))
    if as_json:
        print_json({"total": total, "dead_letters": shown})
        return
    if not shown:
        tables().print("no dead letters: every event could be applied")
        return
    table = Table("id", "refused (UTC)", "reason", "key", "replayed", title=f"{len(shown):,} of {total:,}")
    for each in shown:
        at, again = _shown(each["dead_lettered_at"]), _shown(each["replayed_at"])
        table.add_row(*map(escape, (each["id"], at, each["reason"], each["key"] or "", again)))
    tables().print(table)


@app.command("replay", epilog="Example: `shoal dead-letters replay orders/5/120934`, or `--topic orders`, or `--all`")
def replay(
    *,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Ids as `list` shows them.")] = None,
    topic: TopicOption = None,
    everything: Annotated[bool, typer.Option("--all", help="All that were not replayed yet.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Also those that were replayed before.")] = False,
    kafka: KafkaOption = None,
    redis: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Publish refused events again, with their original bytes and keys; each is replayed once unless --again."""
    from consumers.broker.kafka_sink import KafkaSink
    from consumers.dead_letters.replay import LetterSelection, LetterUnknown
    from consumers.dead_letters.replay import replay as publish_again

    if not (ids or topic or everything):
        raise typer.BadParameter("name the letters, or give --topic or --all")
    try:
        on_record(redis, "dead-letters.replay", detail=topic or ("all" if everything else f"{len(ids or ())} letters"))
        selection = LetterSelection(ids or (), topic, again)
        done = publish_again(_log(kafka, redis), KafkaSink(kafka_settings(kafka)), selection)
    except LetterUnknown as error:
        raise typer.BadParameter(str(error)) from error
    if as_json:
        counts = {"replayed": done.replayed, "replayed_before": done.replayed_before}
        print_json({**counts, "without_value": done.without_value})
        return
    tables().print(f"{done.replayed:,} published again")
    if done.replayed_before:
        errors().print(f"{done.replayed_before:,} were replayed before; --again publishes those too")
    if done.without_value:
        errors().print(f"{done.without_value:,} had too many bytes to be kept: find them in their topic")


def _log(kafka: str | None, redis: str | None) -> Any:
    from consumers.dead_letters.stored_letters import DeadLetterLog
    from events.topics.required_topics import require_topics
    from state.store.connection import connect

    address = kafka_settings(kafka)
    require_topics(address)
    return DeadLetterLog(address, connect(state_settings(redis).redis))


def _shown(instant: str | None) -> str:
    return instant[:19].replace("T", " ") if instant else ""
