"""What crosses the wire: models, topics, codec and the Publisher."""

from typing import TYPE_CHECKING, Any

from events.errors import ShoalError
from events.inputs import INPUTS, Conversion, CustomerProfile, Exposure, Order, WebSession
from events.outputs import Baseline, DeadLetter, ModelVersion, SegmentChange
from events.settings import KafkaSettings

if TYPE_CHECKING:
    from events.publisher import Publisher

__all__ = [
    "INPUTS",
    "Baseline",
    "Conversion",
    "CustomerProfile",
    "DeadLetter",
    "Exposure",
    "KafkaSettings",
    "ModelVersion",
    "Order",
    "Publisher",
    "SegmentChange",
    "ShoalError",
    "WebSession",
]


def __getattr__(name: str) -> Any:
    """Import the Publisher when somebody asks for it: kafka-python takes longer to load than all the rest."""
    if name != "Publisher":
        raise AttributeError(f"module 'events' has no attribute {name!r}")
    from events.publisher import Publisher

    return Publisher
