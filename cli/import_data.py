"""`shoal import`: public data sets as events."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from cli.feeding.event_sending import DuplicateOption, LimitOption, Plan, Sent, ShuffleOption, send
from cli.local.addresses import KafkaOption, kafka_settings
from cli.printing.output import JsonOption, print_json, tables

if TYPE_CHECKING:
    from events.schema.inputs import Event
    from events.settings import KafkaSettings

__all__ = ["app"]


class _Events(Protocol):
    def __len__(self) -> int: ...
    def __iter__(self) -> "Iterator[Event]": ...


app = typer.Typer(help="Publish a public data set as events.", no_args_is_help=True)


@app.command(
    "cdnow",
    epilog="Examples: `shoal import cdnow CDNOW_master.txt`, `shoal import cdnow --limit 1000 --shuffle 1 --json`",
)
def cdnow(
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
    limit: LimitOption = None,
    shuffle: ShuffleOption = None,
    duplicate: DuplicateOption = 0.0,
    kafka: KafkaOption = None,
    as_json: JsonOption = False,
) -> None:
    """Publish the purchases of CDNOW, a CD shop (1997 to 1998), as orders by date.

    Each row is an order placed, in USD. Its event id is made from customer, date and place, so importing the file
    again publishes the same events, which Shoal recognises as duplicates.
    """
    from cli.formats.cdnow import read_cdnow, sample_path

    file = path or sample_path()
    sent = _send({"orders": read_cdnow(file)}, kafka_settings(kafka), Plan(limit, shuffle, duplicate))
    _tell(sent, "cdnow", file, {}, as_json)


@app.command("online-retail", epilog="Example: `shoal import online-retail online_retail.parquet --json`")
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
    limit: LimitOption = None,
    shuffle: ShuffleOption = None,
    duplicate: DuplicateOption = 0.0,
    kafka: KafkaOption = None,
    as_json: JsonOption = False,
) -> None:
    """Publish the invoices of UCI Online Retail, a British gift shop (2010 to 2011), as orders by time.

    The lines of an invoice make one order in GBP, those of a cancellation one refund. Lines without a customer or an
    amount are left out and counted. Each customer's latest country is published as a profile after the orders, if the
    file has it. Importing the file again publishes the same events. --limit is for orders and profiles each.
    """
    from cli.formats.online_retail import read_online_retail

    read = read_online_retail(path)
    logs: dict[str, _Events] = {"orders": read.orders, "customers": read.profiles}
    sent = _send(logs, kafka_settings(kafka), Plan(limit, shuffle, duplicate))
    counts = {
        "rows": read.summary.rows,
        "orders": read.summary.orders,
        "refunds": read.summary.refunds,
        "rows_skipped": read.summary.skipped,
        "profiles": read.summary.profiles,
        "profiles_skipped": read.summary.profiles_skipped,
    }
    _tell(sent, "online-retail", path, counts, as_json)


@app.command("mall", epilog="Example: `shoal import mall Mall_Customers.csv --json`")
def mall(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Mall_Customers.csv.", exists=True, dir_okay=False)],
    limit: LimitOption = None,
    shuffle: ShuffleOption = None,
    duplicate: DuplicateOption = 0.0,
    kafka: KafkaOption = None,
    as_json: JsonOption = False,
) -> None:
    """Publish the 200 mall customers (gender, age, income, spending score) as CRM profiles; nobody orders anything.

    The score is the attribute spending_score. Then: `shoal rebaseline --features income,spending_score --approve`.
    """
    from cli.formats.mall_customers import read_mall

    profiles = read_mall(path)
    sent = _send({"customers": profiles}, kafka_settings(kafka), Plan(limit, shuffle, duplicate))
    _tell(sent, "mall", path, {"profiles": len(profiles)}, as_json)


@app.command("thelook", epilog="Example: `shoal import thelook thelook_ecommerce --json`")
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
    limit: LimitOption = None,
    shuffle: ShuffleOption = None,
    duplicate: DuplicateOption = 0.0,
    kafka: KafkaOption = None,
    as_json: JsonOption = False,
) -> None:
    """Publish TheLook, an invented clothes shop of BigQuery (thelook_ecommerce), as orders, web sessions and profiles.

    Orders are in USD; what was cancelled or returned is taken back once. Sessions are those of users. Profiles have no
    names, no addresses and no e-mail. What cannot be used is left out and counted. Importing the folder again publishes
    the same events. --limit is for orders, sessions and profiles each.
    """
    from cli.formats.thelook import read_thelook

    read = read_thelook(path)
    logs: dict[str, _Events] = {"orders": read.orders, "web-sessions": read.sessions, "customers": read.profiles}
    sent = _send(logs, kafka_settings(kafka), Plan(limit, shuffle, duplicate))
    counts = asdict(read.summary)
    counts["rows_skipped"] = counts.pop("skipped")
    _tell(sent, "thelook", path, counts, as_json)


def _send(logs: Mapping[str, _Events], settings: "KafkaSettings", plan: Plan) -> dict[str, Sent]:
    """Publish the logs one after the other, and return what was sent by topic; an empty log needs no topic."""
    first = next(iter(logs))
    return {topic: send(topic, log, settings, plan) for topic, log in logs.items() if len(log) or topic == first}


def _tell(sent: dict[str, Sent], kind: str, file: Path, counts: dict[str, Any], as_json: bool) -> None:
    topic, main = next(iter(sent.items()))
    if as_json:
        topics = {"topics": {each: told.published for each, told in sent.items()}} if len(sent) > 1 else {}
        print_json({"topic": topic, "format": kind, "file": str(file), **main._asdict(), **topics, **counts})
        return
    lines = [f"{told.published:,} events published to {each} in {told.seconds:.1f} s" for each, told in sent.items()]
    left_out = [
        line for what in ("rows", "cells", "profiles") for line in _left_out(what, counts.get(f"{what}_skipped"))
    ]
    tables().print("; ".join(lines + left_out), highlight=False, soft_wrap=True)


def _left_out(what: str, skipped: dict[str, Any] | None) -> Iterator[str]:
    """Yield how many were left out for each reason; `skipped` counts by reason, or by table and reason."""
    for name, count in (skipped or {}).items():
        if isinstance(count, dict):
            yield from _left_out(f"{what} of {name}", count)
        elif count:
            yield f"{count:,} {what} skipped: {name.replace('_', ' ')}"
