"""The way to librdkafka, which does confluent-kafka's work, for the two loops that are about every single message."""

import ctypes
import functools
from collections.abc import Mapping

from confluent_kafka import cimpl

try:
    from consumers import librdkafka
except ImportError:
    librdkafka = None  # type: ignore[assignment]

__all__ = ["plugin_settings"]


@functools.cache
def plugin_settings() -> Mapping[str, str] | None:
    """Return the settings of a client that our compiled modules can reach; None where that cannot be.

    Finds librdkafka's functions wherever confluent-kafka has it: in its wheel, or on the system.
    """
    if librdkafka is None:
        return None
    try:
        library = ctypes.CDLL(cimpl.__file__)
        functions = [getattr(library, name) for name in librdkafka.FUNCTIONS]
    except (OSError, AttributeError):
        return None
    librdkafka.bind([ctypes.cast(function, ctypes.c_void_p).value or 0 for function in functions])
    return {"plugin.library.paths": librdkafka.__file__}
