"""`shoal publish`: a file of events to a topic."""

from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from cli.feeding.file_sending import SendOptions, send
from cli.local.service_addresses import kafka_settings
from cli.printing.options_as_dataclass import expand_option_groups
from cli.printing.output import errors, print_json, tables
from events.base_error import ShoalError

__all__ = ["Topic", "register"]

Topic = Literal["orders", "web-sessions", "customers", "exposures", "conversions", "identities"]

_MAX_SHOWN: Final = 5
_EPILOG = """Examples:

- `shoal publish orders orders.jsonl`
- `shoal publish customers crm.csv --skip-invalid --json`
- `zcat sessions.jsonl.gz | shoal publish web-sessions -`
- `shoal publish identities merges.csv`
"""


class NothingValid(ShoalError):
    """No line of a file is a valid event."""


class _Skipped:
    """Counts the lines that are left out, and keeps the messages of the first few."""

    def __init__(self) -> None:
        self.count = 0
        self._first: list[str] = []

    def add(self, error: ShoalError) -> None:
        """Count one."""
        self.count += 1
        if len(self._first) < _MAX_SHOWN:
            self._first.append(str(error))

    def print(self) -> None:
        """Print how many there are and the first few, on stderr."""
        if not self.count:
            return
        more = [f"… and {self.count - _MAX_SHOWN:,} more"] if self.count > _MAX_SHOWN else []
        for line in (f"skipped, because not valid: {self.count:,}", *self._first, *more):
            errors().print(line, markup=False, highlight=False, soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("publish", epilog=_EPILOG)(publish)


@expand_option_groups
def publish(
    topic: Annotated[Topic, typer.Argument(metavar="TOPIC", help="The input topic, without prefix.")],
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Events as JSON Lines (.jsonl), CSV (.csv) or Parquet (.parquet); - is JSON Lines from stdin.",
        ),
    ],
    *,
    skip_invalid: Annotated[
        bool, typer.Option("--skip-invalid", help="Leave events that are not valid out, instead of stopping.")
    ] = False,
    options: SendOptions,
) -> None:
    """Publish a file of events to a topic.

    In CSV, the first line names the fields, an empty cell is an absent field, and the fields items, attributes and
    consent are JSON, or columns of their own with names such as consent.marketing and attributes.nps. A column that is
    no field is refused.

    Every event is validated first. At the first that is not valid the command stops with exit code 1, says in which
    line it is, and has published those before it. With --skip-invalid it goes on, prints on stderr what it left out,
    and ends with 0 if any event was valid.
    """
    from cli.formats.event_files import read_events, stop_at

    settings, skipped = kafka_settings(options.kafka), _Skipped()
    on_invalid = skipped.add if skip_invalid else stop_at
    events = read_events(topic, _existing(file), max_bytes=settings.max_event_bytes, on_invalid=on_invalid)
    sent = send(topic, events, settings, options)
    skipped.print()
    if skipped.count and not sent.published:
        raise NothingValid(f"{file}: none of its {skipped.count:,} events is valid")
    if options.as_json:
        print_json({"topic": topic, "file": str(file), **sent._asdict(), "skipped": skipped.count})
    else:
        tables().print(f"{sent.published:,} events published to {topic} in {sent.seconds:.1f} s", highlight=False)


def _existing(file: Path) -> Path:
    if str(file) != "-" and not file.is_file():
        raise typer.BadParameter(f"there is no file {file}", param_hint="FILE")
    return file
