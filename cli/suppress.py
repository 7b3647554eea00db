"""`shoal suppress`: customers who are left out of everything, of one campaign, or of what one segment triggers."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.local.audited import on_record
from cli.local.entry_writing import open_entries
from cli.local.service_addresses import RedisOption, kafka_settings, state_settings
from cli.printing.options_as_dataclass import expand_option_groups
from cli.printing.output import JsonOption, print_json, tables

if TYPE_CHECKING:
    from state.campaigns.suppressions import SuppressionStore
    from state.customers.person_ids import PersonIdsReader

__all__ = ["app"]

app = typer.Typer(help="Leave customers out of campaigns and webhooks.", no_args_is_help=True)

CampaignOption = Annotated[str | None, typer.Option(help="Only of this campaign (a trigger's name).")]
_CHUNK = 5_000
"""Customers of whom the other ids are read at once."""

SegmentOption = Annotated[str | None, typer.Option(help="Only of what this segment (id) triggers.")]


@dataclass(frozen=True)
class _ChangeOptions:
    """Which customers, and of what they are left out."""

    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Customers.", show_default=False)] = None
    file: Annotated[Path | None, typer.Option("--file", help="More customers, one a line; - is stdin.")] = None
    campaign: CampaignOption = None
    segment: SegmentOption = None
    redis: RedisOption = None
    as_json: JsonOption = False


@app.command("add", epilog="Example: `shoal suppress add anna bert --campaign winback`")
@expand_option_groups
def add(options: _ChangeOptions) -> None:
    """Leave customers out: of everything, or of one campaign or segment."""
    _change(options, "added", "are left out now ({}); the others were already")


@app.command("remove", epilog="Example: `shoal suppress remove anna`")
@expand_option_groups
def remove(options: _ChangeOptions) -> None:
    """Let customers in again, under all ids of the person."""
    _change(options, "removed", "had been left out ({}), and no longer are")


def _change(options: _ChangeOptions, done: Literal["added", "removed"], message: str) -> None:
    scope, customers = _scope(options.campaign, options.segment), _customers(options.ids, options.file)
    on_record(options.redis, "suppression.add" if done == "added" else "suppression.remove", customers, scope)
    store = _writing_store(options.redis)
    if done == "added":
        changed = store.add(scope, customers)
    else:
        people = _people(options.redis)
        parts = (customers[start : start + _CHUNK] for start in range(0, len(customers), _CHUNK))
        changed = sum(store.remove_people(scope, [each.all for each in people.many(part)]) for part in parts)
    if options.as_json:
        print_json({"scope": scope, "customers": len(customers), done: changed})
    else:
        tables().print(f"{changed} of {len(customers)} customers {message.format(scope)}")


@app.command("list", epilog="Example: `shoal suppress list --campaign winback`")
def list_all(
    customer: Annotated[
        str | None, typer.Option(help="Show what leaves this customer out, under any of its ids.")
    ] = None,
    campaign: CampaignOption = None,
    segment: SegmentOption = None,
    members: Annotated[bool, typer.Option("--members", help="List the customers of the scope.")] = False,
    redis: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the scopes with their numbers of customers, one scope's customers, or what leaves one customer out."""
    store = _store(redis)
    if customer is not None:
        scopes = store.scopes_of(*_people(redis).one(customer).all)
        print_json({"customer_id": customer, "scopes": scopes}) if as_json else tables().print(
            f"{customer} is left out of: {', '.join(scopes) or 'nothing'}", markup=False
        )
    elif members or campaign or segment:
        scope = _scope(campaign, segment)
        found = sorted(store.members(scope))
        if as_json:
            print_json({"scope": scope, "customers": found})
        else:
            sys.stdout.writelines(f"{each}\n" for each in found)
    elif as_json:
        print_json({"scopes": [{"scope": scope, "customers": number} for scope, number in store.scopes().items()]})
    else:
        for scope, number in store.scopes().items():
            tables().print(f"{number:>10,}  {scope}", markup=False)


def _scope(campaign: str | None, segment: str | None) -> str:
    from state.campaigns.suppressions import ALL, campaign_scope, segment_scope

    if campaign and segment:
        raise typer.BadParameter("give --campaign or --segment, not both")
    return campaign_scope(campaign) if campaign else segment_scope(segment) if segment else ALL


def _customers(ids: list[str] | None, file: Path | None) -> list[str]:
    text = "" if file is None else sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    customers = [each for each in dict.fromkeys([*(ids or []), *text.splitlines()]) if each.strip()]
    if not customers:
        raise typer.BadParameter("name at least one customer, or give --file")
    return customers


def _people(redis: str | None) -> "PersonIdsReader":
    from state.customers.person_ids import PersonIdsReader
    from state.store.connection import connect

    return PersonIdsReader(connect(state_settings(redis).redis), kafka_settings().partitions)


def _store(redis: str | None) -> "SuppressionStore":
    from state.campaigns.suppressions import SuppressionStore
    from state.store.connection import connect

    return SuppressionStore(connect(state_settings(redis).redis))


def _writing_store(redis: str | None) -> "SuppressionStore":
    from state.campaigns.suppressions import SuppressionStore

    return SuppressionStore(*open_entries(redis))
