"""64-bit XXH3 hashes of ids: what repeats are recognised by."""

from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import cast

import numpy as np
import numpy.typing as npt
import xxhash

__all__ = ["event_hashes", "optional_hashes", "text_hashes", "topic_seed"]


def event_hashes(event_ids: Sequence[str], topic: str) -> npt.NDArray[np.uint64]:
    """Return the hash of each event id; the topic seeds it, since ids are unique within a topic."""
    return text_hashes(event_ids, topic_seed(topic))


def topic_seed(topic: str) -> int:
    """Return the seed of a topic's event ids."""
    return sum(topic.encode())


def text_hashes(texts: Sequence[str], seed: int = 0) -> npt.NDArray[np.uint64]:
    """Return the hash of each text's UTF-8 bytes."""
    digests: Iterable[int] = map(xxhash.xxh3_64_intdigest, map(str.encode, texts), repeat(seed))
    return np.fromiter(digests, np.uint64, len(texts))


def optional_hashes(texts: Sequence[str | None], seed: int = 0) -> npt.NDArray[np.uint64]:
    """Return the hash of each text, 0 where there is none."""
    if None not in texts:
        return text_hashes(cast("Sequence[str]", texts), seed)
    hashes = text_hashes([text or "" for text in texts], seed)
    hashes[[text is None for text in texts]] = 0
    return hashes
