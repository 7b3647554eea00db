"""The claims of one consumer group: verified against Kafka, and with the erasures of the topic."""

import redis

from consumers.broker.internal_messages import OnSkipped
from consumers.continuity.erasure_aware_claims import ErasureAwareClaims
from consumers.continuity.verified_claims import VerifiedClaims
from consumers.entries.entry_log import EntryLog
from consumers.history.erasure_log import ErasureLog
from consumers.runtime.protocols import PartitionClaims
from events.settings import KafkaSettings

__all__ = ["group_claims"]


def group_claims(
    store: PartitionClaims,
    client: redis.Redis,
    kafka: KafkaSettings,
    group: str,
    entries: EntryLog,
    on_skipped: OnSkipped,
) -> ErasureAwareClaims:
    """Return what claims the partitions of a group in `store`; messages that cannot be read go to `on_skipped`."""
    verified = VerifiedClaims(store, client, kafka, group)
    return ErasureAwareClaims(verified, ErasureLog(kafka, on_skipped), client, kafka.partitions, entries)
