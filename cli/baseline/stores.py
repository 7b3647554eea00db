"""Open what commands about baselines work with: the store, the decisions, the re-baseliner."""

from typing import TYPE_CHECKING

from cli.local.service_addresses import kafka_settings, state_settings

if TYPE_CHECKING:
    import redis

    from batch.promotion.decisions import Promotion
    from batch.rebaseline import Rebaseliner
    from batch.settings import BatchSettings
    from state.model.baselines import BaselineStore

__all__ = ["open_promotion", "open_rebaseliner", "open_store"]


def open_store(redis_url: str | None) -> "BaselineStore":
    """Return the baselines in Redis. Raises RedisUnreachable."""
    from state.model.baselines import BaselineStore
    from state.store.connection import connect

    return BaselineStore(connect(state_settings(redis_url).redis))


def open_promotion(kafka: str | None, redis_url: str | None) -> "Promotion":
    """Return what carries decisions out. Raises RedisUnreachable, KafkaUnreachable, TopicsMisconfigured."""
    from batch.promotion.decisions import Promotion
    from consumers.broker.kafka_sink import KafkaSink
    from events.topics.permissions import Needs
    from events.topics.required_topics import require_topics

    address = kafka_settings(kafka)
    require_topics(address, ["baselines"], Needs(writes=("baselines",)))
    return Promotion(open_store(redis_url), KafkaSink(address))


def open_rebaseliner(
    client: "redis.Redis", settings: "BatchSettings", kafka: str | None, redis_url: str | None
) -> "Rebaseliner":
    """Return what proposes baselines by the settings."""
    from batch.rebaseline import Rebaseliner
    from stream.customers.wall_or_event_time import SegmentClock
    from stream.moves.hysteresis import Hysteresis
    from stream.settings import StreamSettings
    from stream.worker_wiring import half_life_ms

    stream = StreamSettings()
    return Rebaseliner(
        client,
        SegmentClock(stream.clock, stream.replay_days),
        partitions=kafka_settings(kafka).partitions,
        half_life_ms=half_life_ms(state_settings(redis_url)),
        hysteresis=Hysteresis.from_settings(stream),
        limit=settings.sample_customers,
        seed=settings.seed,
    )
