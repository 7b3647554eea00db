"""The brokers that Shoal can start for itself: Redis and a Kafka broker as child processes on free loopback ports."""

from cli.embedded.apache_kafka import KafkaBroker, start_apache_kafka
from cli.embedded.ports import free_port, port_open
from cli.embedded.process import ChildProcess, ProgramMissing, Server, ServiceFailed
from cli.embedded.redis_server import RedisServer, start_redis
from cli.embedded.tansu import TansuBroker, start_tansu

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
