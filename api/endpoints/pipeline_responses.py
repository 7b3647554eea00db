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


class RedisStatus(BaseModel):
    """The condition of Redis; what it does not tell is null."""

    ok: bool
    writes: bool = Field(description="whether a key could be written and read back")
    maxmemory_policy: str | None = Field(description="what it does where its memory is full; noeviction drops nothing")
    evicted_keys: int | None = Field(description="keys that it has dropped since it started")
    persists: bool = Field(description="whether it could save its data to disk the last time that it tried")


class SkippedMessageDocument(BaseModel):
    """A message on one of Shoal's own topics that cannot be read."""

    topic: str = Field(description="full name")
    partition: int
    offset: int
    reason: str
    at: str = Field(description="when it was first met")


class SkippedMessagesStatus(BaseModel):
    """Messages on Shoal's own topics that cannot be read: they were skipped. Nobody but Shoal should write there."""

    count: int
    more: bool = Field(description="whether there may be more than are counted")
    topics: dict[str, int] = Field(description="how many by topic")
    latest: list[SkippedMessageDocument] = Field(description="the latest twenty")


class FailingJobDocument(BaseModel):
    """A background job whose last run failed; it is tried again."""

    job: str
    since: str
    at: str = Field(description="when it failed last")
    failures: int = Field(description="runs that failed, one after the other")
    reason: str


class AcceptedGapDocument(BaseModel):
    """A part of a topic that somebody agreed to go on without: the figures of its customers lack it."""

    group: str
    topic: str
    partition: int
    reason: str
    from_: int = Field(alias="from", description="the offset that would have come next")
    to: int = Field(description="the offset that was gone on at")
    at: str
    by: str


class PipelineStatus(BaseModel):
    """State of the pipeline: events, lag, workers, consumers of experiments and triggers."""

    customers: int
    forgotten: int = Field(default=0, description="customers who were erased because they had been silent for long")
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
    redis: RedisStatus
    skipped_messages: SkippedMessagesStatus
    accepted_gaps: list[AcceptedGapDocument] = Field(description="parts of topics that are not in the figures")
    failing_jobs: list[FailingJobDocument]
    problems: list[str]


class Health(BaseModel):
    """The process answers."""

    status: str = Field(examples=["ok"])


class Readiness(BaseModel):
    """Whether requests can be answered: Redis is there."""

    ready: bool
