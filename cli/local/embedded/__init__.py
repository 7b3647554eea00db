"""The brokers that Shoal can start for itself: Redis and a Kafka broker as child processes on free loopback ports.

Programs and folders enter; nothing of Shoal's data does. Begin reading at `child_process`.
"""

from cli.local.embedded.apache_kafka import KafkaBroker, start_apache_kafka
from cli.local.embedded.child_process import ChildProcess, ProgramMissing, Server, ServiceFailed
from cli.local.embedded.free_ports import free_port, port_open
from cli.local.embedded.redis_server import RedisServer, start_redis
from cli.local.embedded.tansu_broker import TansuBroker, start_tansu

__all__ = [
    "ChildProcess",
    "KafkaBroker",
    "ProgramMissing",
    "RedisServer",
    "Server",
    "ServiceFailed",
    "TansuBroker",
    "free_port",
    "port_open",
    "start_apache_kafka",
    "start_redis",
    "start_tansu",
]
