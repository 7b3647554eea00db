"""Connect an `Inspector` to the state that the worker writes."""

import redis

from cli.local.service_addresses import kafka_settings, state_settings
from queries.customers.customer_and_segment_json import Inspector
from state.store.connection import connect
from stream.customers.wall_or_event_time import SegmentClock
from stream.settings import StreamSettings
from stream.worker_wiring import half_life_ms

__all__ = ["inspector"]


def inspector(redis_url: str | None, client: redis.Redis | None = None) -> Inspector:
    """Return an inspector of the state at an address. Raises RedisUnreachable."""
    state, stream = state_settings(redis_url), StreamSettings()
    return Inspector(
        client or connect(state.redis),
        SegmentClock(stream.clock, stream.replay_days),
        partitions=kafka_settings().partitions,
        half_life_ms=half_life_ms(state),
    )
