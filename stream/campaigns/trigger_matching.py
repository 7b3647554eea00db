"""Which triggers a change matches, and the deliveries that follow."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from events.segment_changes import Change
from state.campaigns.deliveries import Delivery
from state.campaigns.triggers import Trigger
from stream.campaigns.webhook_request import body_of, delivery_id

__all__ = ["deliveries_for", "matches"]


def matches(trigger: Trigger, change: Change) -> bool:
    """Return whether a change matches a trigger, apart from the trigger's least value of the customer."""
    return (
        change.cause in trigger.causes
        and _matches_any(trigger.entered, change.segment_id, change.segment)
        and _matches_any(trigger.left, change.previous, change.previous_segment)
    )


def deliveries_for(
    triggers: Iterable[Trigger],
    changes: Sequence[tuple[Change, int]],
    values_of: Callable[[Sequence[str]], Mapping[str, float]],
) -> dict[str, list[Delivery]]:
    """Return, by trigger, the deliveries of the changes (each with the time of its message in ms).

    `values_of` returns customers' net spend; it is called once, and only for customers of triggers with a least value.
    A change that was published before a trigger was created does not match it.
    """
    matching = [
        (trigger, change, at_ms)
        for trigger in triggers
        for change, at_ms in changes
        if at_ms >= trigger.created_at.timestamp() * 1000 and matches(trigger, change)
    ]
    asked = sorted({change.customer_id for trigger, change, _ in matching if trigger.min_value is not None})
    values = values_of(asked) if asked else {}
    deliveries: dict[str, list[Delivery]] = {}
    for trigger, change, at_ms in matching:
        if trigger.min_value is None or values.get(change.customer_id, 0.0) >= trigger.min_value:
            deliveries.setdefault(trigger.trigger, []).append(_delivery(trigger, change, at_ms))
    return deliveries


def _delivery(trigger: Trigger, change: Change, at_ms: int) -> Delivery:
    return Delivery(
        id=delivery_id(trigger.secret, trigger.trigger, change.change_id),
        trigger=trigger.trigger,
        change_id=change.change_id,
        customer_id=change.customer_id,
        segment_id=change.segment_id,
        body=body_of(trigger.trigger, change),
        changed_ms=at_ms,
        also_names=[change.merged_into] if change.merged_into else [],
    )


def _matches_any(wanted: Sequence[str], segment_id: str | None, name: str | None) -> bool:
    if not wanted:
        return True
    names = {segment_id, name.casefold() if name else None}
    return any(each in names or each.casefold() in names for each in wanted)
