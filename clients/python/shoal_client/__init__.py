"""Shoal from a shop: read customers' segments, assign variants, publish events.

from shoal_client import Publisher, Shoal
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from shoal_client.errors import (
    ApiError,
    ApiUnreachable,
    Busy,
    EventInvalid,
    KafkaRefuses,
    KafkaUnreachable,
    PublishFailed,
    SecurityInvalid,
    ShoalError,
)  # fmt: skip

if TYPE_CHECKING:
    from shoal_client.api import Assignment, ExperimentSummary, Segment, Shoal
    from shoal_client.events import Consent, Conversion, CustomerProfile, Exposure, Identity, Item, Order, WebSession
    from shoal_client.kafka_security import KafkaSecurity
    from shoal_client.publisher import Publisher

__all__ = [
    "ApiError",
    "ApiUnreachable",
    "Assignment",
    "Busy",
    "Consent",
    "Conversion",
    "CustomerProfile",
    "EventInvalid",
    "ExperimentSummary",
    "Exposure",
    "Identity",
    "Item",
    "KafkaRefuses",
    "KafkaSecurity",
    "KafkaUnreachable",
    "Order",
    "PublishFailed",
    "Publisher",
    "SecurityInvalid",
    "Segment",
    "Shoal",
    "ShoalError",
    "WebSession",
]

_HOME: Final = {
    **dict.fromkeys(("Assignment", "ExperimentSummary", "Segment", "Shoal"), "shoal_client.api"),
    **dict.fromkeys(
        ("Consent", "Conversion", "CustomerProfile", "Exposure", "Identity", "Item", "Order", "WebSession"),
        "shoal_client.events",
    ),
    "KafkaSecurity": "shoal_client.kafka_security",
    "Publisher": "shoal_client.publisher",
}


def __getattr__(name: str) -> Any:
    """Import a class when somebody asks for it: who only reads segments needs no Kafka library."""
    if name not in _HOME:
        raise AttributeError(f"module 'shoal_client' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
