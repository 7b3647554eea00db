"""`shoal segments`: the segments, their sizes and profiles."""

from typing import Annotated, Any

import typer

from cli.durations import days_of
from cli.local import RedisOption
from cli.output import JsonOption, print_json, tables

__all__ = ["register", "segments_table"]


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
    from cli.inspection import inspector

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


def segments_table(document: dict[str, Any]) -> Any:
    """Return the table of the segments."""
    from rich.table import Table

    from stream.inspect import segment_rows

    source = f"baseline {document['baseline']}" if document["baseline"] else "RFM tiers, before the first baseline"
    table = Table(title=f"{document['customers']:,} customers ({source})")
    table.add_column("segment", no_wrap=True)
    for heading in ("customers", "share", "days since last order", "orders", "net spend"):
        table.add_column(heading, justify="right")
    for cells in segment_rows(document):
        table.add_row(*cells)
    return table


def flows_table(document: dict[str, Any]) -> Any:
    """Return the table of the flows."""
    from rich.table import Table

    table = Table(title=f"{document['moves']:,} moves from {document['since']} to {document['until']} (UTC)")
    for heading in ("from", "to", "cause"):
        table.add_column(heading)
    table.add_column("moves", justify="right")
    for each in document["flows"]:
        table.add_row(each["from_segment"] or "(new)", each["to_segment"], each["cause"], f"{each['moves']:,}")
    return table
