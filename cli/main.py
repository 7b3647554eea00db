"""The `shoal` command: one module for each group of commands, imported when it is called."""

import sys

import typer
from pydantic import ValidationError

from cli import (
    api,
    audit,
    baselines,
    batch,
    customer,
    dead_letters,
    demo,
    down,
    erase,
    experiment,
    experiment_consumer,
    export,
    health,
    import_data,
    keys,
    publish,
    rebaseline,
    segments,
    simulate,
    suppress,
    topics,
    trigger,
    up,
    wait,
    worker,
)
from cli.printing.output import errors
from events.errors import ShoalError

__all__ = ["app", "main"]

app = typer.Typer(
    name="shoal",
    help="Live customer segments from Kafka events. Start with: shoal demo",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
for _module in (
    demo,
    up,
    down,
    worker,
    experiment_consumer,
    batch,
    trigger,
    api,
    rebaseline,
    publish,
    simulate,
    wait,
    customer,
    segments,
    health,
    erase,
):
    _module.register(app)
app.add_typer(topics.app, name="topics")
app.add_typer(import_data.app, name="import")
app.add_typer(trigger.app, name="trigger")
app.add_typer(suppress.app, name="suppress")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(experiment.app, name="experiment")
app.add_typer(baselines.app, name="baselines")
app.add_typer(export.app, name="export")
app.add_typer(keys.app, name="keys")
app.add_typer(audit.app, name="audit")


def main() -> None:
    """Run the command line: exit 0 done, 1 failed, 2 wrong usage."""
    try:
        app()
    except ShoalError as error:
        errors().print(f"[bold red]error:[/] {_plain(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(1)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            name = "_".join(str(part) for part in detail["loc"]).upper()
            errors().print(
                f"[bold red]error:[/] the setting SHOAL_{name} is not valid: {_plain(detail['msg'])}, "
                f"found {_plain(repr(detail['input']))}",
                highlight=False,
                soft_wrap=True,
            )
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


def _plain(text: str) -> str:
    return text.replace("[", "\\[")


if __name__ == "__main__":
    main()
