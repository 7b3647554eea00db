"""A baseline with the stages of the lifecycle, for tests of them."""

from events.schema.outputs import BaselineSegment, Lifecycle, NameClaim, NameCondition
from stream.customers.lifecycle import STAGE_NAMES, STAGES, stage_words
from stream.model.baseline_zero import SEGMENT_NAMES
from tests.building import make_baseline


def staged_baseline(number=1, centroids=((-1.0, -1.0), (0.0, 0.0), (1.0, 1.0))):
    """An approved baseline of recent orders and spend whose learned segments, s1 to s3, come after the stages."""
    learned = make_baseline(number, centroids, ("recent_orders", "recent_spend"))
    often = [NameCondition(feature="orders", at_least=4.0)]
    segments = [
        each.model_copy(
            update={
                "claims": [
                    NameClaim(name=each.segment, words="at least 4 orders", conditions=often),
                    NameClaim(name=f"Regular Customers {place}", words="", conditions=[]),
                ]
            }
        )
        for place, each in enumerate(learned.segments, 1)
    ]
    stages = [
        BaselineSegment(
            segment_id=f"s{SEGMENT_NAMES.index(STAGE_NAMES[stage]) + 1}",
            segment=STAGE_NAMES[stage],
            centroid=[0.0, 0.0],
            profile={},
            customers=1,
            stage=stage,
            claims=[NameClaim(name=STAGE_NAMES[stage], words=stage_words(stage, Lifecycle()), conditions=[])],
        )
        for stage in STAGES
    ]
    changed = {"segments": segments + stages, "lifecycle": Lifecycle(), "center": [1.0, 4.0], "scale": [0.5, 1.0]}
    return learned.model_copy(update=changed)
