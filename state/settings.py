"""Where Redis is, how to be let in, and what a customer record remembers."""

from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from events.base_error import ShoalError
from state.redis_address import with_query

__all__ = ["RedisSettingsInvalid", "StateSettings", "read_setting_file"]

_DEFAULT_URL: Final = "redis://127.0.0.1:6379/0"
_IN_THE_URL: Final = {
    "redis_ca": "ssl_ca_certs",
    "redis_certificate": "ssl_certfile",
    "redis_key": "ssl_keyfile",
    "redis_key_password": "ssl_password",
}


class RedisSettingsInvalid(ShoalError):
    """The settings of how to connect to Redis contradict each other, or name files that cannot be used."""


class StateSettings(BaseSettings):
    """Settings of what Redis holds, each from an environment variable `SHOAL_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="SHOAL_", frozen=True, extra="ignore")

    redis: str = Field(
        _DEFAULT_URL,
        repr=False,
        description="URL of Redis: redis://user:password@host:port/database; rediss:// with TLS; "
        "redis+sentinel://host:port,host:port/name-of-the-primary/database",
    )
    redis_password_file: str = Field("", description="a file that holds the password of that URL's user")
    redis_ca: str = Field("", description="PEM file of the CA of Redis' certificate; empty: the system's")
    redis_certificate: str = Field("", description="PEM file of the client's certificate, where Redis wants one")
    redis_key: str = Field("", description="PEM file of its private key; empty: the key is in the certificate's file")
    redis_key_password: str = Field("", repr=False, description="password of the private key, where it is encrypted")
    redis_check_hostname: bool = Field(
        True, description="whether Redis' certificate must be for the host name that it is reached by"
    )
    redis_replica: str = Field(
        "",
        repr=False,
        description="URL of a replica that the API reads segments from, or `sentinel` for any that the Sentinels "
        "know; empty: the primary",
    )
    secrets_key: str = Field(
        "",
        repr=False,
        description="keys that the secrets of webhooks are stored encrypted under, with a comma between them: the "
        "first encrypts, each decrypts; empty: they are stored in clear",
    )
    secrets_key_file: str = Field("", description="a file that holds such keys, one a line")
    redis_eviction: Literal["refuse", "allow"] = Field(
        "refuse",
        description="where the maxmemory-policy of Redis may drop keys: services refuse to start, or allow it",
    )
    half_life_days: float = Field(
        90.0, ge=30.0, le=3650.0, description="days after which an order counts half; fixed once data exists"
    )
    order_window: int = Field(
        256,
        ge=1,
        le=65_535,
        description="latest orders of a customer that may still be edited, refunded and cancelled",
    )
    session_window: int = Field(
        64, ge=1, le=65_535, description="latest web sessions of a customer that may still be sent again"
    )
    duplicate_window: int = Field(
        4_096,
        ge=0,
        le=65_535,
        description="refunds, profiles and older orders and sessions of a customer among which a repeated one is found",
    )
    flow_days: int = Field(
        400, ge=1, le=36_500, description="days for which the numbers of moves between segments are kept"
    )

    @model_validator(mode="before")
    @classmethod
    def _complete_urls(cls, given: Any) -> Any:
        """Put into the URLs what the settings beside them say: whoever connects has all of it in one string."""
        if not isinstance(given, dict):
            return given
        found: dict[str, Any] = {name: str(given.get(name) or "") for name in (*_IN_THE_URL, "redis_password_file")}
        query = {word: _readable(name, found[name]) for name, word in _IN_THE_URL.items() if found[name]}
        if str(given.get("redis_check_hostname", True)).lower() in {"false", "0", "no", "off"}:
            query["ssl_check_hostname"] = "false"
        password = _password(found["redis_password_file"])
        if not query and password is None:
            return given
        urls = {"redis": str(given.get("redis") or _DEFAULT_URL)}
        if (replica := str(given.get("redis_replica") or "")) not in {"", "sentinel"}:
            urls["redis_replica"] = replica
        if query and (plain := [name for name, url in urls.items() if not url.startswith("rediss")]):
            names = " and ".join(f"SHOAL_{name.upper()}" for name in plain)
            raise RedisSettingsInvalid(
                f"there are certificates for Redis, but {names} does not begin with rediss, by which it would use TLS"
            )
        return {**given, **{name: with_query(url, query, password) for name, url in urls.items()}}


def _readable(name: str, value: str) -> str:
    """Return a setting; where it names a file, that file can be read. Raises RedisSettingsInvalid."""
    if name != "redis_key_password":
        read_setting_file(name, value)
    return value


def _password(file: str) -> str | None:
    return read_setting_file("redis_password_file", file).rstrip("\r\n") if file else None


def read_setting_file(name: str, path: str) -> str:
    """Return the text of the file that a setting names. Raises RedisSettingsInvalid."""
    try:
        return Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise RedisSettingsInvalid(f"SHOAL_{name.upper()} names {path}, which cannot be read: {why}") from None
