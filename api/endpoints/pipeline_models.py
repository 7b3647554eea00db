"""Response models of the pipeline: workers, experiment consumers, triggers, health and readiness."""

from pydantic import BaseModel, Field

__all__ = ["ExperimentsStatus", "Health", "PipelineStatus", "Readiness", "TriggersStatus", "WorkerDocument"]


class WorkerDocument(BaseModel):
    """A worker whose last heartbeat is at most 15 seconds old."""

    worker: str
    seconds_ago: float
    partitions: list[int]
    events: int
    leader: bool


class ExperimentsStatus(BaseModel):
    """The experiments, and the consumers that tally them."""

    declared: int
    consumers: list[WorkerDocument]
    events: dict[str, int] = Field(description="events by `<topic>:<outcome>`")


class TriggersStatus(BaseModel):
    """The triggers, and the services that call their webhooks."""

    declared: int
    services: list[WorkerDocument]
    waiting: int = Field(description="deliveries that are pending")
    dead: int = Field(description="deliveries that were given up")


class PipelineStatus(BaseModel):
    """State of the pipeline: events, lag, workers, consumers of experiments and triggers."""

    customers: int
    baseline: int
    model_version: int
    events: dict[str, int] = Field(
        description="events by `<topic>:<outcome>`", examples=[{"orders:applied": 6919, "orders:duplicate": 3}]
    )
    events_behind: int | None = Field(description="published but not processed; null where Kafka does not answer")
    tallies_behind: int | None = Field(description="published but not tallied; null where Kafka does not answer")
    partitions_behind: list[int] | None = Field(description="events behind by partition; null where Kafka is away")
    changes_unsent: int
    partitions: int
    partitions_without_worker: list[int]
    workers: list[WorkerDocument]
    experiments: ExperimentsStatus
    triggers: TriggersStatus
    problems: list[str]


class Health(BaseModel):
    """The process answers."""

    status: str = Field(examples=["ok"])


class Readiness(BaseModel):
    """Whether requests can be answered: Redis is there."""

    ready: bool
