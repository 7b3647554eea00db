"""Options by librdkafka's names: which are taken, and why others are not."""

from collections.abc import Mapping
from typing import Final

from shoal_client.errors import SecurityInvalid

__all__ = ["Option", "require_options"]

Option = str | int | float | bool

_SETTINGS: Final = {
    "bootstrap.servers": "SHOAL_KAFKA",
    "metadata.broker.list": "SHOAL_KAFKA",
    "security.protocol": "SHOAL_KAFKA_SECURITY",
    "sasl.mechanism": "SHOAL_KAFKA_MECHANISM",
    "sasl.mechanisms": "SHOAL_KAFKA_MECHANISM",
    "sasl.username": "SHOAL_KAFKA_USER",
    "sasl.password": "SHOAL_KAFKA_PASSWORD",
    "ssl.ca.location": "SHOAL_KAFKA_CA",
    "ssl.certificate.location": "SHOAL_KAFKA_CERTIFICATE",
    "ssl.key.location": "SHOAL_KAFKA_KEY",
    "ssl.key.password": "SHOAL_KAFKA_KEY_PASSWORD",
    "ssl.endpoint.identification.algorithm": "SHOAL_KAFKA_CHECK_HOSTNAME",
    "sasl.oauthbearer.client.id": "SHOAL_KAFKA_USER",
    "sasl.oauthbearer.client.secret": "SHOAL_KAFKA_PASSWORD",
    "sasl.oauthbearer.token.endpoint.url": "SHOAL_KAFKA_TOKEN_ENDPOINT",
    "sasl.oauthbearer.scope": "SHOAL_KAFKA_TOKEN_SCOPE",
    "https.ca.location": "SHOAL_KAFKA_TOKEN_CA",
}
"""What has a setting of its own, which all clients obey."""

_RELIED_ON: Final = frozenset({
    "acks", "auto.offset.reset", "delivery.report.only.error", "enable.auto.commit", "enable.auto.offset.store",
    "enable.idempotence", "enable.partition.eof", "group.id", "group.instance.id", "group.protocol", "isolation.level",
    "partition.assignment.strategy", "partitioner", "plugin.library.paths", "request.required.acks", "transactional.id",
})  # fmt: skip
"""What Shoal's guarantees rest on."""

_OF_ALL_CLIENTS: Final = frozenset({"ssl.cipher.suites", "ssl.crl.location"})
"""In the TLS context that kafka-python and aiokafka are given, too."""

_LETTING_IN: Final = ("sasl.", "security.", "ssl.", "https.", "enable.ssl.")
"""How names begin that decide whether a client is let in: all clients would have to be told."""


def require_options(options: Mapping[str, Option]) -> None:
    """Check that options may be given to Kafka's clients. Raises SecurityInvalid, without their values.

    Whether librdkafka knows a name, it says itself. What only makes its clients faster, kafka-python and aiokafka, by
    which Shoal administers topics and elects a leader, need not know.
    """
    for name, value in options.items():
        if name in _SETTINGS:
            raise SecurityInvalid(f"SHOAL_KAFKA_OPTIONS has {name}, for which there is a setting: {_SETTINGS[name]}")
        if name in _RELIED_ON or name.endswith("_cb"):
            raise SecurityInvalid(f"SHOAL_KAFKA_OPTIONS has {name}, on which Shoal relies as it is: leave it out")
        if name.startswith(_LETTING_IN) and name not in _OF_ALL_CLIENTS:
            raise SecurityInvalid(
                f"SHOAL_KAFKA_OPTIONS has {name}, which librdkafka alone can be told; Shoal connects by kafka-python "
                "and aiokafka, too, and they would not be let in"
            )
        if not isinstance(value, str | int | float):
            raise SecurityInvalid(f"SHOAL_KAFKA_OPTIONS has {name} with a value that is no text, number, true or false")
