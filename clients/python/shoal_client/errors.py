"""What can go wrong, in a sentence that says what happened, with which value, and what to do."""

from typing import ClassVar

__all__ = [
    "ApiError",
    "ApiUnreachable",
    "Busy",
    "EventInvalid",
    "KafkaRefuses",
    "KafkaUnreachable",
    "PublishFailed",
    "SecurityInvalid",
    "ShoalError",
]


class ShoalError(Exception):
    """Something that a person has to read: what happened, with which value, what to do.

    `retriable` says whether the same call may succeed later without anything being changed.
    """

    retriable: ClassVar[bool] = False


class KafkaUnreachable(ShoalError):
    """No broker answers at the address."""

    retriable = True

    def __init__(self, bootstrap: str, cause: object) -> None:
        super().__init__(
            f"no Kafka broker answers at {bootstrap} ({cause}). "
            "Is it running? Set SHOAL_KAFKA or --kafka to its address."
        )
        self.bootstrap = bootstrap


class KafkaRefuses(KafkaUnreachable):
    """Kafka and this process do not let each other in: a password, a certificate, a permission."""

    retriable = False

    def __init__(self, sentence: str) -> None:
        ShoalError.__init__(self, sentence)


class SecurityInvalid(ShoalError):
    """The settings of how to connect to Kafka contradict each other, or name files that cannot be used."""


class PublishFailed(ShoalError):
    """Kafka did not acknowledge an event."""

    retriable = True


class EventInvalid(ShoalError):
    """An event that Shoal would refuse; it was not sent."""


class ApiUnreachable(ShoalError):
    """The API does not answer at the address."""

    retriable = True


class ApiError(ShoalError):
    """The API has refused a request, with the problem document (RFC 9457) that says why."""

    def __init__(self, status: int, title: str, detail: str, retry_after_s: float | None = None) -> None:
        super().__init__(f"{status} {title}: {detail}")
        self.status, self.title, self.detail, self.retry_after_s = status, title, detail, retry_after_s


class Busy(ApiError):
    """The key has used up its requests of this minute (429), or what the API needs is away (503): ask again later."""

    retriable = True
