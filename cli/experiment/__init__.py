"""`shoal experiment`: define, read, plan and end experiments."""

from cli.experiment.commands import app

__all__ = ["app"]
