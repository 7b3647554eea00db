"""What crosses the wire: models, topics, codec and the Publisher."""

from events.errors import ShoalError
from events.inputs import INPUTS, Conversion, CustomerProfile, Exposure, Order, WebSession
from events.outputs import Baseline, DeadLetter, ModelVersion, SegmentChange
from events.publisher import Publisher
from events.settings import KafkaSettings

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
