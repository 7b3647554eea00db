"""`shoal trigger`: webhooks that segment changes call; `cli.trigger_service` calls them."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cli.local.audited import on_record
from cli.local.entry_writing import open_entries
from cli.local.service_addresses import RedisOption, kafka_settings, state_settings, trigger_settings
from cli.printing.options_as_dataclass import expand_option_groups
from cli.printing.output import JsonOption, errors, print_json, tables

if TYPE_CHECKING:
    from queries.operations.triggers import Triggers
    from state.campaigns.triggers import Trigger, TriggerStore

__all__ = ["app"]

app = typer.Typer(help="Webhooks that segment changes call.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the trigger.")]
_EXAMPLE = "Example: `shoal trigger add winback --url https://crm.example/hooks/shoal --entered 'At-Risk Customers'`"


class CauseChoice(StrEnum):
    """Why a segment may change."""

    activity = "activity"
    time = "time"
    model = "model"
    baseline = "baseline"
    correction = "correction"
    merge = "merge"


@dataclass(frozen=True)
class _Options:
    """Which changes a webhook is called for, and how."""

    entered: Annotated[
        list[str] | None, typer.Option("--entered", "--to", help="Segment entered (id or name); may be repeated.")
    ] = None
    left: Annotated[
        list[str] | None, typer.Option("--left", "--from", help="Segment left (id or name); may be repeated.")
    ] = None
    cause: Annotated[list[CauseChoice] | None, typer.Option(help="May be repeated; by default activity and time.")] = (
        None
    )
    min_value: Annotated[float | None, typer.Option(help="Least net spend of the customer.")] = None
    needs_consent: Annotated[
        bool, typer.Option("--needs-consent", help="Only customers whose profile says consent.marketing true.")
    ] = False
    cap: Annotated[int, typer.Option(help="Most deliveries for one customer within --cap-days; 0: any.")] = 0
    cap_days: Annotated[float, typer.Option(help="Days that --cap counts over.")] = 7.0
    secret: Annotated[
        str | None,
        typer.Option(
            help="Secret of the signature, whsec_…; made up unless given.",
            show_default=False,
            envvar="SHOAL_TRIGGER_SECRET",
        ),
    ] = None


@app.command("add", epilog=_EXAMPLE)
@expand_option_groups
def add(
    name: NameArgument,
    url: Annotated[str, typer.Option(help="Where to POST; https:// or http://.")],
    options: _Options,
    redis: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a webhook for segment changes. Its secret is shown now and never again."""
    trigger = _trigger(name, url, options)
    on_record(redis, "trigger.add", detail=name)
    _writing_store(redis).add(trigger)
    if as_json:
        print_json(trigger.model_dump(mode="json"))
        return
    tables().print(f"trigger {name} added; give the receiver this secret, it is not shown again:\n{trigger.secret}")


def _trigger(trigger: str, url: str, options: _Options) -> "Trigger":
    """Return the trigger of these options. Raises typer.BadParameter."""
    from pydantic import ValidationError

    from state.campaigns.triggers import Trigger
    from stream.campaigns.webhook_request import new_secret

    try:
        return Trigger(
            trigger=trigger,
            url=url,
            secret=options.secret or new_secret(),
            entered=options.entered or [],
            left=options.left or [],
            causes=[each.value for each in options.cause] if options.cause else ["activity", "time"],
            min_value=options.min_value,
            needs_consent=options.needs_consent,
            cap=options.cap,
            cap_days=options.cap_days,
            created_at=datetime.now(UTC),
        )
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        name = str(detail["loc"][0])
        found = "" if name == "secret" else f", found {detail['input']!r}"
        raise typer.BadParameter(f"{name}: {detail['msg']}{found}") from error


@app.command("list", epilog="Example: `shoal trigger list --json`")
def list_all(redis: RedisOption = None, as_json: JsonOption = False) -> None:
    """List the webhooks, with the number of waiting deliveries and of those that were given up."""
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
    """Remove a webhook; its waiting deliveries are dropped."""
    on_record(redis, "trigger.remove", detail=name)
    _writing_store(redis).remove(name)
    print_json({"removed": name}) if as_json else tables().print(f"trigger {name} removed")


@app.command("seal", epilog="Example: `SHOAL_SECRETS_KEY=new,old shoal trigger seal`")
def seal(redis: RedisOption = None, as_json: JsonOption = False) -> None:
    """Encrypt the stored secrets under the first key of SHOAL_SECRETS_KEY: those in clear, and those of older keys."""
    from state.campaigns.secret_keys import secret_keys
    from state.settings import RedisSettingsInvalid

    if not secret_keys(state_settings(redis)):
        raise RedisSettingsInvalid("there is no key: set SHOAL_SECRETS_KEY or SHOAL_SECRETS_KEY_FILE")
    on_record(redis, "trigger.seal")
    sealed = _writing_store(redis).seal_secrets()
    print_json({"sealed": sealed}) if as_json else tables().print(f"{sealed} secrets encrypted under the first key")


@app.command("test", epilog="Example: `shoal trigger test winback`")
def call_once(name: NameArgument, redis: RedisOption = None, as_json: JsonOption = False) -> None:
    """Call a webhook once, now, with a made-up change marked `"test": true`; exit 1 where it is not taken."""
    import asyncio

    from stream.campaigns.trial_call import try_webhook

    trigger = _triggers(redis).store.get(name)
    on_record(redis, "trigger.test", detail=name)
    called = asyncio.run(try_webhook(trigger, trigger_settings(redis), time.time_ns()))
    if as_json:
        shown = ("ok", "status", "detail", "duration_ms")
        print_json({"trigger": name, **{each: getattr(called, each) for each in shown}})
    else:
        result = f"taken ({called.status})" if called.ok else f"not taken: {called.detail}"
        tables().print(f"{trigger.url}: {result}, {called.duration_ms} ms", highlight=False, markup=False)
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
    from rich.markup import escape
    from rich.table import Table

    attempts = _triggers(redis).attempts(limit, name)
    if as_json:
        print_json({"attempts": attempts})
        return
    table = Table("at (UTC)", "trigger", "change", "outcome", "attempt", "status", "ms", "detail")
    for each in attempts:
        at = each["at"][:19].replace("T", " ")
        columns = ("trigger", "change_id", "outcome", "attempt", "status", "duration_ms", "detail")
        cells = (at, *(each[column] or "" for column in columns))
        table.add_row(*(escape(str(cell)) for cell in cells))
    tables().print(table)


@app.command("dead", epilog="Example: `shoal trigger dead winback --resend`")
def dead(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this trigger's.")] = None,
    resend: Annotated[bool, typer.Option("--resend", help="Queue them again, with all attempts before them.")] = False,
    redis: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """List deliveries that were given up, or queue them again."""
    from rich.markup import escape
    from rich.table import Table

    from events.codec.instants import rfc3339

    triggers = _triggers(redis)
    deliveries = triggers.deliveries
    known, found = triggers.store.names(), deliveries.dead(name)
    if resend:
        on_record(redis, "trigger.resend", detail=name)
        resent = [each for each in found if each.delivery.trigger in known]
        for each in resent:
            deliveries.requeue(each, time.time_ns() // 1_000_000)
        if len(resent) < len(found):
            errors().print(f"{len(found) - len(resent)} are of triggers that were removed, and stay")
        print_json({"resent": len(resent)}) if as_json else tables().print(f"{len(resent)} queued again")
        return
    rows = [
        {
            "died_at": rfc3339(each.died_ms),
            "reason": each.reason,
            **each.delivery.model_dump(include={"id", "trigger", "change_id", "customer_id"}),
        }
        for each in found
    ]
    if as_json:
        print_json({"dead": rows})
        return
    table = Table("given up (UTC)", "trigger", "change", "reason")
    for row in rows:
        at = row["died_at"][:19].replace("T", " ")
        table.add_row(at, row["trigger"], escape(row["change_id"]), escape(row["reason"]))
    tables().print(table if rows else "nothing was given up")


def _triggers(redis: str | None) -> "Triggers":
    from queries.operations.triggers import Triggers
    from state.campaigns.secret_keys import secret_keys
    from state.store.connection import connect

    state = state_settings(redis)
    return Triggers(connect(state.redis), kafka_settings().partitions, secret_keys=secret_keys(state))


def _writing_store(redis: str | None) -> "TriggerStore":
    from state.campaigns.secret_keys import secret_keys
    from state.campaigns.triggers import TriggerStore

    client, entries = open_entries(redis)
    return TriggerStore(client, entries, secret_keys(state_settings(redis)))
