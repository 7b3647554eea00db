"""Where Kafka is, how to be let in, and what the topics are called."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shoal_client.errors import SecurityInvalid
from shoal_client.kafka_security import KafkaSecurity, options_of

__all__ = ["KafkaSettings"]


class KafkaSettings(BaseSettings):
    """Settings of everything that talks to Kafka, each from an environment variable `SHOAL_<NAME>`.

    Raises SecurityInvalid where those of the connection contradict each other.
    """

    model_config = SettingsConfigDict(env_prefix="SHOAL_", frozen=True, extra="ignore")

    kafka: str = Field("127.0.0.1:9092", description="bootstrap servers, host:port separated by commas")
    kafka_security: str = Field(
        "PLAINTEXT",
        description="how to connect: PLAINTEXT, SSL (TLS), SASL_SSL (TLS and a user) or SASL_PLAINTEXT (a user alone)",
    )
    kafka_mechanism: str = Field("", description="of SASL: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER")
    kafka_user: str = Field("", description="the user; for OAUTHBEARER, the client id")
    kafka_password: str = Field("", repr=False, description="the user's password; for OAUTHBEARER, the client secret")
    kafka_password_file: str = Field("", description="a file that holds the password, instead of it")
    kafka_ca: str = Field("", description="PEM file of the CA of the brokers' certificates; empty: the system's")
    kafka_certificate: str = Field("", description="PEM file of the client's certificate, where the brokers want one")
    kafka_key: str = Field("", description="PEM file of its private key; empty: the key is in the certificate's file")
    kafka_key_password: str = Field("", repr=False, description="password of the private key, where it is encrypted")
    kafka_check_hostname: bool = Field(
        True, description="whether a broker's certificate must be for the host name that it is reached by"
    )
    kafka_token_endpoint: str = Field("", repr=False, description="URL that gives tokens for OAUTHBEARER")
    kafka_token_scope: str = Field("", description="scope that a token is asked for")
    kafka_token_ca: str = Field("", description="PEM file of the CA of the token endpoint; empty: the system's")
    kafka_options: str = Field(
        "{}",
        repr=False,
        description="JSON: more options by librdkafka's names, for its clients alone",
    )
    topic_prefix: str = Field("", max_length=64, description="put before every topic name and consumer group")
    partitions: int = Field(8, ge=1, le=4096, description="partitions of every input topic; fixed once data exists")
    replication: int = Field(1, ge=1, le=15, description="replicas of each topic; 3 in production")
    max_event_bytes: int = Field(
        1 << 20, ge=256, le=8 << 20, description="bytes of one event; larger are dead-lettered"
    )

    @model_validator(mode="after")
    def _check_security(self) -> Self:
        if self.security.options:
            _require_known(self.librdkafka())
        return self

    @cached_property
    def security(self) -> KafkaSecurity:
        """How to connect."""
        return KafkaSecurity(
            protocol=self.kafka_security,
            mechanism=self.kafka_mechanism,
            user=self.kafka_user,
            password=self.kafka_password,
            password_file=self.kafka_password_file,
            ca=self.kafka_ca,
            certificate=self.kafka_certificate,
            key=self.kafka_key,
            key_password=self.kafka_key_password,
            check_hostname=self.kafka_check_hostname,
            token_endpoint=self.kafka_token_endpoint,
            token_scope=self.kafka_token_scope,
            token_ca=self.kafka_token_ca,
            options=options_of(self.kafka_options),
        )

    def librdkafka(self, own: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the settings of a client of confluent-kafka: its own, and those of all clients."""
        return {**(own or {}), "bootstrap.servers": self.kafka, **self.security.librdkafka()}

    def topic(self, name: str) -> str:
        """Return the full name of a topic."""
        return self.topic_prefix + name


def _require_known(options: Mapping[str, Any]) -> None:
    """Raise SecurityInvalid where librdkafka does not know an option, or does not take its value."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    try:
        AdminClient({**options, "log_level": 0})
    except KafkaException as error:
        raise SecurityInvalid(f"SHOAL_KAFKA_OPTIONS: librdkafka says: {error.args[0].str()}") from None
