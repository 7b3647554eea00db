"""`shoal trigger`: webhooks that segment changes call; `shoal triggers`: the service that calls them."""

import time
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.local.addresses import KafkaOption, RedisOption, kafka_settings, state_settings
from cli.printing.output import JsonOption, errors, log_to_stderr, print_json, tables

if TYPE_CHECKING:
    from queries.operations.triggers import Triggers

__all__ = ["app", "register"]

app = typer.Typer(help="Webhooks that segment changes call.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the trigger.")]
_SERVICE = "Example: `SHOAL_KAFKA=kafka:9092 SHOAL_REDIS=redis://redis:6379/0 shoal triggers`"
_EXAMPLE = "Example: `shoal trigger add winback --url https://crm.example/hooks/shoal --entered 'At-Risk Customers'`"


class CauseChoice(StrEnum):
    """Why a segment may change."""

    activity = "activity"
    time = "time"
    model = "model"
    baseline = "baseline"
    correction = "correction"


def register(main: typer.Typer) -> None:
    """Add the service."""
    main.command(
        "triggers", epilog="Example: `SHOAL_KAFKA=kafka:9092 SHOAL_REDIS=redis://redis:6379/0 shoal triggers`"
    )(serve)


def serve(kafka: KafkaOption = None, redis: RedisOption = None) -> None:
    """Call the webhooks of segment changes, until told to stop; several may run, sharing the work."""
    from consumers.settings import ConsumerSettings
    from events.topics.administration import require_topics
    from events.topics.specs import topic_specs
    from stream.campaigns.service import run_triggers
    from stream.campaigns.settings import TriggerSettings

    log_to_stderr()
    address = kafka_settings(kafka)
    require_topics(address.kafka, topic_specs(address))
    session_s = ConsumerSettings().session_timeout_s
    raise typer.Exit(run_triggers(address, state_settings(redis), TriggerSettings(), session_s))


@app.command("add", epilog=_EXAMPLE)
def add(
    name: NameArgument,
    url: Annotated[str, typer.Option(help="Where to POST; https:// or http://.")],
    entered: Annotated[
        list[str] | None, typer.Option("--entered", "--to", help="Segment entered (id or name); may be repeated.")
    ] = None,
    left: Annotated[
        list[str] | None, typer.Option("--left", "--from", help="Segment left (id or name); may be repeated.")
    ] = None,
    cause: Annotated[
        list[CauseChoice] | None, typer.Option(help="May be repeated; by default activity and time.")
    ] = None,
    min_value: Annotated[float | None, typer.Option(help="Least net spend of the customer.")] = None,
    needs_consent: Annotated[
        bool, typer.Option("--needs-consent", help="Only customers whose profile says consent.marketing true.")
    ] = False,
    cap: Annotated[int, typer.Option(help="Most deliveries for one customer within --cap-days; 0: any.")] = 0,
    cap_days: Annotated[float, typer.Option(help="Days that --cap counts over.")] = 7.0,
    secret: Annotated[
        str | None, typer.Option(help="Secret of the signature, whsec_…; made up unless given.", show_default=False)
    ] = None,
    redis: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a webhook for segment changes. Its secret is shown now and never again."""
    from pydantic import ValidationError

    from state.campaigns.triggers import Trigger
    from stream.campaigns.webhook_request import new_secret

    try:
        trigger = Trigger(
            trigger=name,
            url=url,
            secret=secret or new_secret(),
            entered=entered or [],
            left=left or [],
            causes=[each.value for each in cause] if cause else ["activity", "time"],
            min_value=min_value,
            needs_consent=needs_consent,
            cap=cap,
            cap_days=cap_days,
            created_at=datetime.now(UTC),
        )
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        raise typer.BadParameter(f"{detail['loc'][0]}: {detail['msg']}, found {detail['input']!r}") from error
    _triggers(redis).store.add(trigger)
    if as_json:
        print_json(trigger.model_dump(mode="json"))
        return
    tables().print(f"trigger {name} added; give the receiver this secret, it is not shown again:\n{trigger.secret}")


@app.command("list", epilog="Example: `shoal trigger list --json`")
def list_all(redis: RedisOption = None, as_json: JsonOption = False) -> None:
    """List the webhooks, with how much each has still to be told and how much was given up."""
    from rich.table import Table

    listed = _triggers(redis).all()
    if as_json:
        print_json({"triggers": listed})
        return
    table = Table("trigger", "url", "left → entered", "causes", "waiting", "dead")
    for each in listed:
        way = f"{', '.join(each['left']) or 'any'} → {', '.join(each['entered']) or 'any'}"
        table.add_row(
            each["trigger"], each["url"], way, ", ".join(each["causes"]), str(each["waiting"]), str(each["dead"])
        )
    tables().print(table if listed else "no triggers yet; add one with `shoal trigger add`")


@app.command("remove", epilog="Example: `shoal trigger remove winback`")
def remove(name: NameArgument, redis: RedisOption = None, as_json: JsonOption = False) -> None:
    """Remove a webhook; what it had still to be told is dropped."""
    _triggers(redis).store.remove(name)
    print_json({"removed": name}) if as_json else tables().print(f"trigger {name} removed")


@app.command("test", epilog="Example: `shoal trigger test winback`")
def call_once(name: NameArgument, redis: RedisOption = None, as_json: JsonOption = False) -> None:
    """Call a webhook once, now, with a made-up change marked `"test": true`; exit 1 where it is not taken."""
    import asyncio

    from stream.campaigns.settings import TriggerSettings
    from stream.campaigns.trial_call import try_webhook

    trigger = _triggers(redis).store.get(name)
    called = asyncio.run(try_webhook(trigger, TriggerSettings().trigger_timeout_s, time.time_ns()))
    if as_json:
        print_json(
            {
                "trigger": name,
                "ok": called.ok,
                "status": called.status,
                "detail": called.detail,
                "duration_ms": called.duration_ms,
            }
        )
    else:
        said = f"taken ({called.status})" if called.ok else f"not taken: {called.detail}"
        tables().print(f"{trigger.url}: {said}, {called.duration_ms} ms", highlight=False, markup=False)
    if not called.ok:
        raise typer.Exit(1)


@app.command("log", epilog="Example: `shoal trigger log winback --limit 20`")
def show_log(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this trigger's.")] = None,
    limit: Annotated[int, typer.Option(help="Most attempts to show.", min=1, max=100_000)] = 50,
    redis: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the latest attempts: what was delivered, what failed, who was left out and why."""
    from rich.table import Table

    attempts = _triggers(redis).attempts(limit, name)
    if as_json:
        print_json({"attempts": attempts})
        return
    table = Table("at (UTC)", "trigger", "change", "outcome", "attempt", "status", "ms", "detail")
    for each in attempts:
        at = each["at"][:19].replace("T", " ")
        told = ("trigger", "change_id", "outcome", "attempt", "status", "duration_ms", "detail")
        cells = (at, *(each[name] or "" for name in told))
        table.add_row(*(_plain(str(cell)) for cell in cells))
    tables().print(table)


@app.command("dead", epilog="Example: `shoal trigger dead winback --resend`")
def dead(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this trigger's.")] = None,
    resend: Annotated[bool, typer.Option("--resend", help="Queue them again, with all attempts before them.")] = False,
    redis: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """List deliveries that were given up, or queue them again."""
    from rich.table import Table

    triggers = _triggers(redis)
    deliveries = triggers.deliveries
    known, found = triggers.store.all(), deliveries.dead(name)
    if resend:
        again = [each for each in found if each.delivery.trigger in known]
        for each in again:
            deliveries.requeue(each, time.time_ns() // 1_000_000)
        if len(again) < len(found):
            errors().print(f"{len(found) - len(again)} are of triggers that were removed, and stay")
        print_json({"resent": len(again)}) if as_json else tables().print(f"{len(again)} queued again")
        return
    rows = [
        _timed({"died_ms": each.died_ms}, "died_ms", "died_at")
        | {"reason": each.reason, **each.delivery.model_dump(include={"id", "trigger", "change_id", "customer_id"})}
        for each in found
    ]
    if as_json:
        print_json({"dead": rows})
        return
    table = Table("given up (UTC)", "trigger", "change", "reason")
    for row in rows:
        at = row["died_at"][:19].replace("T", " ")
        table.add_row(at, row["trigger"], _plain(row["change_id"]), _plain(row["reason"]))
    tables().print(table if rows else "nothing was given up")


def _triggers(redis: str | None) -> "Triggers":
    from queries.operations.triggers import Triggers
    from state.store.connection import connect

    return Triggers(connect(state_settings(redis).redis))


def _timed(values: dict[str, Any], name: str, shown: str) -> dict[str, Any]:
    """Return the values with a time in ms as RFC 3339 text under another name."""
    from stream.moves.changes import rfc3339

    return {shown: rfc3339(values.pop(name)), **values}


def _plain(text: str) -> str:
    return text.replace("[", "\\[")
