"""Call a webhook once, now, with an example change."""

import json
from typing import Any

from events.schema.example_messages import EXAMPLES
from events.segment_changes import decode_change
from state.campaigns.triggers import Trigger
from stream.campaigns.settings import TriggerSettings
from stream.campaigns.webhook_call import CallResult, call_webhook, open_session
from stream.campaigns.webhook_request import body_of, delivery_id

__all__ = ["try_webhook"]


async def try_webhook(trigger: Trigger, settings: TriggerSettings, now_ns: int) -> CallResult:
    """Return the result of one call with a change that is marked `"test": true`; `now_ns` makes its id unique."""
    example: Any = EXAMPLES["segment-changes"]
    change = decode_change(json.dumps(example).encode())
    message_id = delivery_id(trigger.secret, trigger.trigger, f"test {now_ns}")
    async with open_session(settings) as session:
        body = body_of(trigger.trigger, change, test=True).encode()
        return await call_webhook(session, trigger.url, trigger.secret, message_id, body)
