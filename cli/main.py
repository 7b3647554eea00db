"""The `shoal` command: one module for each group of commands.

Modules of commands import at their top what describes the options, and in their functions what does the work, so that
`shoal --help` starts quickly.
"""

import sys
from typing import Annotated

import typer

from cli import (
    accept_gap,
    api,
    audit,
    baselines,
    batch,
    customer,
    dead_letters,
    demo,
    doctor,
    down,
    erase,
    experiment_consumer,
    export,
    health,
    import_command,
    keys,
    merge,
    publish,
    rebaseline,
    segments,
    simulate,
    suppress,
    topics,
    trigger,
    trigger_service,
    up,
    wait,
    worker,
)
from cli.experiment import commands as experiment
from cli.local.argv_secrets import hide_secret_arguments
from cli.printing.output import errors
from events.base_error import ShoalError

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
    trigger_service,
    api,
    rebaseline,
    publish,
    simulate,
    wait,
    customer,
    segments,
    health,
    doctor,
    accept_gap,
    merge,
    erase,
):
    _module.register(app)
app.add_typer(topics.app, name="topics")
app.add_typer(import_command.app, name="import")
app.add_typer(trigger.app, name="trigger")
app.add_typer(suppress.app, name="suppress")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(experiment.app, name="experiment")
app.add_typer(baselines.app, name="baselines")
app.add_typer(export.app, name="export")
app.add_typer(keys.app, name="keys")
app.add_typer(audit.app, name="audit")


def _print_version(wanted: bool) -> None:
    from importlib.metadata import version

    if wanted:
        typer.echo(f"shoal {version('shoal')}")
        raise typer.Exit


@app.callback()
def shoal(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Take the options that come before a command."""


def main() -> None:
    """Run the command line: exit 0 done, 1 failed, 2 wrong usage."""
    hide_secret_arguments()
    try:
        app()
    except ShoalError as error:
        _print_error(str(error))
        sys.exit(1)
    except ValueError as error:
        problems = _invalid_settings(error)
        if not problems:
            raise
        for problem in problems:
            _print_error(problem)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        said = _redis_refusal(error)
        if said is None:
            raise
        _print_error(said)
        sys.exit(1)


def _redis_refusal(error: Exception) -> str | None:
    """Return what an error of Redis means, None where it is another error."""
    if not type(error).__module__.startswith("redis"):  # importing redis for other errors would be slow
        return None
    from redis import RedisError

    from state.store.redis_error_messages import explained

    return str(explained(None, error)) if isinstance(error, RedisError) else None


def _invalid_settings(error: ValueError) -> list[str]:
    """Return what is wrong with the settings of the environment; nothing where that is not the error."""
    from pydantic import ValidationError

    if not isinstance(error, ValidationError):
        return []
    return [
        f"the setting SHOAL_{'_'.join(str(part) for part in detail['loc']).upper()} is not valid: {detail['msg']}, "
        f"found {detail['input']!r}"
        for detail in error.errors(include_url=False)
    ]


def _print_error(text: str) -> None:
    from rich.markup import escape

    errors().print(f"[bold red]error:[/] {escape(text)}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main()
