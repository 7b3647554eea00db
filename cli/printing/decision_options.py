"""The options that say who decides and why, for the record; the name of the account where nobody is named."""

import getpass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from batch.promotion.decisions import Decision

__all__ = ["ByOption", "WhyOption", "account", "new_decision"]

ByOption = Annotated[
    str | None, typer.Option("--by", help="Who decides; your account's name if not given.", show_default=False)
]
WhyOption = Annotated[str, typer.Option("--why", help="Why, for those who look later.", show_default=False)]


def new_decision(by: str | None, why: str) -> "Decision":
    """Return a decision, made now."""
    from batch.promotion.decisions import Decision

    return Decision(by or account(), datetime.now(UTC), why)


def account() -> str:
    """Return the name of the account that runs the command."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return "unknown"
