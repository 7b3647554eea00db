"""`shoal down`: end what `shoal up` or `shoal demo` left running."""

import os
import signal
import time

import typer

from cli.local.pid_file import running_pid
from cli.local.service_addresses import LOCAL
from cli.printing.output import JsonOption, print_json, tables
from events.base_error import ShoalError

__all__ = ["register"]

_PATIENCE_S = 40.0


class StillRunning(ShoalError):
    """The services did not end in time."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("down", epilog="Example: `shoal down`")(down)


def down(as_json: JsonOption = False) -> None:
    """End the services that were started from this folder; nothing happens where there are none."""
    pid = running_pid()
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + _PATIENCE_S
        while running_pid() is not None:
            if time.monotonic() > deadline:
                raise StillRunning(f"process {pid} did not end within {_PATIENCE_S:g} s; its logs are in {LOCAL}")
            time.sleep(0.1)
    for name in ("local.json", "pid"):
        (LOCAL / name).unlink(missing_ok=True)
    if as_json:
        print_json({"stopped": pid is not None})
    else:
        tables().print("stopped" if pid is not None else "nothing was running")
