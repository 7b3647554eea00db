"""The guard of automatic approval: reasons why a proposed baseline must be approved by a person."""

from batch.settings import BatchSettings
from events.schema.outputs import Baseline

__all__ = ["guard_violations"]


def guard_violations(baseline: Baseline, settings: BatchSettings) -> list[str]:
    """Return the reasons why a proposed baseline needs a person's approval; none where the guard holds.

    `metrics` must hold `silhouette` and `live_silhouette`, both of today's customers, `moved_share` and
    `smallest_share`; one that is missing is a violation, except the live silhouette of a first baseline.
    """
    metrics, found = baseline.metrics, []
    silhouette, live = metrics.get("silhouette"), metrics.get("live_silhouette")
    if silhouette is None:
        found.append("its silhouette is not known")
    elif live is not None and silhouette < live - settings.guard_silhouette:
        found.append(f"its silhouette is {silhouette:.3f}, the live baseline's on the same customers {live:.3f}")
    elif live is None and baseline.follows:
        found.append("the silhouette of the live baseline is not known")
    moved = metrics.get("moved_share", 1.0)
    if moved > settings.guard_moved:
        found.append(f"it moves {moved:.1%} of the customers, more than {settings.guard_moved:.1%}")
    smallest = metrics.get("smallest_share", 0.0)
    if smallest < settings.guard_share:
        found.append(f"its smallest segment has {smallest:.2%} of the customers, less than {settings.guard_share:.2%}")
    return found
