"""Redis' ACL users for each service: the keys that it reads or writes, and no command that it does not use."""

from typing import Final

__all__ = ["REDIS_USERS", "acl_rules"]

_COMMANDS: Final = (
    "+@read", "+@write", "+@transaction", "+@connection", "+@scripting", "+time", "-@dangerous", "-@admin",
    "+info", "+config|get",
)  # fmt: skip
_EVERY_SERVICE: Final = (
    "format", "entries", "lock:*", "triggers", "api:keys", "experiments", "experiment:*", "suppressed*", "deliveries:*",
    "erased:*", "skipped-messages", "failing-jobs", "probe:*", "workers*", "segment:*",
)  # fmt: skip
"""What people entered is put back into Redis by whichever service finds it missing, so all may write it."""
_OF_PARTITIONS: Final = (
    "customers:*", "profiles:*", "outbox:*", "offsets:*", "logs:*", "epoch:*", "fates:*", "flows:*", "model:*",
    "baseline:*", "merged:*", "merging:*", "handovers:*", "aliases:*", "identities:*", "erasing:*", "erasures",
    "accepted-gaps", "forgotten", "drift*", "dead-letters:*",
)  # fmt: skip
_OF_EXPERIMENTS: Final = ("purchases:*", "enrolled:*", "exposed:*", "tally:*")

REDIS_USERS: Final[dict[str, tuple[str, ...]]] = {
    "worker": (*_EVERY_SERVICE, *_OF_PARTITIONS),
    "experiments": (*_EVERY_SERVICE, *_OF_PARTITIONS, *_OF_EXPERIMENTS),
    "triggers": (
        *_EVERY_SERVICE, "customers:*", "profiles:*", "offsets:*", "logs:*", "aliases:*", "identities:*",
        "merged:*", "contacts:*",
    ),
    "batch": (*_EVERY_SERVICE, *_OF_PARTITIONS),
    "api": ("*",),
    "reader": ("segment:*",),
}  # fmt: skip
"""Patterns of keys by service; `reader` is a shop's program that reads segments."""


def acl_rules(service: str) -> list[str]:
    """Return the rules of a service's user, for `ACL SETUSER`, without its name and password.

    >>> acl_rules("reader")
    ['resetkeys', '~segment:*', 'resetchannels', '-@all', '+get', '+mget', '+@connection']
    """
    patterns = [f"~{pattern}" for pattern in REDIS_USERS[service]]
    commands = ("+get", "+mget", "+@connection") if service == "reader" else _COMMANDS
    return ["resetkeys", *patterns, "resetchannels", "-@all", *commands]
