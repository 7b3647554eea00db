"""Faults by name: what is broken, for how long, and put right again by whoever would do that in a shop."""

import os
import random
import signal
import time
from collections.abc import Callable

import redis as redis_py

from cli.local.embedded import ChildProcess
from tests.deployment import Message
from tests.faults.cluster import Cluster
from tests.faults.commands import rebaseline

PAUSE_S = 6.0
"""Longer than the session timeout of the test's consumers."""
OUTAGE_S = 4.0
_COPY = """
local copied = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  copied[#copied + 1] = key
  copied[#copied + 1] = redis.call('DUMP', key)
end
return copied
"""


def _kill(service: str) -> Callable[[Cluster, random.Random], None]:
    return lambda cluster, chance: _one(cluster, service, chance).kill()


def _stop(service: str) -> Callable[[Cluster, random.Random], None]:
    return lambda cluster, chance: _one(cluster, service, chance).stop(60)


def _one(cluster: Cluster, service: str, chance: random.Random) -> ChildProcess:
    cluster.supervise()
    return chance.choice(cluster.running[service])


def _pause(service: str) -> Callable[[Cluster, random.Random], None]:
    """Stop a process until others have taken over, and let it go on as if nothing had happened."""

    def fault(cluster: Cluster, chance: random.Random) -> None:
        victim = _one(cluster, service, chance)
        os.kill(victim.pid, signal.SIGSTOP)
        time.sleep(PAUSE_S)
        os.kill(victim.pid, signal.SIGCONT)

    return fault


def _kill_redis(cluster: Cluster, _: random.Random) -> None:
    cluster.server.restart()


def _kill_kafka(cluster: Cluster, _: random.Random) -> None:
    cluster.kafka.restart()


def _kill_all(cluster: Cluster, _: random.Random) -> None:
    for each in (child for children in cluster.running.values() for child in children):
        each.kill()
    cluster.server.restart()
    cluster.kafka.restart()


def _older_redis(cluster: Cluster, chance: random.Random) -> None:
    """Put Redis back to what it was some seconds ago, while all services run."""
    copied = cluster.service.redis.eval(_COPY, 0)  # at one moment, which a real copy is of too
    older = dict(zip(copied[::2], copied[1::2], strict=True))
    seen, deadline = cluster.progress(), time.monotonic() + 5.0
    while cluster.progress() < seen + 2_000 and time.monotonic() < deadline:
        time.sleep(0.05)
    cluster.service.come_back_older(older)


def _emptied_redis(cluster: Cluster, _: random.Random) -> None:
    cluster.service.redis.flushall()


def _setting(name: str, value: str, back: str) -> Callable[[Cluster, random.Random], None]:
    def fault(cluster: Cluster, _: random.Random) -> None:
        client: redis_py.Redis = cluster.service.redis
        client.config_set(name, value)
        time.sleep(OUTAGE_S)
        client.config_set(name, back)

    return fault


def _scale(cluster: Cluster, _: random.Random) -> None:
    """One worker, then three, then two again."""
    for workers in (1, 3, 2):
        cluster.wanted["worker"] = workers
        cluster.supervise()
        time.sleep(2.0)


def _poison(cluster: Cluster, chance: random.Random) -> None:
    topic = chance.choice(["segment-changes", "dead-letters", "models", "baselines", "entries"])
    cluster.service.publish([Message(topic, b"poison", chance.choice([b"{no json", b"", b"\xff\xfe", b"[]"]), 0)])


def _webhooks(status: float) -> Callable[[Cluster, random.Random], None]:
    """Let the receiver refuse (a status), or hang for seconds."""

    def fault(cluster: Cluster, _: random.Random) -> None:
        cluster.receiver.behave = lambda number: status
        time.sleep(OUTAGE_S)
        cluster.receiver.behave = lambda number: 200

    return fault


FAULTS: dict[str, Callable[[Cluster, random.Random], None]] = {
    "worker killed": _kill("worker"),
    "worker ended": _stop("worker"),
    "worker paused": _pause("worker"),
    "experiments killed": _kill("experiments"),
    "experiments paused": _pause("experiments"),
    "triggers killed": _kill("triggers"),
    "triggers paused": _pause("triggers"),
    "api killed": _kill("api"),
    "Redis killed": _kill_redis,
    "Kafka killed": _kill_kafka,
    "everything killed": _kill_all,
    "Redis older": _older_redis,
    "Redis emptied": _emptied_redis,
    "Redis read-only": _setting("min-replicas-to-write", "1", "0"),
    "Redis out of memory": _setting("maxmemory", "1", "0"),
    "workers 1, 3, 2": _scale,
    "new baseline": lambda cluster, chance: rebaseline(cluster, chance.randrange(2, 6)),
    "poison": _poison,
    "webhooks refused": _webhooks(503),
    "webhooks hang": _webhooks(3.0),
}


def schedule(chance: random.Random, count: int) -> list[str]:
    """Return the names of `count` faults; those that a seed has not met yet come first."""
    names = list(FAULTS)
    return [name for _ in range(1 + count // len(names)) for name in chance.sample(names, len(names))][:count]


def inject(name: str, cluster: Cluster, chance: random.Random) -> None:
    """Let a fault happen, and end."""
    FAULTS[name](cluster, chance)
