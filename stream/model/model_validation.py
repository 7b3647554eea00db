"""Published baselines and models, checked: messages on `baselines` and `models` may be anybody's."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from consumers.broker.internal_messages import NotReadable
from events.schema.outputs import Baseline, ModelVersion
from events.segment_changes import segment_number
from state.customers.records import RECORD
from stream.customers.decay import LANDMARK_MS
from stream.customers.features import feature_matrix
from stream.customers.lifecycle import STAGES

__all__ = ["fits", "published_baseline", "published_model"]

_MODEL_KEY: Final = b"current"
_LARGEST_SEGMENT: Final = (1 << 16) - 1


def published_baseline(key: bytes | None, value: bytes) -> Baseline:
    """Return the baseline of a message.

    Raises ValidationError, or NotReadable where its parts do not belong together; FeatureUnknown; IndexError where a
    feature is of an attribute that records have no room for.
    """
    baseline = Baseline.model_validate_json(value)
    if key != str(baseline.baseline).encode():
        raise NotReadable("its key is not the baseline's number")
    width = len(baseline.features)
    feature_matrix(np.zeros(0, RECORD), baseline.features, LANDMARK_MS, 1.0, tuple(baseline.attributes))
    for name in ("center", "scale"):
        _require_length(name, getattr(baseline, name), width)
    for name in ("lower", "upper", "power"):
        if getattr(baseline, name):
            _require_length(name, getattr(baseline, name), width)
    if not all(baseline.scale):
        raise NotReadable("scale: holds 0")
    stages = sorted(each.stage for each in baseline.segments if each.stage is not None)
    if stages != (sorted(STAGES) if baseline.lifecycle else []):
        raise NotReadable(f"segments: {stages} are not the stages of its lifecycle")
    _require_length("segments", baseline.segments, baseline.k + len(stages))
    if any(each.stage is not None for each in baseline.segments[: baseline.k]):
        raise NotReadable("segments: the stages of the lifecycle come last")
    for segment in baseline.segments:
        _require_length("centroid", segment.centroid, width)
    ids = [each.segment_id for each in baseline.segments] + [each.segment_id for each in baseline.lineage]
    numbers = list(map(segment_number, ids))
    if not all(0 < number <= _LARGEST_SEGMENT for number in numbers):
        raise NotReadable("segment_id: no id of a segment")
    return baseline


def published_model(key: bytes | None, value: bytes) -> ModelVersion:
    """Return the model of a message. Raises ValidationError, NotReadable."""
    model = ModelVersion.model_validate_json(value)
    if key != _MODEL_KEY:
        raise NotReadable("its key is not 'current'")
    for rows in (model.centroids, model.borders or model.centroids):
        _require_length("centroids", rows, len(model.counts))
        for row in rows:
            _require_length("centroids", row, len(model.features))
    return model


def fits(model: ModelVersion, baseline: Baseline) -> bool:
    """Return whether a model may be one of a baseline: of another one, or with its features and segments."""
    same = model.features == baseline.features and len(model.centroids) == len(baseline.segments)
    return model.baseline != baseline.baseline or same


def _require_length(name: str, found: Sequence[Any], wanted: int) -> None:
    if len(found) != wanted:
        raise NotReadable(f"{name}: {len(found)} entries, not {wanted}")
