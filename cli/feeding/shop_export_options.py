"""The options of commands that read a shop's export: what it means, what form its files have, what is done with it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from cli.shop_exports.mapping import Mapping

__all__ = ["FileForm", "Meaning", "Trial", "mapping_of"]


@dataclass(frozen=True)
class Meaning:
    """What a person says about an export."""

    preset: Annotated[
        str | None,
        typer.Option(
            help="A program's export: shopify, woocommerce, magento, stripe, rees46, ga4, olist, instacart, "
            "online-retail-2; found by its columns if not given; none turns that off.",
            metavar="NAME",
        ),
    ] = None
    columns: Annotated[
        list[str] | None,
        typer.Option("--map", help="The column of a field: --map amount=Total.", metavar="FIELD=COLUMN"),
    ] = None
    currency: Annotated[str | None, typer.Option(help="Of amounts that name none: EUR.", metavar="CODE")] = None
    date_format: Annotated[
        str | None, typer.Option(help="dmy, mdy, ymd, or such as '%d/%m/%Y %H:%M'.", metavar="FORMAT")
    ] = None
    zone: Annotated[str | None, typer.Option(help="Of times without one: Europe/Berlin, UTC.", metavar="ZONE")] = None
    decimal: Annotated[str | None, typer.Option(help="The decimal mark of amounts: . or ,", metavar="MARK")] = None
    order_rows: Annotated[
        Literal["sum", "first", "same", "each"] | None,
        typer.Option(
            help="What the rows of one order are: lines to add up, details below a first row, repeats of its amount, "
            "or events by themselves."
        ),
    ] = None
    status: Annotated[
        list[str] | None,
        typer.Option(
            help="What a status means: sale, refunded, partially_refunded, cancelled, no_sale; --status closed=sale.",
            metavar="WORD=MEANING",
        ),
    ] = None
    repeated_hour: Annotated[
        Literal["first", "second"] | None,
        typer.Option(help="Which time is meant in the hour that the clock shows twice in autumn."),
    ] = None
    first_day: Annotated[
        str | None, typer.Option(help="instacart: the day of every customer's first order.", metavar="YYYY-MM-DD")
    ] = None
    as_of: Annotated[
        str | None, typer.Option(help="Customers: when the export was made, if no column says it.", metavar="TIME")
    ] = None
    mapping: Annotated[Path | None, typer.Option(help="Read all this from a file.", metavar="FILE.yaml")] = None
    write_mapping: Annotated[Path | None, typer.Option(help="Write all this to a file.", metavar="FILE.yaml")] = None


@dataclass(frozen=True)
class FileForm:
    """What a person says about the form of the files."""

    encoding: Annotated[str | None, typer.Option(help="Such as utf-8, cp1252; found if not given.")] = None
    delimiter: Annotated[str | None, typer.Option(help="Of the cells; found if not given; \\t is a tab.")] = None
    no_header: Annotated[
        bool, typer.Option("--no-header", help="No row names the columns: they are 'column 1', 'column 2', …")
    ] = False
    sheet: Annotated[str | None, typer.Option(help="Of a workbook; all of them if not given.")] = None
    sql: Annotated[
        str | None,
        typer.Option(help="Read a query's rows instead: an SQLAlchemy URL.", metavar="URL", envvar="SHOAL_IMPORT_SQL"),
    ] = None
    query: Annotated[str | None, typer.Option(help="The SELECT for --sql.", metavar="SELECT")] = None


@dataclass(frozen=True)
class Trial:
    """Whether it is tried only, and where refused rows go."""

    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Publish nothing: show how the files are read, and what they become.")
    ] = False
    rejects: Annotated[Path | None, typer.Option(help="Write the refused rows, with reasons, to a CSV file.")] = None


def mapping_of(meaning: Meaning) -> "Mapping":
    """Return what the options say. Raises BadParameter where one of them does not have its form."""
    from pydantic import ValidationError

    from cli.shop_exports.mapping import Mapping

    given = {
        "columns": _pairs(meaning.columns, "--map", "FIELD=COLUMN"),
        "statuses": _pairs(meaning.status, "--status", "WORD=MEANING"),
        "currency": meaning.currency and meaning.currency.upper(),
        **{
            name: getattr(meaning, name)
            for name in ("date_format", "zone", "decimal", "order_rows", "repeated_hour", "as_of", "first_day")
        },
    }
    try:
        return Mapping.model_validate({name: value for name, value in given.items() if value})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        option = "--" + str(first["loc"][0]).replace("_", "-").replace("statuses", "status")
        raise typer.BadParameter(f"{first['msg']}, found {str(first['input'])!r}", param_hint=option) from None


def _pairs(given: list[str] | None, option: str, form: str) -> dict[str, str]:
    pairs = {}
    for each in given or []:
        name, equals, value = each.partition("=") if option == "--map" else _last_equals(each)
        if not equals or not value:
            raise typer.BadParameter(f"should be {form}, found {each!r}", param_hint=option)
        pairs[name.strip()] = value
    return pairs


def _last_equals(text: str) -> tuple[str, str, str]:
    return text.rpartition("=")
