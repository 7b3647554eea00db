"""What Redis says where it does not do its work, in words that say what to do."""

import re
import ssl
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import redis
from redis import exceptions

from events.base_error import ShoalError
from shoal_client.certificate_errors import certificate_sentence

__all__ = [
    "IS_CLUSTER",
    "UNREADABLE",
    "RedisRefuses",
    "RedisUnreachable",
    "explained",
    "without_password",
]

IS_CLUSTER: Final = "is a Redis Cluster, which Shoal does not use: set SHOAL_REDIS to a single Redis with replicas"
_READ_ONLY: Final = (
    "is a read-only replica: set SHOAL_REDIS to its primary, or try again where a failover is just going on"
)
_NO_MEMORY: Final = (
    "has reached its maxmemory and takes no more writes: give it more memory (`CONFIG SET maxmemory`); nothing is lost"
)
_LOADING: Final = "is still loading its data: try again once it has"
_NO_DISK: Final = (
    "cannot write its data to disk, and takes no writes because of that: its log says why (a full disk, permissions)"
)
_NO_PRIMARY: Final = "is a replica that has lost its primary: set SHOAL_REDIS to the primary"

UNREADABLE: Final = (
    "it is not a URL that begins with redis://, rediss:// or unix://, or is redis+sentinel://host:26379/primary; or a "
    "character of the user or password has to be written as %2F (/), %3F (?), %23 (#), %5B ([) or %40 (@)"
)

_BY_CLASS: Final[tuple[tuple[type[redis.RedisError], str], ...]] = (
    (exceptions.BusyLoadingError, _LOADING),
    (exceptions.ReadOnlyError, _READ_ONLY),
    (exceptions.OutOfMemoryError, _NO_MEMORY),
    (exceptions.MasterDownError, _NO_PRIMARY),
    (exceptions.ClusterDownError, IS_CLUSTER),
    (exceptions.MovedError, IS_CLUSTER),
    (exceptions.AskError, IS_CLUSTER),
    (exceptions.ClusterCrossSlotError, IS_CLUSTER),
    (exceptions.AuthenticationError, "refuses the user or password in SHOAL_REDIS"),
)
_BY_WORD: Final = (
    ("READONLY", _READ_ONLY), ("OOM", _NO_MEMORY), ("MISCONF", _NO_DISK), ("LOADING", _LOADING), ("MOVED", IS_CLUSTER),
)  # fmt: skip
"""Words of an answer: of a transaction that was discarded, the reason is in the text only."""


class RedisUnreachable(ShoalError):
    """No Redis answers at the address."""

    retriable = True

    def __init__(self, url: str | None, cause: object) -> None:
        self.url = None if url is None else without_password(url)
        whose = f"no Redis answers at {self.url}" if url is not None else "Redis does not answer"
        super().__init__(f"{whose} ({cause}). Is it running? Set SHOAL_REDIS or --redis to its address.")


class RedisRefuses(ShoalError):
    """A Redis answers, but does not do what Shoal needs."""

    retriable = True

    def __init__(self, url: str | None, why: str) -> None:
        self.url = None if url is None else without_password(url)
        super().__init__(f"the Redis at {self.url} {why}" if url is not None else f"Redis {why}")


def explained(url: str | None, error: redis.RedisError) -> RedisUnreachable | RedisRefuses:
    """Return the error as a sentence that says what to do; an address that is not known is left out."""
    for kind, why in _BY_CLASS:
        if isinstance(error, kind):
            return RedisRefuses(url, why)
    if (tls := _tls_refusal(url, error)) is not None:
        return RedisRefuses(url, tls)
    text = str(error)
    if isinstance(error, redis.ResponseError):
        for word, why in _BY_WORD:
            if re.search(rf"\b{word}\b", text):
                return RedisRefuses(url, why)
        if isinstance(error, exceptions.NoPermissionError):
            return RedisRefuses(url, f"does not let the user in SHOAL_REDIS do this ({text})")
        return RedisRefuses(url, f"refused a command ({text})")
    if isinstance(error, exceptions.TimeoutError) and url is not None and url.startswith("rediss"):
        return RedisUnreachable(url, f"{error}; a Redis without TLS says nothing to one who speaks TLS")
    return RedisUnreachable(url, error)


def _tls_refusal(url: str | None, error: BaseException) -> str | None:
    """Return why a connection with TLS, or without it, came to nothing; redis-py hands on the text only."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        said = certificate_sentence(cause, _ca_of(url), "SHOAL_REDIS_CA", "SHOAL_REDIS_CHECK_HOSTNAME")
        return f"is not trusted: {said}"
    if cause is not None:
        return (
            f"ends the TLS handshake ({cause}): it may want a certificate of its clients (SHOAL_REDIS_CERTIFICATE, "
            "SHOAL_REDIS_KEY), or not speak TLS at all (then SHOAL_REDIS begins with redis://)"
        )
    return None


def _ca_of(url: str | None) -> str:
    return dict(parse_qsl(urlsplit(url or "").query)).get("ssl_ca_certs", "")


def without_password(url: str) -> str:
    """Return a URL for logs.

    >>> without_password("redis://shoal:secret@redis:6379/0"), without_password("redis://redis/0?password=secret")
    ('redis://***@redis:6379/0', 'redis://redis/0?***')
    """
    # Greedy and without a parser: a URL that is not written as it should be holds its password all the same.
    return re.sub(r"\?.*", "?***", re.sub(r"^(\w+://)?.*@", r"\1***@", url, flags=re.DOTALL), flags=re.DOTALL)
