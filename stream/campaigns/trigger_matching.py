"""Which triggers a change matches, and what each of them has to deliver."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from events.segment_changes import Change
from state.campaigns.deliveries import Delivery
from state.campaigns.triggers import Trigger
from stream.campaigns.webhook_request import body_of, delivery_id

__all__ = ["deliveries_for", "matches"]


def matches(trigger: Trigger, change: Change) -> bool:
    """Return whether a change is one that the trigger is for, its customer's value aside."""
    return (
        change.cause in trigger.causes
        and _among(trigger.entered, change.segment_id, change.segment)
        and _among(trigger.left, change.previous, change.previous_segment)
    )


def deliveries_for(
    triggers: Iterable[Trigger],
    changes: Sequence[tuple[Change, int]],
    values_of: Callable[[Sequence[str]], Mapping[str, float]],
) -> dict[str, list[Delivery]]:
    """Return, by trigger, what the changes (each with the time of its message in ms) have to be delivered as.

    `values_of` gives customers' net spend; it is asked once, and only for those of whom it matters. What was published
    before a trigger was made is not for it.
    """
    found = [
        (trigger, change, at_ms)
        for trigger in triggers
        for change, at_ms in changes
        if at_ms >= trigger.created_at.timestamp() * 1000 and matches(trigger, change)
    ]
    asked = sorted({change.customer_id for trigger, change, _ in found if trigger.min_value is not None})
    values = values_of(asked) if asked else {}
    made: dict[str, list[Delivery]] = {}
    for trigger, change, at_ms in found:
        if trigger.min_value is None or values.get(change.customer_id, 0.0) >= trigger.min_value:
            made.setdefault(trigger.trigger, []).append(_delivery(trigger.trigger, change, at_ms))
    return made


def _delivery(trigger: str, change: Change, at_ms: int) -> Delivery:
    return Delivery(
        id=delivery_id(trigger, change.change_id),
        trigger=trigger,
        change_id=change.change_id,
        customer_id=change.customer_id,
        segment_id=change.segment_id,
        body=body_of(trigger, change),
        changed_ms=at_ms,
    )


def _among(wanted: Sequence[str], segment_id: str | None, name: str | None) -> bool:
    if not wanted:
        return True
    mine = {segment_id, name.casefold() if name else None}
    return any(each in mine or each.casefold() in mine for each in wanted)
