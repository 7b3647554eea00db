"""Access to librdkafka, which does confluent-kafka's work, for the two loops that handle every single message."""

import ctypes
import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from confluent_kafka import KafkaException, cimpl

try:
    from consumers.broker import librdkafka_plugin
except ImportError:
    librdkafka_plugin = None  # type: ignore[assignment]

__all__ = ["open_reached", "plugin_settings"]

Client = TypeVar("Client")
Handle = TypeVar("Handle")


def open_reached(
    client: Callable[[dict[str, Any]], Client], options: dict[str, Any], handle: Callable[[], Handle]
) -> tuple[Client, Handle] | None:
    """Open a client with these options, and what reaches the client that its thread opened last.

    None where librdkafka cannot be reached, or was built without plugins.
    """
    settings = plugin_settings()
    if settings is None:
        return None
    try:
        return client({**settings, **options}), handle()
    except (KafkaException, LookupError):
        return None


@functools.cache
def plugin_settings() -> Mapping[str, str] | None:
    """Return the settings of a client that our compiled modules can reach; None where that cannot be.

    Finds librdkafka's functions wherever confluent-kafka has it: in its wheel, or on the system.
    """
    if librdkafka_plugin is None:
        return None
    try:
        library = ctypes.CDLL(cimpl.__file__)
        functions = [getattr(library, name) for name in librdkafka_plugin.FUNCTIONS]
    except (OSError, AttributeError):
        return None
    librdkafka_plugin.bind([ctypes.cast(function, ctypes.c_void_p).value or 0 for function in functions])
    return {"plugin.library.paths": librdkafka_plugin.__file__}
