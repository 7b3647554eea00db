"""`shoal export`: files for BI tools and spreadsheets."""

import typer

from cli import export_segments

__all__ = ["app"]

app = typer.Typer(help="Write segments to files for BI tools.", no_args_is_help=True)


@app.callback()
def export() -> None:
    """Write files for BI tools and spreadsheets."""


for _module in (export_segments,):
    _module.register(app)
