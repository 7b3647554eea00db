"""What commands print: one JSON document or a table on stdout, everything else on stderr."""

import json
import logging
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["JsonOption", "errors", "log_to_stderr", "print_json", "tables"]

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]


def tables() -> "Console":
    """Return the console for results."""
    from rich.console import Console

    return Console()


def errors() -> "Console":
    """Return the console for progress and messages, on stderr."""
    from rich.console import Console

    return Console(stderr=True)


def print_json(document: Any) -> None:
    """Print one JSON document."""
    json.dump(document, sys.stdout, indent=2, ensure_ascii=False, default=str)
    sys.stdout.write("\n")


def log_to_stderr(level: int = logging.INFO) -> None:
    """Send log lines to stderr; libraries only speak up when something is wrong."""
    if sys.stderr.isatty():
        from rich.logging import RichHandler

        handler: logging.Handler = RichHandler(console=errors(), show_path=False)
        form = "%(message)s"
    else:
        handler, form = logging.StreamHandler(), "%(asctime)s %(levelname)s %(name)s: %(message)s"
    logging.basicConfig(level=logging.WARNING, handlers=[handler], format=form, force=True)
    for package in ("events", "state", "consumers", "stream", "batch", "cli"):
        logging.getLogger(package).setLevel(level)
    for library in ("kafka", "aiokafka", "faust", "mode"):
        logging.getLogger(library).setLevel(logging.ERROR)
