"""The address of Redis: one server, or a primary that Sentinels know, with TLS or without."""

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from redis import connection

__all__ = ["SCHEMES", "RedisAddress", "is_readable_url", "with_query"]

Kind = Literal["server", "sentinel", "cluster"]

SCHEMES: Final[Mapping[str, Kind]] = {
    "redis": "server",
    "rediss": "server",
    "unix": "server",
    "redis+sentinel": "sentinel",
    "rediss+sentinel": "sentinel",
    "redis+cluster": "cluster",
    "rediss+cluster": "cluster",
}
_SENTINEL_PORT: Final = 26379
_SENTINELS_OWN: Final = ("sentinel_username", "sentinel_password")


class RedisAddress(NamedTuple):
    """What a URL says; `options` are those of a connection, `sentinel_options` of one to a Sentinel.

    >>> address = RedisAddress.parse("rediss+sentinel://shoal:secret@s1:26379,s2/main/2")
    >>> address.kind, address.nodes, address.master, address.tls
    ('sentinel', (('s1', 26379), ('s2', 26379)), 'main', True)
    >>> address.options
    {'username': 'shoal', 'password': 'secret', 'db': 2}
    """

    kind: Kind
    nodes: tuple[tuple[str, int], ...]
    master: str
    tls: bool
    options: dict[str, Any]
    sentinel_options: dict[str, Any]

    @classmethod
    def parse(cls, url: str) -> "RedisAddress":
        """Read a URL. Raises ValueError, whose text may hold a part of the password."""
        parts = urlsplit(url)
        kind, tls = SCHEMES[parts.scheme], parts.scheme.startswith("rediss")
        if kind == "server":
            return cls(kind, (), "", tls, {}, {})
        user, at, servers = parts.netloc.rpartition("@")
        nodes = tuple(_node(each) for each in servers.split(","))
        master, _, database = parts.path.strip("/").partition("/")
        if kind == "cluster":
            master, database = "", master
        elif not master:
            raise ValueError("the name of the primary is missing, as in redis+sentinel://host:26379/main")
        query = dict(parse_qsl(parts.query))
        own = {name: query.pop(name) for name in _SENTINELS_OWN if name in query}
        scheme = "rediss" if tls else "redis"
        parse_url: Any = connection.parse_url  # the library gives it no types
        options = dict(parse_url(f"{scheme}://{user}{at}host/{database}?{urlencode(query)}"))
        for name in ("host", "connection_class"):
            options.pop(name, None)
        tls_options = {name: value for name, value in options.items() if name.startswith("ssl_")}
        return cls(
            kind, nodes, master, tls, options,
            {name.removeprefix("sentinel_"): value for name, value in own.items()} | tls_options,
        )  # fmt: skip


def is_readable_url(url: str) -> bool:
    """Return whether the user and password of a URL are where a parser finds them.

    >>> is_readable_url("redis://shoal:sec%2Fret@redis:6379/0"), is_readable_url("redis://shoal:sec/ret@redis:6379/0")
    (True, False)
    >>> is_readable_url("redis+sentinel://a:26379,b:26379/main"), is_readable_url("redis+sentinel://a:26379,b:26379")
    (True, False)
    """
    try:
        parts = urlsplit(url)
        if parts.scheme not in SCHEMES or "@" in parts.path + parts.fragment:
            return False
        if SCHEMES[parts.scheme] == "server":
            return (parts.port or 1) > 0
        RedisAddress.parse(url)
    except ValueError:
        return False
    return True


def with_query(url: str, more: Mapping[str, str], password: str | None = None) -> str:
    """Return a URL with more parameters, and with a password where one is given.

    >>> with_query("rediss://shoal@redis:6380/0", {"ssl_ca_certs": "/ca.pem"}, "a/b")
    'rediss://shoal:a%2Fb@redis:6380/0?ssl_ca_certs=%2Fca.pem'
    """
    parts = urlsplit(url)
    netloc = parts.netloc
    if password is not None:
        user, _, servers = netloc.rpartition("@")
        netloc = f"{user.partition(':')[0]}:{quote(password, safe='')}@{servers}"
    query = "&".join(filter(None, (parts.query, urlencode(more))))
    return parts._replace(netloc=netloc, query=query).geturl()


def _node(text: str) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    if not parts.hostname:
        raise ValueError("a host is missing")
    return parts.hostname, parts.port or _SENTINEL_PORT
