"""`shoal import`: a shop's exports and public data sets as events."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import import_exports
from cli.feeding.file_sending import SendOptions, Sent, send
from cli.local.service_addresses import kafka_settings
from cli.printing.options_as_dataclass import expand_option_groups
from cli.printing.output import print_json, tables

if TYPE_CHECKING:
    from cli.feeding.within_bounds import SizedEvents

__all__ = ["app"]


app = typer.Typer(help="Publish your shop's exports, or a public data set, as events.", no_args_is_help=True)
import_exports.register(app)


@app.command(
    "cdnow",
    epilog="Examples: `shoal import cdnow CDNOW_master.txt`, `shoal import cdnow --limit 1000 --shuffle 1 --json`",
)
@expand_option_groups
def cdnow(
    *,
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="[PATH]",
            help="CDNOW_master.txt or CDNOW_sample.txt; by default the sample that comes with the package Lifetimes.",
            exists=True,
            dir_okay=False,
            show_default=False,
        ),
    ] = None,
    options: SendOptions,
) -> None:
    """Publish the purchases of CDNOW, a CD shop (1997 to 1998), as orders by date.

    Each row is an order placed, in USD. Its event id is made from customer, date and place, so importing the file
    again publishes the same events, which Shoal recognises as duplicates.
    """
    from cli.formats.cdnow import read_cdnow, sample_path

    file = path or sample_path()
    _publish("cdnow", file, {"orders": read_cdnow(file)}, {}, options)


@app.command("online-retail", epilog="Example: `shoal import online-retail online_retail.parquet --json`")
@expand_option_groups
def online_retail(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH",
            help="The invoice lines of UCI Online Retail as .parquet or .csv.",
            exists=True,
            dir_okay=False,
        ),
    ],
    options: SendOptions,
) -> None:
    """Publish the invoices of UCI Online Retail, a British gift shop (2010 to 2011), as orders by time.

    The lines of an invoice make one order in GBP, those of a cancellation one refund. Lines without a customer or an
    amount are left out and counted. Each customer's latest country is published as a profile after the orders, if the
    file has it. Importing the file again publishes the same events. --limit is for orders and profiles each.
    """
    from cli.formats.online_retail import read_online_retail

    read = read_online_retail(path)
    counts = {
        "rows": read.summary.rows,
        "orders": read.summary.orders,
        "refunds": read.summary.refunds,
        "rows_skipped": read.summary.skipped,
        "profiles": read.summary.profiles,
        "profiles_skipped": read.summary.profiles_skipped,
    }
    _publish("online-retail", path, {"orders": read.orders, "customers": read.profiles}, counts, options)


@app.command("mall", epilog="Example: `shoal import mall Mall_Customers.csv --json`")
@expand_option_groups
def mall(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Mall_Customers.csv.", exists=True, dir_okay=False)],
    options: SendOptions,
) -> None:
    """Publish the 200 mall customers (gender, age, income, spending score) as CRM profiles; nobody orders anything.

    The score is the attribute spending_score. Then: `shoal rebaseline --features income,spending_score --approve`.
    """
    from cli.formats.mall_customers import read_mall

    profiles = read_mall(path)
    _publish("mall", path, {"customers": profiles}, {"profiles": len(profiles)}, options)


@app.command("thelook", epilog="Example: `shoal import thelook thelook_ecommerce --json`")
@expand_option_groups
def thelook(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH",
            help="The folder of users.csv, orders.csv and order_items.csv; with products.csv and events.csv if wanted.",
            exists=True,
            file_okay=False,
        ),
    ],
    options: SendOptions,
) -> None:
    """Publish TheLook, an invented clothes shop of BigQuery (thelook_ecommerce), as orders, web sessions and profiles.

    Orders are in USD; what was cancelled or returned is taken back once. Sessions are those of users. Profiles have no
    names, no addresses and no e-mail. What cannot be used is left out and counted. Importing the folder again publishes
    the same events. --limit is for orders, sessions and profiles each.
    """
    from cli.formats.thelook import read_thelook

    read = read_thelook(path)
    counts = asdict(read.summary)
    counts["rows_skipped"] = counts.pop("skipped")
    logs: dict[str, SizedEvents] = {"orders": read.orders, "web-sessions": read.sessions, "customers": read.profiles}
    _publish("thelook", path, logs, counts, options)


def _publish(
    kind: str, file: Path, logs: Mapping[str, "SizedEvents"], counts: dict[str, Any], options: SendOptions
) -> None:
    """Publish the events of each topic, one topic after the other, and print what was published and left out."""
    from cli.feeding.within_bounds import WithinBounds

    first, settings = next(iter(logs)), kafka_settings(options.kafka)
    kept = {topic: WithinBounds(log) for topic, log in logs.items()}
    # Where nothing is published to a topic, it need not exist.
    sent = {topic: send(topic, log, settings, options) for topic, log in kept.items() if len(log) or topic == first}
    refused = {topic: dict(log.refused) for topic, log in kept.items() if log.refused}
    counts |= {"events_refused": refused} if refused else {}
    if options.as_json:
        topics = {"topics": {topic: each.published for topic, each in sent.items()}} if len(sent) > 1 else {}
        print_json({"topic": first, "format": kind, "file": str(file), **sent[first]._asdict(), **topics, **counts})
    else:
        _print_sent(sent, counts)


def _print_sent(sent: dict[str, Sent], counts: dict[str, Any]) -> None:
    lines = [f"{each.published:,} events published to {topic} in {each.seconds:.1f} s" for topic, each in sent.items()]
    left_out = [
        line for what in ("rows", "cells", "profiles") for line in _left_out(what, counts.get(f"{what}_skipped"))
    ]
    left_out += [
        f"{count:,} of {topic} refused: {reason}"
        for topic, each in counts.get("events_refused", {}).items()
        for reason, count in each.items()
    ]
    tables().print("; ".join(lines + left_out), highlight=False, soft_wrap=True)


def _left_out(what: str, skipped: dict[str, Any] | None) -> Iterator[str]:
    """Yield how many were left out for each reason; `skipped` counts by reason, or by table and reason."""
    for name, count in (skipped or {}).items():
        if isinstance(count, dict):
            yield from _left_out(f"{what} of {name}", count)
        elif count:
            yield f"{count:,} {what} skipped: {name.replace('_', ' ')}"
