"""Where Kafka and Redis are: an option, the environment, then what `shoal up` or `shoal demo` left in this folder."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

from events.base_error import ShoalError

if TYPE_CHECKING:
    from events.settings import KafkaSettings
    from state.settings import StateSettings
    from stream.campaigns.settings import TriggerSettings

__all__ = [
    "ANY_ADDRESS",
    "LOCAL",
    "KafkaOption",
    "LocalAddresses",
    "RedisOption",
    "forget_other_servers",
    "kafka_settings",
    "read_local",
    "state_settings",
    "trigger_settings",
]

LOCAL: Final = Path(".shoal")
"""Folder for what the embedded services leave: addresses and logs."""

ANY_ADDRESS: Final = ("SHOAL_TRIGGER_ADDRESSES", "any")
"""Setting of local services: they try things out, and the receiver of a webhook is on this machine, too."""

_HOW_TO_CONNECT: Final = ("SHOAL_KAFKA_", "SHOAL_REDIS_CA", "SHOAL_REDIS_CERTIFICATE", "SHOAL_REDIS_KEY",
                          "SHOAL_REDIS_PASSWORD", "SHOAL_REDIS_CHECK_HOSTNAME", "SHOAL_REDIS_READ")  # fmt: skip

KafkaOption = Annotated[
    str | None, typer.Option("--kafka", help="Kafka bootstrap servers, host:port.", show_default=False)
]
RedisOption = Annotated[str | None, typer.Option("--redis", help="Redis URL, redis://host:port/0.", show_default=False)]


class LocalFileInvalid(ShoalError):
    """`.shoal/local.json` is not what `shoal up` writes."""


class LocalAddresses(msgspec.Struct, frozen=True):
    """The contents of `.shoal/local.json`."""

    kafka: str
    redis: str
    api: str | None = None

    def __repr__(self) -> str:
        """Return the addresses without the password of Redis."""
        from state.store.redis_error_messages import without_password

        return f"LocalAddresses(kafka={self.kafka!r}, redis={without_password(self.redis)!r}, api={self.api!r})"


def read_local(folder: Path = LOCAL) -> LocalAddresses | None:
    """Return the addresses of the services started from this folder, or None. Raises LocalFileInvalid."""
    path = folder / "local.json"
    if not path.exists():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=LocalAddresses)
    except msgspec.MsgspecError as error:
        raise LocalFileInvalid(f"{path} cannot be read ({error}); run `shoal down` and `shoal up` again") from error


def kafka_settings(override: str | None = None) -> "KafkaSettings":
    """Return the Kafka settings; the address is the override, SHOAL_KAFKA, the local one, or the default."""
    from events.settings import KafkaSettings

    local = None if override or "SHOAL_KAFKA" in os.environ else read_local()
    if local:
        return _our_own(local.kafka)
    return KafkaSettings(kafka=override) if override else KafkaSettings()


def _our_own(address: str) -> "KafkaSettings":
    """Return the settings of the embedded broker, which knows neither TLS nor users, whatever another one wants."""
    from events.settings import KafkaSettings

    security = {name: field.default for name, field in KafkaSettings.model_fields.items() if name.startswith("kafka_")}
    return KafkaSettings(kafka=address, **security)


def forget_other_servers() -> None:
    """Take how other servers want to be connected to out of the environment of this process and its children."""
    for name in list(os.environ):
        if name.startswith(_HOW_TO_CONNECT):
            del os.environ[name]


def state_settings(override: str | None = None) -> "StateSettings":
    """Return the Redis settings; the address is the override, SHOAL_REDIS, the local one, or the default."""
    from state.settings import StateSettings

    local = None if override or "SHOAL_REDIS" in os.environ else read_local()
    address = override or (local.redis if local else None)
    return StateSettings(redis=address) if address else StateSettings()


def trigger_settings(redis: str | None = None) -> "TriggerSettings":
    """Return the settings of triggers; those of local services call any address, as `LocalServices` has it."""
    from stream.campaigns.settings import TriggerSettings

    chosen = redis or {"SHOAL_REDIS", ANY_ADDRESS[0]} & os.environ.keys()
    return TriggerSettings() if chosen or read_local() is None else TriggerSettings(trigger_addresses="any")
