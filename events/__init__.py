"""What crosses the wire: models, topics and codec. What publishes them is in `shoal_client`."""

from events.errors import ShoalError
from events.schema.inputs import INPUTS, Conversion, CustomerProfile, Exposure, Order, WebSession
from events.schema.outputs import Baseline, DeadLetter, ModelVersion, SegmentChange
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
    "SegmentChange",
    "ShoalError",
    "WebSession",
]
