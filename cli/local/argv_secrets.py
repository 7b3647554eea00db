"""Secrets among the arguments of a command: everybody on the machine can read them in the process list."""

import os
import sys
from collections.abc import Sequence
from typing import Final, NamedTuple

__all__ = ["WithoutSecrets", "hide_secret_arguments", "without_secrets"]

_VARIABLES: Final = {"--redis": "SHOAL_REDIS", "--secret": "SHOAL_TRIGGER_SECRET", "--sql": "SHOAL_IMPORT_SQL"}
"""Options that may hold a secret, and the environment variables that do the same."""


class WithoutSecrets(NamedTuple):
    """The arguments that are left, and what was taken out of them as environment variables."""

    arguments: list[str]
    environment: dict[str, str]


def without_secrets(arguments: Sequence[str]) -> WithoutSecrets:
    """Return the arguments without their secrets.

    >>> without_secrets(["health", "--redis", "redis://:secret@redis:6379/0", "--json"])
    WithoutSecrets(arguments=['health', '--json'], environment={'SHOAL_REDIS': 'redis://:secret@redis:6379/0'})
    >>> without_secrets(["health", "--redis=redis://redis:6379/0"])
    WithoutSecrets(arguments=['health', '--redis=redis://redis:6379/0'], environment={})
    """
    left, found, rest = list[str](), dict[str, str](), list(arguments)
    while rest:
        argument = rest.pop(0)
        if argument == "--":
            return WithoutSecrets([*left, argument, *rest], found)
        option, equals, value = argument.partition("=")
        if option not in _VARIABLES or not (equals or rest):
            left.append(argument)
            continue
        if not equals:
            value = rest[0]
        if option == "--redis" and not {"@", "?"} & set(value):  # an address alone is no secret
            left.append(argument)
            continue
        found[_VARIABLES[option]] = value
        del rest[: 0 if equals else 1]
    return WithoutSecrets(left, found)


def hide_secret_arguments() -> None:
    """Start this program anew with its secrets in the environment, which only its user can read.

    They are in the process list until then, some hundredths of a second: whoever sets the variable avoids that, too.
    """
    given = sys.argv[1:]
    found = without_secrets(given)
    ours = len(sys.orig_argv) - len(given)
    if found.environment and sys.orig_argv[ours:] == given:
        os.environ.update(found.environment)
        os.execv(sys.executable, [*sys.orig_argv[:ours], *found.arguments])  # noqa: S606 - the same program again
