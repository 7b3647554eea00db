"""`shoal export`: tables as CSV or Parquet, with a dictionary of their columns beside them; and one person.

Each command describes its columns and gives rows; `cli.printing.table_file` does the rest.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli import export_customer, export_segments
from cli.local.service_addresses import RedisOption
from cli.printing.output import JsonOption, print_json, tables
from cli.printing.spreadsheet_formulas import GuardOption

__all__ = ["app"]

app = typer.Typer(
    help="Write tables as CSV or Parquet with a dictionary of their columns, or what is held about a person.",
    no_args_is_help=True,
)

ToOption = Annotated[
    Path, typer.Option("--to", help="The file, .csv or .parquet; replaced where it exists.", metavar="FILE")
]


@app.command("experiments", epilog="Example: `shoal export experiments --to experiments.parquet`")
def experiments(
    to: ToOption, guard_formulas: GuardOption = True, redis: RedisOption = None, as_json: JsonOption = False
) -> None:
    """Write every experiment's results: a row for each variant and metric, overall and by segment."""
    from cli.experiment.export_rows import COLUMNS, rows
    from cli.printing.table_file import check_suffix, write_table

    check_suffix(to)
    _print_written(write_table(to, COLUMNS, rows(redis), guard=guard_formulas), as_json)


def _print_written(written: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(written)
        return
    tables().print(
        f"{written['rows']:,} rows in {written['file']}, their columns in {written['columns_file']}",
        highlight=False,
        soft_wrap=True,
        markup=False,
    )


export_segments.register(app)
export_customer.register(app)
