"""The peers: other engines that do the same job, and two hand-written loops to compare with."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from bench.job.fixed_job import EVENTS

__all__ = ["FOLDER", "PEERS", "Peer", "named"]

FOLDER: Final = Path(__file__).parent


@dataclass(frozen=True)
class Peer:
    """One way to do the job.

    `folder` below `bench/peers` has `job.py`, `requirements.txt` and, where jars are needed, `pom.xml`; `variant` is
    handed to the program. `events` is how many orders it is measured on, of which `warm_up` come before the clock
    starts, to spare an engine the time that its just-in-time compiler takes. A `variant` is a peer in another
    configuration than the one that is compared with, a `reference` no engine to be faster than.
    """

    name: str
    folder: str
    describes: str
    variant: str = ""
    kind: Literal["peer", "variant", "reference"] = "peer"
    events: int = EVENTS
    warm_up: int = 0
    java: bool = False

    @property
    def program(self) -> Path:
        """The job program."""
        return FOLDER / self.folder / "job.py"

    @property
    def requirements(self) -> Path:
        """The pinned packages of its environment."""
        return FOLDER / self.folder / "requirements.txt"

    @property
    def pom(self) -> Path:
        """The pinned jars that it needs; there is none if it needs none."""
        return FOLDER / self.folder / "pom.xml"


PEERS: Final = (
    Peer("faust", "faust", "faust-streaming, one order at a time, HGETALL and HSET each", "one", events=20_000),
    Peer(
        "faust take",
        "faust",
        "faust-streaming, take(1000), one pipeline to read and one to write",
        "take",
        events=60_000,
    ),
    Peer("quix-streams", "quixstreams", "Quix Streams, RocksDB state with a changelog, batching sink to Redis"),
    Peer(
        "quix-streams without changelog",
        "quixstreams",
        "Quix Streams, RocksDB state on this disk only, batching sink to Redis",
        "no-changelog",
        kind="variant",
    ),
    Peer("bytewax", "bytewax", "bytewax, keyed state with recovery snapshots, batching sink to Redis"),
    Peer(
        "bytewax without recovery",
        "bytewax",
        "bytewax, keyed state in memory only: no offset is ever committed",
        "no-recovery",
        kind="variant",
    ),
    Peer("pathway", "pathway", "Pathway, groupby and reduce in its engine, subscriber to Redis"),
    Peer(
        "pathway with persistence",
        "pathway",
        "Pathway with its input and state persisted to disk each 5 seconds",
        "persistence",
        kind="variant",
    ),
    Peer(
        "flink",
        "flink",
        "Apache Flink by PyFlink: SQL with mini-batches, a pandas UDF to Redis",
        warm_up=EVENTS // 2,
        java=True,
    ),
    Peer(
        "spark",
        "spark",
        "Spark Structured Streaming: aggregation in update mode, foreachBatch to Redis",
        warm_up=EVENTS // 2,
        java=True,
    ),
    Peer(
        "ceiling",
        "ceiling",
        "hand-written micro-batch loop without any invariant: confluent-kafka, msgspec, numpy, MGET and MSET",
        kind="reference",
    ),
    Peer(
        "sketch",
        "sketch",
        "hand-written micro-batch loop with the invariants of the design, and nothing else",
        kind="reference",
    ),
)


def named(name: str) -> Peer:
    """Return a peer by its name. Raises KeyError with the names that there are."""
    for peer in PEERS:
        if peer.name == name:
            return peer
    raise KeyError(f"there is no peer {name!r}; there are {', '.join(peer.name for peer in PEERS)}")
