"""`shoal segments`: the segments, their sizes and profiles."""

from typing import Annotated

import typer

from cli.local.service_addresses import RedisOption
from cli.printing.durations import days_of
from cli.printing.output import JsonOption, print_json, tables
from cli.printing.segment_tables import flows_table, segments_table

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("segments", epilog="Example: `shoal segments --json`")(segments)


def segments(
    flows: Annotated[bool, typer.Option("--flows", help="Show who moved from where to where, and why.")] = False,
    since: Annotated[
        str, typer.Option(help="With --flows: how far back, as 7d or 36h; whole days (UTC) are counted.")
    ] = "7d",
    redis: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show every segment with its customers, its share, and the mean recency, frequency and spend of its members."""
    from cli.local.inspector_connection import inspector

    if flows:
        moved = inspector(redis).flows(days_of(since))
        print_json(moved) if as_json else tables().print(flows_table(moved))
        return
    document = inspector(redis).segments()
    if as_json:
        print_json(document)
    elif not document["segments"]:
        tables().print("no customers yet: publish events (`shoal import cdnow PATH`) and look again")
    else:
        tables().print(segments_table(document))
