"""Which partition a customer lives in: Kafka's default, murmur2 of the key's bytes, for a whole batch at once."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

try:
    from events.topics.murmur2 import partitions as _compiled
except ImportError:
    _compiled = None  # type: ignore[assignment]

__all__ = ["partition_of", "partitions_of"]

_SEED = 0x9747B28C
_M = np.uint32(0x5BD1E995)


def partitions_of(customer_ids: Sequence[str], partitions: int) -> npt.NDArray[np.int32]:
    """Return the partition of each customer id, as Kafka's Java client (and kafka-python, aiokafka) would choose it.

    The formula is `(murmur2(utf8 bytes) & 0x7fffffff) % partitions`; librdkafka needs `partitioner=murmur2_random`
    to agree.

    >>> partitions_of(["00001", "00002"], 8).tolist()
    [3, 6]
    """
    if _compiled is not None:
        return _compiled(list(customer_ids), partitions)
    keys = [customer_id.encode() for customer_id in customer_ids]
    lengths = np.fromiter(map(len, keys), np.int64, len(keys))
    hashes = np.zeros(len(keys), np.uint32)
    for length in np.unique(lengths).tolist():
        members = np.flatnonzero(lengths == length)
        joined = b"".join([keys[i] for i in members.tolist()])
        octets = np.frombuffer(joined, np.uint8).reshape(len(members), length)
        hashes[members] = _murmur2_same_length(octets)
    return ((hashes & np.uint32(0x7FFFFFFF)) % np.uint32(partitions)).astype(np.int32)


def partition_of(customer_id: str, partitions: int) -> int:
    """Return the partition of one customer id, as `partitions_of` does.

    >>> partition_of("00002", 8)
    6
    """
    return int(partitions_of([customer_id], partitions)[0])


def _murmur2_same_length(octets: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    """Hash n keys of one length, given as an (n, length) array, by Austin Appleby's MurmurHash2 with Kafka's seed."""
    n, length = octets.shape
    hashes = np.full(n, np.uint32(_SEED ^ length), np.uint32)
    whole = length // 4
    words = np.ascontiguousarray(octets[:, : whole * 4]).view("<u4").reshape(n, whole)
    for column in range(whole):
        word = words[:, column] * _M
        word ^= word >> np.uint32(24)
        hashes = (hashes * _M) ^ (word * _M)
    for position in range(length % 4 - 1, -1, -1):
        hashes ^= octets[:, whole * 4 + position].astype(np.uint32) << np.uint32(8 * position)
    if length % 4:
        hashes *= _M
    hashes ^= hashes >> np.uint32(13)
    hashes *= _M
    hashes ^= hashes >> np.uint32(15)
    return hashes
