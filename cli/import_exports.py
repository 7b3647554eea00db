"""`shoal import orders`, `customers` and `sessions`: a shop's own export as events."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.feeding.file_sending import SendOptions, send
from cli.feeding.shop_export_options import FileForm, Meaning, Trial, mapping_of
from cli.local.service_addresses import kafka_settings
from cli.printing.options_as_dataclass import expand_option_groups
from cli.printing.output import errors, print_json, tables

if TYPE_CHECKING:
    from cli.shop_exports.cell_text.header_words import Kind
    from cli.shop_exports.guesses.questions import QuestionsOpen
    from cli.shop_exports.shop_export import ShopExport
    from cli.tables.table import Table

__all__ = ["register"]

_EXAMPLES = 3
_FILES = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FILE...",
        help="CSV, TSV, Excel, JSON Lines, Parquet, also in gz or zip: paths, folders, URLs (https, s3, gs), "
        "- for stdin.",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands to `shoal import`."""
    app.command("orders", epilog=_epilog("orders"))(orders)
    app.command("customers", epilog=_epilog("customers"))(customers)
    app.command("sessions", epilog=_epilog("sessions"))(sessions)


def _epilog(kind: str) -> str:
    return f"Examples: `shoal import {kind} export.csv --dry-run`, `shoal import {kind} exports/ --zone Europe/Berlin`"


@expand_option_groups
def orders(*, files: _FILES = None, meaning: Meaning, form: FileForm, trial: Trial, options: SendOptions) -> None:
    """Publish a shop's export of orders, whatever program wrote it.

    Encoding, delimiter, columns, decimal marks and dates are found out from the whole file. Where it can be read in two
    ways, nothing is published, and the command says by which option you choose. Rows that cannot be used are refused
    and told. Event ids are made of order and kind: importing a file again changes nothing. See docs/imports.md.
    """
    _import("orders", files or [], meaning, form, trial, options)


@expand_option_groups
def customers(*, files: _FILES = None, meaning: Meaning, form: FileForm, trial: Trial, options: SendOptions) -> None:
    """Publish a shop's export of customers as profiles: country, city, age, consent, and attributes of your own.

    Files are read as by `shoal import orders`. `--map attributes.tier=Tier` takes a column as an attribute.
    """
    _import("customers", files or [], meaning, form, trial, options)


@expand_option_groups
def sessions(*, files: _FILES = None, meaning: Meaning, form: FileForm, trial: Trial, options: SendOptions) -> None:
    """Publish an export of visits to the website as web sessions; the pages and clicks of a visit become one session.

    Files are read as by `shoal import orders`.
    """
    _import("sessions", files or [], meaning, form, trial, options)


def _import(
    kind: "Kind", files: list[str], meaning: Meaning, form: FileForm, trial: Trial, options: SendOptions
) -> None:
    from cli.shop_exports.guesses.questions import QuestionsOpen

    try:
        with _opened(kind, files, meaning, form, trial) as export:
            if trial.dry_run:
                _try(export, options)
            else:
                _publish(export, files or ["query"], options)
    except QuestionsOpen as asked:
        _ask(asked, options)
        raise typer.Exit(2) from None


@contextmanager
def _opened(kind: "Kind", files: list[str], meaning: Meaning, form: FileForm, trial: Trial) -> "Iterator[ShopExport]":
    from cli.shop_exports.open_export import open_export, write_mapping
    from cli.shop_exports.row_events.refusals import Refusals
    from cli.tables.file_sources import Spool
    from cli.tables.open_tables import ReadingOptions, open_tables

    if (form.sql is None) != (form.query is None) or (not files) == (form.sql is None):
        raise typer.BadParameter("name files, or --sql together with --query", param_hint="FILE...")
    delimiter = "\t" if form.delimiter == "\\t" else form.delimiter
    reading = ReadingOptions(form.encoding, delimiter, not form.no_header, form.sheet, form.sql, form.query)
    with ExitStack() as stack:
        found = open_tables(files, stack.enter_context(Spool()), reading)
        said = mapping_of(meaning)
        with _looking() as seen:
            export = open_export(kind, found, said, preset=meaning.preset, mapping_file=meaning.mapping, seen=seen)
        if meaning.write_mapping is not None:
            write_mapping(export, meaning.write_mapping)
        columns = list(dict.fromkeys(column for table in found for column in table.columns))
        export.refusals = stack.enter_context(Refusals(trial.rejects, columns))
        yield export


@contextmanager
def _looking() -> Iterator[Any]:
    """Show a progress bar while the columns are looked at."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    bar = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*bar, console=errors(), transient=True) as progress:
        task = progress.add_task("reading", total=None)

        def seen(table: "Table") -> None:
            share = table.share_read
            progress.update(task, description=f"reading {table.name}", completed=share or 0.0, total=share and 1.0)

        yield seen


def _publish(export: "ShopExport", files: list[str], options: SendOptions) -> None:
    from cli.shop_exports.guess_text import outcome_document, outcome_lines
    from cli.shop_exports.open_export import NothingUsable
    from cli.shop_exports.shop_export import TOPICS

    export.require_answers()
    topic = TOPICS[export.kind]
    sent = send(topic, export, kafka_settings(options.kafka), options)
    if options.as_json:
        print_json({"topic": topic, "files": files, **sent._asdict(), **outcome_document(export)})
    else:
        tables().print(f"{sent.published:,} events published to {topic} in {sent.seconds:.1f} s", highlight=False)
    for line in outcome_lines(export) if not options.as_json or export.refusals.rows else []:
        errors().print(line, markup=False, highlight=False, soft_wrap=True)
    if not sent.published and export.refusals.rows:
        raise NothingUsable(f"none of the {export.refusals.rows:,} rows can be used")


def _try(export: "ShopExport", options: SendOptions) -> None:
    from itertools import islice

    from cli.shop_exports.guess_text import as_json, guess_document, guess_lines, outcome_document, outcome_lines

    if export.questions and not options.as_json:
        _print_lines(guess_lines(export))
    export.require_answers() if not options.as_json or not export.questions else _print_open(export)
    events = iter(export)
    first = list(islice(events, _EXAMPLES))
    for _ in events:
        pass
    if options.as_json:
        print_json(
            {"guess": guess_document(export), "questions": [], "examples": as_json(first), **outcome_document(export)}
        )
        return
    examples = [event.to_json().decode() for event in first]
    _print_lines([*guess_lines(export), "", *examples, "", *outcome_lines(export), "nothing was published (--dry-run)"])


def _print_open(export: "ShopExport") -> None:
    from cli.shop_exports.guess_text import guess_document
    from cli.shop_exports.guesses.questions import as_documents

    print_json({"guess": guess_document(export), "questions": as_documents(export.questions)})
    raise typer.Exit(2)


def _ask(asked: "QuestionsOpen", options: SendOptions) -> None:
    from cli.shop_exports.guesses.questions import as_documents

    if options.as_json:
        print_json({"questions": as_documents(asked.questions)})
    errors().print(str(asked), markup=False, highlight=False, soft_wrap=True)


def _print_lines(lines: list[str]) -> None:
    for line in lines:
        tables().print(line, markup=False, highlight=False, soft_wrap=True)
