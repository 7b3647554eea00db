"""`shoal import`: public data sets as events."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.local import KafkaOption, kafka_settings
from cli.output import JsonOption, print_json, tables
from cli.sending import DuplicateOption, LimitOption, Plan, Sent, ShuffleOption, send

__all__ = ["app"]

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
    sent = send("orders", read_cdnow(file), kafka_settings(kafka), Plan(limit, shuffle, duplicate))
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
    amount are left out and counted. Importing the file again publishes the same events.
    """
    from cli.formats.online_retail import read_online_retail

    read = read_online_retail(path)
    sent = send("orders", read.orders, kafka_settings(kafka), Plan(limit, shuffle, duplicate))
    counts = {
        "rows": read.summary.rows,
        "orders": read.summary.orders,
        "refunds": read.summary.refunds,
        "rows_skipped": read.summary.skipped,
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
    from cli.formats.mall import read_mall

    profiles = read_mall(path)
    sent = send("customers", profiles, kafka_settings(kafka), Plan(limit, shuffle, duplicate))
    _tell(sent, "mall", path, {"profiles": len(profiles)}, as_json, topic="customers")


def _tell(sent: Sent, kind: str, file: Path, counts: dict[str, Any], as_json: bool, topic: str = "orders") -> None:
    if as_json:
        print_json({"topic": topic, "format": kind, "file": str(file), **sent._asdict(), **counts})
        return
    skipped = {name.replace("_", " "): n for name, n in counts.get("rows_skipped", {}).items() if n}
    told = "".join(f"; {n:,} rows skipped: {name}" for name, n in skipped.items())
    tables().print(
        f"{sent.published:,} events published to {topic} in {sent.seconds:.1f} s{told}", highlight=False, soft_wrap=True
    )
