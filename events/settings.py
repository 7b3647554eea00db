"""Where Kafka is and what the topics are called."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class KafkaSettings(BaseSettings):
    """Settings of everything that talks to Kafka, each from an environment variable `SHOAL_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="SHOAL_", frozen=True, extra="ignore")

    kafka: str = Field("127.0.0.1:9092", description="bootstrap servers, host:port separated by commas")
    topic_prefix: str = Field("", max_length=64, description="put before every topic name and consumer group")
    partitions: int = Field(8, ge=1, le=4096, description="partitions of every input topic; fixed once data exists")
    replication: int = Field(1, ge=1, le=15, description="replicas of each topic; 3 in production")
    max_event_bytes: int = Field(
        1 << 20, ge=256, le=8 << 20, description="bytes of one event; larger are dead-lettered"
    )

    def topic(self, name: str) -> str:
        """Return the full name of a topic."""
        return self.topic_prefix + name
