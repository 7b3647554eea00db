"""Scopes of API keys, and the principal that holds them."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Principal", "Scope"]


class Scope(StrEnum):
    """A right that a key is given when it is made; `admin` holds all the others."""

    SEGMENTS_READ = "segments:read"
    CUSTOMERS_READ = "customers:read"
    EXPERIMENTS_READ = "experiments:read"
    EXPERIMENTS_WRITE = "experiments:write"
    BASELINES_APPROVE = "baselines:approve"
    ADMIN = "admin"


@dataclass(frozen=True)
class Principal:
    """The holder of an API key, with its scopes.

    >>> Principal("k1", "shop", frozenset({Scope.SEGMENTS_READ})).may(Scope.ADMIN)
    False
    """

    key_id: str
    name: str
    scopes: frozenset[Scope]

    def may(self, scope: Scope) -> bool:
        """Return whether the key has a right."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def may_any(self, scopes: Iterable[Scope]) -> bool:
        """Return whether the key has one of the rights."""
        return any(self.may(scope) for scope in scopes)
