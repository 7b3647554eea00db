"""Whether a Kafka broker answers, and whether it is the one that was meant."""

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from cli.local.embedded.free_ports import LOOPBACK, port_open

ANSWER_TIMEOUT_S = 2.0
NO_GROUP = "shoal-readiness"


def answers(port: int, cluster_id: str) -> bool:
    """Whether a broker of the given cluster answers a metadata request and is a member of its cluster.

    Args:
        port: TCP port on 127.0.0.1.
        cluster_id: the cluster that is meant; another one's broker may hold the port.
    """
    # librdkafka tries a refused connection again, with a line on stderr for each.
    if not port_open(port):
        return False
    client = AdminClient({"bootstrap.servers": f"{LOOPBACK}:{port}", "log_level": 0})
    try:
        found = client.list_topics(timeout=ANSWER_TIMEOUT_S)
    except KafkaException:
        return False
    return found.cluster_id == cluster_id and any(broker.port == port for broker in found.brokers.values())


def serves_groups(port: int) -> bool:
    """Whether a broker coordinates consumer groups; to be asked makes a new one create the topic it needs for that.

    Asked early, because clients wait a second or more between two tries.

    Args:
        port: TCP port of the broker on 127.0.0.1.
    """
    try:
        client = KafkaAdminClient(bootstrap_servers=f"{LOOPBACK}:{port}")
    except KafkaError:
        return False
    try:
        # A group that is not known is "Dead"; there is no state while the coordinator still loads.
        return bool(client.describe_groups([NO_GROUP])[NO_GROUP]["group_state"])
    except KafkaError:
        return False
    finally:
        client.close()
